"""Registries as `feast apply` would write them, without Feast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivetrain.features.feast_protos import parse_registry
from drivetrain.features.value_types import VALUE_TYPES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence


class RegistryFile:
    """What a registry is made of.

    Args:
        project: Feast's, of all that is added.
    """

    def __init__(self, project: str = "marketplace") -> None:
        self.project = project
        self.message = parse_registry(b"")

    def view(
        self,
        name: str,
        keys: Mapping[str, str],
        features: Mapping[str, str],
        *,
        ttl: dt.timedelta | None = None,
        table: str = "",
        timestamp: str = "at",
        created: str = "",
        online: bool = True,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Add a feature view; its types are called as Feast calls them."""
        spec = self.message.feature_views.add().spec
        spec.name, spec.project, spec.online = name, self.project, online
        spec.owner = "pricing@marketplace.example"
        spec.batch_source.timestamp_field = timestamp
        spec.batch_source.created_timestamp_column = created
        spec.batch_source.bigquery_options.table = table
        if ttl is not None:
            spec.ttl.FromTimedelta(ttl)
        for key, value in (tags or {}).items():
            spec.tags.add(key=key, value=value)
        for fields, types in ((spec.entity_columns, keys), (spec.features, features)):
            for field, kind in types.items():
                fields.add(name=field, value_type=VALUE_TYPES[kind].number)

    def service(self, name: str, chosen: Mapping[str, Sequence[str]]) -> None:
        """Add a feature service: features by view."""
        spec = self.message.feature_services.add().spec
        spec.name, spec.project = name, self.project
        for view, features in chosen.items():
            projection = spec.features.add(feature_view_name=view)
            for feature in features:
                projection.feature_columns.add(name=feature)

    def content(self) -> bytes:
        """The file's."""
        data: bytes = self.message.SerializeToString()
        return data
