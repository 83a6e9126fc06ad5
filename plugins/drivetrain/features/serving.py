"""Which hashes and fields answer a request for features, and the answer made of what is in them.

Requests and answers have the shape of Feast's feature server: https://docs.feast.dev/reference/feature-servers/python-feature-server.
Unlike Feast's, an entity that is not there has the status NOT_FOUND, and a value that is older than its view's TTL has
OUTSIDE_MAX_AGE.
"""

from __future__ import annotations

import base64
import datetime as dt
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from drivetrain.features.decode import NotAValueError, decode
from drivetrain.features.entity_keys import head_of
from drivetrain.features.hash_reads import Group, JoinKey, RequestRefusedError
from drivetrain.features.redis_layout import feature_field, time_field
from drivetrain.features.registry import RegistryError, Selected
from drivetrain.features.timestamps import decode_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivetrain.features.registry import RegisteredView, Registry

PRESENT, NULL_VALUE, NOT_FOUND, OUTSIDE_MAX_AGE = "PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"
NO_TIME = "1970-01-01T00:00:00Z"
_MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Column:
    """One feature of the answer.

    Attributes:
        name: in the answer.
        group: which of the plan's.
        field: the place of its value among the group's fields.
        time: the place of its event time.
        ttl_microseconds: how old the value may be; None: as old as it is.
    """

    name: str
    group: int
    field: int
    time: int
    ttl_microseconds: int | None


@dataclass(frozen=True)
class Plan:
    """How one set of features is read. It depends on no entity, so it is kept and used again."""

    views: frozenset[str]
    groups: tuple[Group, ...]
    columns: tuple[Column, ...]

    @property
    def join_keys(self) -> tuple[str, ...]:
        """What a request has to give, in the order of the answer."""
        return tuple(dict.fromkeys(one.name for group in self.groups for one in group.join_keys))

    def check(self, entities: Mapping[str, Sequence[Any]], *, most: int) -> int:
        """How many entities a request is for.

        Raises:
            RequestRefusedError: join keys are missing, unknown or of different lengths, or there are too many.
        """
        wanted = self.join_keys
        if missing := [name for name in wanted if name not in entities]:
            raise RequestRefusedError(
                f"entities: {', '.join(missing)} is missing; these features need {', '.join(wanted)}"
            )
        if unknown := sorted(set(entities) - set(wanted)):
            raise RequestRefusedError(f"entities: {', '.join(unknown)} is no join key of these features: leave it out")
        counts = {name: len(values) for name, values in entities.items()}
        if len(set(counts.values())) != 1:
            told = ", ".join(f"{name} {count}" for name, count in counts.items())
            raise RequestRefusedError(f"entities: lists of different lengths: {told}")
        count = next(iter(counts.values()))
        if not 0 < count <= most:
            raise RequestRefusedError(f"entities: {count}; a request is for 1 to {most}: split it")
        return count

    def answer(
        self,
        entities: Mapping[str, Sequence[Any]],
        rows: Sequence[Sequence[Sequence[bytes | None]]],
        now_microseconds: int,
        *,
        serve_stale: bool = False,
    ) -> dict[str, Any]:
        """The answer in Feast's shape.

        Args:
            entities: of the request.
            rows: by group, each entity's fields.
            now_microseconds: since 1970.
            serve_stale: give values beyond their TTL too; their status says what they are.
        """
        count = len(next(iter(entities.values())))
        known = {"statuses": [PRESENT] * count, "event_timestamps": [NO_TIME] * count}
        results = [{"values": list(entities[name]), **known} for name in self.join_keys]
        fields = [list(zip(*group, strict=True)) for group in rows]
        ages: dict[tuple[int, int], _Ages] = {}
        for column in self.columns:
            place, own = (column.group, column.time), fields[column.group]
            if place not in ages:
                ages[place] = _Ages.of(own[column.time], column.ttl_microseconds, now_microseconds)
            results.append(_column(own[column.field], ages[place], serve_stale=serve_stale))
        names = [*self.join_keys, *(column.name for column in self.columns)]
        return {"metadata": {"feature_names": names}, "results": results}


def plan(registry: Registry, features: Sequence[str], service: str | None, *, full_names: bool) -> Plan:
    """How to answer for these features.

    Args:
        registry: what there is.
        features: as "view:feature"; empty where there is a service.
        service: a feature service instead.
        full_names: call features view__feature.

    Raises:
        RequestRefusedError: there is no such view, feature or service, or two features would have one name.
    """
    if bool(features) == (service is not None):
        raise RequestRefusedError(
            "features, feature_service: give one of them: a list of view:feature, or a service's name"
        )
    selected = _of_service(registry, service) if service is not None else _of_features(features)
    groups: dict[tuple[tuple[str, str, str], ...], _Fields] = {}
    columns: list[Column] = []
    for one in selected:
        registered = _registered(registry, one.view)
        renamed = dict(one.join_key_map)
        keys = tuple(
            (name, renamed.get(name, name), registered.view.join_keys[name].name)
            for name in sorted(registered.view.join_keys)
        )
        fields = groups.setdefault(keys, _Fields(len(groups), registered, renamed))
        time = fields.place(time_field(one.view))
        ttl = None if registered.ttl is None else int(registered.ttl.total_seconds() * _MICROSECONDS)
        for feature in one.features:
            if feature not in registered.view.features:
                known = ", ".join(registered.view.features)
                raise RequestRefusedError(
                    f"feature {one.view}:{feature}: the view has none of that name; it has {known}", 404
                )
            name = f"{one.alias or one.view}__{feature}" if full_names else feature
            columns.append(Column(name, fields.number, fields.place(feature_field(one.view, feature)), time, ttl))
    _refuse_doubles([column.name for column in columns])
    return Plan(
        frozenset(one.view for one in selected),
        tuple(fields.group(registry) for fields in groups.values()),
        tuple(columns),
    )


class _Fields:
    """A group that is being put together."""

    def __init__(self, number: int, registered: RegisteredView, renamed: Mapping[str, str]) -> None:
        self.number, self._view, self._renamed = number, registered.view, renamed
        self._places: dict[bytes, int] = {}

    def place(self, field: bytes) -> int:
        return self._places.setdefault(field, len(self._places))

    def group(self, registry: Registry) -> Group:
        types = self._view.join_keys
        names = sorted(types)
        keys = tuple(JoinKey(self._renamed.get(name, name), types[name]) for name in names)
        same = [one.view for one in registry.views.values() if one.online and one.view.join_keys == types]
        known = sum(len(one.features) + 1 for one in same)  # and the event time
        return Group(head_of(names), keys, self._view.project.encode(), tuple(self._places), known)


def _of_features(features: Sequence[str]) -> list[Selected]:
    found = []
    for reference in features:
        view, colon, feature = reference.partition(":")
        if not (view and colon and feature):
            raise RequestRefusedError(f"features: {reference!r} is not view:feature")
        found.append(Selected(view, (feature,)))
    return found


def _of_service(registry: Registry, service: str) -> Sequence[Selected]:
    if service not in registry.services:
        known = ", ".join(sorted(registry.services)) or "none"
        raise RequestRefusedError(f"feature_service {service}: there is none; there are {known}", 404)
    return registry.services[service]


def _registered(registry: Registry, name: str) -> RegisteredView:
    try:
        found = registry.view(name)
    except RegistryError as error:
        raise RequestRefusedError(str(error), 404) from None
    if not found.online:
        raise RequestRefusedError(f"feature view {name}: is not online", 404)
    return found


def _refuse_doubles(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise RequestRefusedError(f"features: more than one is called {double}: ask with full_feature_names")


@dataclass(frozen=True)
class _Ages:
    """When one view's values of each entity are of.

    Attributes:
        are_there: the view has something of the entity.
        are_stale: it is older than the view's TTL.
        texts: event times, as the answer has them.
        all_fresh: all are there, and none is stale.
    """

    are_there: list[bool]
    are_stale: list[bool]
    texts: list[str]
    all_fresh: bool

    @classmethod
    def of(cls, written: Sequence[bytes | None], ttl_microseconds: int | None, now_microseconds: int) -> _Ages:
        """Read event times. Many entities have the same."""
        oldest = None if ttl_microseconds is None else now_microseconds - ttl_microseconds
        known: dict[bytes | None, tuple[bool, bool, str]] = {None: (False, False, NO_TIME)}
        for each in {one for one in written if one is not None}:
            number = decode_time(each)
            at = dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=number)
            is_stale = oldest is not None and number < oldest
            known[each] = True, is_stale, at.isoformat().replace("+00:00", "Z")
        told = [known[each] for each in written]
        are_there, are_stale, texts = (list(column) for column in zip(*told, strict=True))
        return cls(are_there, are_stale, texts, all(are_there) and not any(are_stale))


def _column(written: Sequence[bytes | None], ages: _Ages, *, serve_stale: bool) -> dict[str, Any]:
    """One feature of all entities."""
    if ages.all_fresh and (numbers := _doubles(written)) is not None:
        statuses = [PRESENT] * len(numbers)
        return {"values": numbers, "statuses": statuses, "event_timestamps": ages.texts}
    values: list[Any] = []
    statuses = []
    for each, is_there, is_stale in zip(written, ages.are_there, ages.are_stale, strict=True):
        if not is_there or each is None:
            values.append(None)
            statuses.append(NOT_FOUND)
            continue
        value = None if is_stale and not serve_stale else _shown(each)
        values.append(value)
        statuses.append(OUTSIDE_MAX_AGE if is_stale else NULL_VALUE if value is None else PRESENT)
    return {"values": values, "statuses": statuses, "event_timestamps": ages.texts}


def _doubles(written: Sequence[bytes | None]) -> list[float] | None:
    """All values at once; None: one of them is missing, or is no double."""
    there = [each for each in written if each is not None]
    if len(there) < len(written) or there[0][:1] != _DOUBLE or set(map(len, there)) != {_DOUBLE_BYTES}:
        return None
    joined = b"".join(there)
    if joined[::_DOUBLE_BYTES] != _DOUBLE * len(there):
        return None
    return list(_unpacked(len(there)).unpack(joined))


@lru_cache(maxsize=256)
def _unpacked(count: int) -> struct.Struct:
    return struct.Struct("<" + "xd" * count)


def _shown(written: bytes) -> Any:
    """A value as JSON has it."""
    if written[:1] == _DOUBLE and len(written) == _DOUBLE_BYTES:
        return _UNPACK(written, 1)[0]
    try:
        value = decode(written)
    except NotAValueError:
        return None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list) and value and isinstance(value[0], bytes):
        return [base64.b64encode(one).decode() for one in value]
    return value


_DOUBLE, _DOUBLE_BYTES, _UNPACK = b"\x29", 9, struct.Struct("<d").unpack_from
