"""Feast's value types: what they are called, their numbers, and how their values are written.

Facts of feast 0.67's protos, types/Value.proto: https://github.com/feast-dev/feast/blob/v0.67.0/protos/feast/types/Value.proto
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping


class Wire(Enum):
    """How protobuf writes one value: https://protobuf.dev/programming-guides/encoding/."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5


@dataclass(frozen=True)
class ValueType:
    """One type of Feast's.

    Attributes:
        name: Feast's, in capitals.
        number: of ValueType.Enum: what registries and keys of entities name it by.
        field: of Value's `val`.
        wire: of a value, or of each value of a collection.
        arrow: what a column is cast to before its values are written.
        is_collection: a list or a set.
    """

    name: str
    number: int
    field: int
    wire: Wire
    arrow: pa.DataType
    is_collection: bool = False

    @property
    def storage(self) -> pa.DataType:
        """What a whole column is cast to."""
        return pa.large_list(self.arrow) if self.is_collection else self.arrow


_BYTES, _TEXT = pa.large_binary(), pa.large_string()
# Seconds: Feast keeps no more of a time.
_SECONDS = pa.timestamp("s", "UTC")
# name, number, field, wire, arrow; for lists and sets number and field.
_ELEMENTS = (
    ("BYTES", 1, 1, Wire.BYTES, _BYTES, (11, 11), (22, 22)),
    ("STRING", 2, 2, Wire.BYTES, _TEXT, (12, 12), (23, 23)),
    ("INT32", 3, 3, Wire.VARINT, pa.int32(), (13, 13), (24, 24)),
    ("INT64", 4, 4, Wire.VARINT, pa.int64(), (14, 14), (25, 25)),
    ("DOUBLE", 5, 5, Wire.FIXED64, pa.float64(), (15, 15), (26, 26)),
    ("FLOAT", 6, 6, Wire.FIXED32, pa.float32(), (16, 16), (27, 27)),
    ("BOOL", 7, 7, Wire.VARINT, pa.bool_(), (17, 17), (28, 28)),
    ("UNIX_TIMESTAMP", 8, 8, Wire.VARINT, _SECONDS, (18, 18), (29, 29)),
    ("JSON", 32, 32, Wire.BYTES, _TEXT, (33, 33), None),
    ("UUID", 36, 36, Wire.BYTES, _TEXT, (38, 38), (40, 40)),
    ("TIME_UUID", 37, 37, Wire.BYTES, _TEXT, (39, 39), (41, 41)),
    ("DECIMAL", 44, 44, Wire.BYTES, _TEXT, (45, 45), (46, 46)),
)


def _all() -> Mapping[str, ValueType]:
    found = {}
    for name, number, field, wire, arrow, as_list, as_set in _ELEMENTS:
        found[name] = ValueType(name, number, field, wire, arrow)
        for suffix, numbers in (("LIST", as_list), ("SET", as_set)):
            if numbers is not None:
                full = f"{name}_{suffix}"
                found[full] = ValueType(full, *numbers, wire, arrow, is_collection=True)
    return found


VALUE_TYPES = _all()
BY_NUMBER = {one.number: one for one in VALUE_TYPES.values()}
BY_FIELD = {one.field: one for one in VALUE_TYPES.values()}
