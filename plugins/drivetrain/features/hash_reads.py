"""How one entity's hash is read for a request: which key, which fields, and with which of Redis' commands."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from drivetrain.errors import FatalError
from drivetrain.features.redis_commands import bulk
from drivetrain.features.value_types import VALUE_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drivetrain.features.value_types import ValueType

_MOST = 0.7  # of a hash's fields: from there on HGETALL takes less of Redis and of the server together


class RequestRefusedError(FatalError):
    """A request that can't be answered, with what to change in it.

    Args:
        message: one line.
        status: HTTP's: 404 for what is not there, 422 for a value that is wrong.
    """

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class JoinKey:
    """One value of an entity's key.

    Attributes:
        name: what the request calls it.
        type: of the value.
    """

    name: str
    type: ValueType


@dataclass(frozen=True)
class Group:
    """All that is read of one entity's hash at once: views that are about the same entities.

    Attributes:
        head: the key's first part.
        join_keys: in the order of the key.
        project: the key's last part.
        fields: what is read.
        known: how many fields such a hash has, as far as the registry says.
    """

    head: bytes
    join_keys: tuple[JoinKey, ...]
    project: bytes
    fields: tuple[bytes, ...]
    known: int

    def keys(self, entities: Mapping[str, Sequence[Any]]) -> list[bytes]:
        """The hash of each entity of a request.

        Raises:
            RequestRefusedError: a value is not what its join key says.
        """
        columns = [_packed(one, entities[one.name]) for one in self.join_keys]
        if len(columns) == 1:
            return [self.head + value + self.project for value in columns[0]]
        return [self.head + b"".join(values) + self.project for values in zip(*columns, strict=True)]

    @property
    def operation(self) -> str:
        """Redis' command.

        Redis looks for each field that it is asked for from the hash's beginning, and takes each out of the request
        first: asked for most of them, it is faster to say all.
        """
        return "HGETALL" if len(self.fields) >= _MOST * self.known else "HMGET"

    def read(self, key: bytes) -> bytes:
        """The command as it is sent."""
        before, after = self._command
        return before + bulk(key) + after

    def rows(self, answers: Sequence[list[bytes | None]]) -> list[Sequence[bytes | None]]:
        """The values of the fields, of what Redis answered for each key."""
        if self.operation == "HMGET":
            return list(answers)
        found: list[Sequence[bytes | None]] = []
        names: list[bytes | None] | None = None
        for answer in answers:
            if (own := answer[::2]) != names:  # hashes that were written alike have their fields in the same order
                names, values = own, self._values_of(own)
            found.append(values((*answer, None)))
        return found

    def _values_of(self, names: list[bytes | None]) -> Callable[[Sequence[bytes | None]], Sequence[bytes | None]]:
        """What takes the fields' values out of names and values in turn; the last is for a field that is not there."""
        places = {name: 2 * number + 1 for number, name in enumerate(names)}
        return itemgetter(*(places.get(field, -1) for field in self.fields))  # two at least: one is an event time

    @cached_property
    def _command(self) -> tuple[bytes, bytes]:
        """What stands before the key, and what behind it."""
        name, fields = self.operation.encode(), self.fields if self.operation == "HMGET" else ()
        return b"*%d\r\n%b" % (2 + len(fields), bulk(name)), b"".join(map(bulk, fields))


def _packed(key: JoinKey, values: Sequence[Any]) -> list[bytes]:
    """Values as keys have them: type, length, bytes."""
    pack = _PACKED[key.type.name]
    try:
        return [pack(value) for value in values]
    except (TypeError, ValueError, struct.error, binascii.Error):
        wrong = next(value for value in values if not _fits(pack, value))
        raise RequestRefusedError(f"entities: {key.name}: {wrong!r} is no {key.type.name}") from None


def _fits(pack: Callable[[Any], bytes], value: Any) -> bool:
    try:
        pack(value)
    except (TypeError, ValueError, struct.error, binascii.Error):
        return False
    return True


def _whole(name: str, layout: str) -> Callable[[Any], bytes]:
    head = struct.pack("<II", VALUE_TYPES[name].number, struct.calcsize(layout))
    packed = struct.Struct(layout).pack

    def pack(value: Any) -> bytes:
        if type(value) is not int:  # True is an int, and 1.0 is none
            raise TypeError(value)
        return head + packed(value)

    return pack


def _text(value: Any) -> bytes:
    written = value.encode() if type(value) is str else None
    if written is None:
        raise TypeError(value)
    return struct.pack("<II", VALUE_TYPES["STRING"].number, len(written)) + written


def _bytes(value: Any) -> bytes:
    """In JSON as base64."""
    written = base64.b64decode(value, validate=True)
    return struct.pack("<II", VALUE_TYPES["BYTES"].number, len(written)) + written


_PACKED = {
    "INT64": _whole("INT64", "<q"),
    "INT32": _whole("INT32", "<i"),
    "UNIX_TIMESTAMP": _whole("UNIX_TIMESTAMP", "<q"),
    "STRING": _text,
    "BYTES": _bytes,
}
