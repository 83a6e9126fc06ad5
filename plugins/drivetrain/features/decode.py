"""Feast's serialized values as Python's: the other way of drivetrain.features.encode, a value at a time."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from drivetrain.features.value_types import BY_FIELD, Wire
from drivetrain.features.varints import read_varint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivetrain.features.value_types import ValueType


class NotAValueError(ValueError):
    """Bytes that are none of the values that we know."""


def decode(data: bytes) -> Any:
    """What Feast's message says: None where it holds nothing, a list for a list or a set, seconds for a time.

    Raises:
        NotAValueError: it is no Value, or one of a kind that we do not know.
    """
    if not data:
        return None
    try:
        return _decode(data)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise NotAValueError(f"{data[:32]!r}: {error}") from None


def _decode(data: bytes) -> Any:
    tag, at = read_varint(data, 0)
    value_type = BY_FIELD.get(tag >> 3)
    if value_type is None:
        raise NotAValueError(f"{data[:32]!r}: field {tag >> 3} of Value is not one that we know")
    wire = Wire.BYTES if value_type.is_collection else value_type.wire
    if tag & 7 != wire.value:
        raise NotAValueError(f"{data[:32]!r}: wire type {tag & 7}, which is not {value_type.name}'s")
    if value_type.is_collection:
        size, at = read_varint(data, at)
        return list(_items(data, at, at + size, value_type))
    return _one(data, at, value_type)[0]


def _one(data: bytes, at: int, value_type: ValueType) -> tuple[Any, int]:
    """A value, and the place behind it."""
    if value_type.wire is Wire.FIXED64:
        return struct.unpack_from("<d", data, at)[0], at + 8
    if value_type.wire is Wire.FIXED32:
        return struct.unpack_from("<f", data, at)[0], at + 4
    number, at = read_varint(data, at)
    if value_type.wire is Wire.BYTES:
        if at + number > len(data):
            raise IndexError(f"ends after {len(data) - at} of {number} bytes")
        written = data[at : at + number]
        return (written if value_type.name.startswith("BYTES") else written.decode()), at + number
    if value_type.name.startswith("BOOL"):
        return bool(number), at
    return (number - (1 << 64) if number >> 63 else number), at


def _items(data: bytes, at: int, end: int, value_type: ValueType) -> Iterator[Any]:
    """Numbers are packed into one field, or, as old writers do, each in a field of its own."""
    while at < end:
        tag, at = read_varint(data, at)
        if value_type.wire is Wire.BYTES or tag & 7 == value_type.wire.value:
            item, at = _one(data, at, value_type)
            yield item
            continue
        size, at = read_varint(data, at)
        stop = at + size
        while at < stop:
            item, at = _one(data, at, value_type)
            yield item
