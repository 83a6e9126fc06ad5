"""Feast's keys in Redis, for whole columns at a time: which hash an entity's features are in.

The layout is version 3 of Feast's entity keys: how many join keys, their names in alphabetical order, then their values
in the same order, each behind its type and its length, all numbers little-endian; behind it the project.
https://github.com/feast-dev/feast/blob/v0.67.0/docs/specs/online_store_format.md
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drivetrain.features.encode import ColumnRefusedError, cast, delimited_by
from drivetrain.features.value_types import VALUE_TYPES
from drivetrain.features.varints import even

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivetrain.features.value_types import ValueType

_NUMBERS = {"INT32": "<i4", "INT64": "<i8", "UNIX_TIMESTAMP": "<i8"}
_TEXTS = ("STRING", "BYTES")
KEY_TYPES = tuple(VALUE_TYPES[name] for name in (*_TEXTS, *_NUMBERS))
"""The types that a join key may have."""


def entity_keys(
    columns: Mapping[str, pa.Array | pa.ChunkedArray], types: Mapping[str, ValueType], project: str
) -> pa.LargeBinaryArray:
    """The key of each row's entity in Redis.

    Args:
        columns: each join key's n values.
        types: each join key's type, one of KEY_TYPES.
        project: Feast's.

    Raises:
        ColumnRefusedError: a join key has a type that keys can't have, a value that does not fit it, or nulls.
    """
    names = sorted(types)
    head = head_of(names)
    parts: list[pa.Scalar | pa.Array] = [pa.scalar(head, pa.large_binary())]
    for name in names:
        parts += _value(columns[name], types[name], name)
    parts.append(pa.scalar(project.encode(), pa.large_binary()))
    return pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.large_binary()))


def head_of(names: Sequence[str]) -> bytes:
    """What all keys of these join keys begin with; in alphabetical order."""
    head = struct.pack("<I", len(names))
    for name in names:
        written = name.encode()
        head += struct.pack("<II", VALUE_TYPES["STRING"].number, len(written)) + written
    return head


def _value(column: pa.Array | pa.ChunkedArray, value_type: ValueType, name: str) -> list[pa.Scalar | pa.Array]:
    if value_type not in KEY_TYPES:
        known = ", ".join(one.name for one in KEY_TYPES)
        raise ColumnRefusedError(f"join key {name}: is {value_type.name}; entities are known by {known} alone")
    values = cast(column, value_type, name)
    if values.null_count:
        raise ColumnRefusedError(f"join key {name}: {values.null_count} of {len(values)} rows have none")
    kind = struct.pack("<I", value_type.number)
    if value_type.name in _TEXTS:
        return delimited_by("<u4", kind, pc.cast(values, pa.large_binary()))
    numbers = pc.cast(values, pa.int64()).to_numpy(zero_copy_only=False).astype(_NUMBERS[value_type.name])
    size = numbers.dtype.itemsize
    head = pa.scalar(kind + struct.pack("<I", size), pa.large_binary())
    return [head, even(np.ascontiguousarray(numbers).view(np.uint8).reshape(-1, size))]
