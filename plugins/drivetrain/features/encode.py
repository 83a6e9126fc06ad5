"""Columns as Feast's serialized values: the bytes that its Value message has, without a message for each.

A value that is null, or not a number, is no bytes at all, as Feast writes it; so is a collection that is null. Nulls in
a collection are refused, since Feast's collections can't hold any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drivetrain.errors import FatalError
from drivetrain.features.value_types import Wire
from drivetrain.features.varints import even, ragged, varint, varints

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drivetrain.features.value_types import ValueType

_NOTHING = pa.scalar(b"", pa.large_binary())
# A repeated field called val is number 1 of each collection's message, always written as bytes of some length.
_ITEM = bytes([1 << 3 | Wire.BYTES.value])


class ColumnRefusedError(FatalError):
    """A column is not what its definition says."""


def encode(column: pa.Array | pa.ChunkedArray, value_type: ValueType, name: str) -> pa.LargeBinaryArray:
    """Each value as Feast writes it.

    Args:
        column: n values of a type that can be cast to the value type's without loss.
        value_type: what the feature is declared as.
        name: the column's, for errors.

    Returns:
        n values, none of them null.

    Raises:
        ColumnRefusedError: the column's type or a value in it does not fit.
    """
    values = cast(column, value_type, name)
    tag = varint(value_type.field << 3 | (Wire.BYTES if value_type.is_collection else value_type.wire).value)
    if value_type.is_collection:
        written = _delimited(tag, _collections(values, value_type, name))
    elif value_type.wire is Wire.BYTES:
        written = _delimited(tag, pc.cast(values, pa.large_binary()).fill_null(b""))
    elif value_type.wire is Wire.VARINT:
        written = varints(_bits(values), tag)
    else:
        written = _fixed(values, tag)
    is_nothing = pc.is_null(values, nan_is_null=True)
    if not pc.any(is_nothing).as_py():
        return written
    return pc.if_else(is_nothing, _NOTHING, written)


def cast(column: pa.Array | pa.ChunkedArray, value_type: ValueType, name: str) -> pa.Array:
    """A column as its value type's Arrow type.

    Raises:
        ColumnRefusedError: it can't be that without loss.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    try:
        if pa.types.is_timestamp(value_type.arrow):
            return _seconds(column, value_type)
        return pc.cast(column, value_type.storage)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ColumnRefusedError(
            f"column {name}: is {column.type}, which does not fit {value_type.name}: {str(error).splitlines()[0]}"
        ) from None


def _seconds(column: pa.Array, value_type: ValueType) -> pa.Array:
    """Times as Feast has them: whole seconds, what is beyond cut off; those without a zone are in UTC."""
    if value_type.is_collection:
        lists = pc.cast(column, pa.large_list(column.type.value_type))
        return pa.LargeListArray.from_arrays(lists.offsets, _seconds_of(lists.values), mask=pc.is_null(lists))
    return _seconds_of(column)


def _seconds_of(column: pa.Array) -> pa.Array:
    if pa.types.is_integer(column.type):
        return pc.cast(pc.cast(column, pa.int64()), pa.timestamp("s", "UTC"))
    if pa.types.is_timestamp(column.type) and column.type.tz is None:
        column = pc.cast(column, pa.timestamp(column.type.unit, "UTC"))
    return pc.cast(column, pa.timestamp("s", "UTC"), safe=False)


def _bits(values: pa.Array) -> NDArray[np.uint64]:
    """Numbers, times and truths as protobuf's 64 bits; what is null as 0."""
    whole = values if pa.types.is_boolean(values.type) else pc.cast(values, pa.int64())
    numbers = pc.fill_null(whole, False if pa.types.is_boolean(values.type) else 0).to_numpy(zero_copy_only=False)
    bits: NDArray[np.uint64] = numbers.astype(np.int64).view(np.uint64)
    return bits


def _fixed(values: pa.Array, tag: bytes) -> pa.LargeBinaryArray:
    numbers = pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False)
    little = np.ascontiguousarray(numbers, dtype=numbers.dtype.newbyteorder("<"))
    size = numbers.dtype.itemsize
    table = np.empty((len(numbers), len(tag) + size), dtype=np.uint8)
    table[:, : len(tag)] = np.frombuffer(tag, dtype=np.uint8)
    table[:, len(tag) :] = little.view(np.uint8).reshape(-1, size)
    return even(table)


def _delimited(tag: bytes, values: pa.LargeBinaryArray) -> pa.LargeBinaryArray:
    """Values behind their lengths."""
    sizes = pc.binary_length(values).to_numpy(zero_copy_only=False).astype(np.uint64)
    return pc.binary_join_element_wise(varints(sizes, tag), values, _NOTHING)


def delimited_by(number: str, head: bytes, values: pa.LargeBinaryArray) -> list[pa.Scalar | pa.Array]:
    """Parts of values behind a head that all have and their lengths as numbers of a fixed size (numpy's name)."""
    sizes = pc.binary_length(values).to_numpy(zero_copy_only=False).astype(number)
    written = even(np.ascontiguousarray(sizes).view(np.uint8).reshape(-1, sizes.dtype.itemsize))
    return [pa.scalar(head, pa.large_binary()), written, values]


def _collections(values: pa.Array, value_type: ValueType, name: str) -> pa.LargeBinaryArray:
    """The collections' own messages."""
    counts = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    items = values.flatten()
    if items.null_count:
        raise ColumnRefusedError(f"column {name}: has lists with nulls in them, which {value_type.name} can't hold")
    if value_type.wire is Wire.BYTES:
        written = _delimited(_ITEM, pc.cast(items, pa.large_binary()))
        return _joined(written, counts)
    if value_type.wire is Wire.VARINT:
        packed = _joined(varints(_bits(items)), counts)
    else:
        packed = _joined(_fixed(items, b""), counts)
    # An empty list has no field at all.
    sizes = pc.binary_length(packed).to_numpy(zero_copy_only=False)
    heads = pc.if_else(pa.array(sizes == 0), _NOTHING, varints(sizes.astype(np.uint64), _ITEM))
    return pc.binary_join_element_wise(heads, packed, _NOTHING)


def _joined(items: pa.LargeBinaryArray, counts: NDArray[np.int64]) -> pa.LargeBinaryArray:
    """Each collection's items one behind the other: their bytes lie like that already."""
    ends = np.concatenate(([0], np.cumsum(counts)))
    offsets = np.frombuffer(items.buffers()[1], dtype=np.int64)[items.offset : items.offset + len(items) + 1]
    data = np.frombuffer(items.buffers()[2] or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    return ragged(data, np.diff(offsets[ends]))
