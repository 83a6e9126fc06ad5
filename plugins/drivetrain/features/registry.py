"""Feature views and services as Feast's registry has them: what `feast apply` wrote, read without Feast."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drivetrain.errors import FatalError
from drivetrain.features.feast_protos import NotARegistryError, parse_registry
from drivetrain.features.value_types import BY_NUMBER, ValueType
from drivetrain.features.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


DELETED_TAG = "deleted_field"


class RegistryError(FatalError):
    """The registry, or something in it, can't be used."""


@dataclass(frozen=True)
class Source:
    """Where a view's rows are.

    Attributes:
        table: BigQuery's project.dataset.table; "" where there is a query or a file.
        query: BigQuery's, instead of a table.
        uri: of a file, instead of both.
        field_mapping: columns that are called otherwise there: the name there, and the name here.
    """

    table: str = ""
    query: str = ""
    uri: str = ""
    field_mapping: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class RegisteredView:
    """A feature view as people defined it.

    Attributes:
        view: what writing and reading it needs.
        ttl: how long after its event time a value is of use; None: for ever.
        online: whether it is to be in Redis at all.
        tags: what people said beside; of those DELETED_TAG means something here.
    """

    view: View
    source: Source
    ttl: dt.timedelta | None
    online: bool
    description: str
    owner: str
    tags: Mapping[str, str]

    @property
    def deleted_field(self) -> str | None:
        """The column of truths that says of a row: from then on the entity has no features; None: there is none."""
        return self.tags.get(DELETED_TAG) or None


@dataclass(frozen=True)
class Selected:
    """Features of one view in a service.

    Attributes:
        alias: what the service calls the view; "" for its own name.
        join_key_map: join keys that the service calls otherwise: the view's name, and the service's.
    """

    view: str
    features: tuple[str, ...]
    alias: str = ""
    join_key_map: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Registry:
    """One project of a registry.

    Attributes:
        broken: views that can't be used, by name, with the reason. The others can.
    """

    project: str
    views: Mapping[str, RegisteredView]
    services: Mapping[str, tuple[Selected, ...]]
    broken: Mapping[str, str]
    updated_at: dt.datetime

    def view(self, name: str) -> RegisteredView:
        """A view.

        Raises:
            RegistryError: there is none of that name, or it can't be used.
        """
        if name in self.broken:
            raise RegistryError(self.broken[name])
        if name not in self.views:
            raise RegistryError(f"feature view {name}: there is none; there are {', '.join(sorted(self.views))}")
        return self.views[name]

    def online_view(self, name: str) -> RegisteredView:
        """A view that is to be in Redis.

        Raises:
            RegistryError: as view; or it is not to be.
        """
        found = self.view(name)
        if not found.online:
            raise RegistryError(f"feature view {name}: is defined with online=False: change that to have it in Redis")
        return found


def load_registry(path: Path, project: str) -> Registry:
    """Read a registry's file.

    Raises:
        RegistryError: there is none, or see read_registry.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise no_file(path, error) from None
    return read_registry(data, project, where=str(path))


def no_file(path: Path, error: OSError) -> RegistryError:
    """What to say of a file that can't be read."""
    return RegistryError(f"registry {path}: {error.strerror}: `feast apply` writes it, see docs/FEATURES.md")


def read_registry(data: bytes, project: str, *, where: str) -> Registry:
    """Read a registry's file.

    Args:
        data: of the file.
        project: Feast's; a registry may hold several.
        where: the file's name, for errors.

    Raises:
        RegistryError: it is no registry, or has nothing of that project.
    """
    try:
        found = parse_registry(data)
    except NotARegistryError as error:
        raise RegistryError(f"registry {where}: is none of Feast's: {error}: run `feast apply`") from None
    specs = [one for one in found.feature_views if one.spec.project == project]
    if not specs:
        known = sorted({one.spec.project for one in found.feature_views})
        raise RegistryError(
            f"registry {where}: has no feature view of project {project}; it has those of {', '.join(known) or 'none'}"
        )
    views: dict[str, RegisteredView] = {}
    broken: dict[str, str] = {}
    for one in specs:
        try:
            views[one.spec.name] = _view(one.spec)
        except RegistryError as error:
            broken[one.spec.name] = str(error)
    services = {
        one.spec.name: tuple(_selected(each) for each in one.spec.features)
        for one in found.feature_services
        if one.spec.project == project
    }
    return Registry(project, views, services, broken, found.last_updated.ToDatetime(dt.UTC))


def _view(spec: Any) -> RegisteredView:
    source = spec.batch_source
    if not source.timestamp_field:
        raise RegistryError(
            f"feature view {spec.name}: its source has no timestamp_field: name the column of event times"
        )
    ttl = spec.ttl.ToTimedelta()
    return RegisteredView(
        view=View(
            project=spec.project,
            name=spec.name,
            join_keys=_types(spec.name, spec.entity_columns),
            features=_types(spec.name, spec.features),
            timestamp_field=source.timestamp_field,
            created_field=source.created_timestamp_column or None,
        ),
        source=Source(
            table=source.bigquery_options.table,
            query=source.bigquery_options.query,
            uri=source.file_options.uri,
            field_mapping=tuple((each.key, each.value) for each in source.field_mapping),
        ),
        ttl=ttl or None,
        online=spec.online,
        description=spec.description,
        owner=spec.owner,
        tags={each.key: each.value for each in spec.tags},
    )


def _types(view: str, fields: Any) -> dict[str, ValueType]:
    found = {}
    for field in fields:
        known = BY_NUMBER.get(field.value_type)
        if known is None:
            raise RegistryError(
                f"feature view {view}: {field.name}: its type, number {field.value_type} of Feast's, is not one that "
                "we write: take a scalar, an Array or a Set of scalars"
            )
        found[field.name] = known
    return found


def _selected(projection: Any) -> Selected:
    return Selected(
        view=projection.feature_view_name,
        features=tuple(each.name for each in projection.feature_columns),
        alias=projection.feature_view_name_alias,
        join_key_map=tuple((each.key, each.value) for each in projection.join_key_map),
    )
