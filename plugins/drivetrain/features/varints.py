"""Protobuf's variable-length integers, for whole columns at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LONGEST = 10  # bytes: of a negative number
# A number takes one byte more from each of these on.
_STEPS = np.array([1 << (7 * count) for count in range(1, _LONGEST)], dtype=np.uint64)


def varint(value: int) -> bytes:
    """One number, at least 0."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and the place behind it."""
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def lengths(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """How many bytes each number takes."""
    return np.searchsorted(_STEPS, values, side="right").astype(np.int64) + 1


def varints(values: NDArray[np.uint64], prefix: bytes = b"") -> pa.LargeBinaryArray:
    """Each number, behind a prefix that all have.

    Args:
        values: shape (n,). Signed numbers as the same 64 bits.
        prefix: a field's tag.

    Returns:
        n values; nulls are the caller's to put in.
    """
    sizes = lengths(values)
    widest = int(sizes.max(initial=1))
    table = np.empty((len(values), len(prefix) + widest), dtype=np.uint8)
    table[:, : len(prefix)] = np.frombuffer(prefix, dtype=np.uint8)
    places = np.arange(widest)
    digits = table[:, len(prefix) :]
    for place in range(widest):
        digits[:, place] = (values >> np.uint64(7 * place)) & np.uint64(0x7F)
    digits |= np.where(places < sizes[:, None] - 1, 0x80, 0).astype(np.uint8)
    kept = np.ones(table.shape, dtype=bool)
    kept[:, len(prefix) :] = places < sizes[:, None]
    return ragged(table[kept], sizes + len(prefix))


def ragged(data: NDArray[np.uint8], sizes: NDArray[np.int64]) -> pa.LargeBinaryArray:
    """Values of these sizes, one behind the other in `data`."""
    offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(pa.large_binary(), len(sizes), buffers)


def even(table: NDArray[np.uint8]) -> pa.LargeBinaryArray:
    """One value for each row of a table of bytes, shape (n, size)."""
    count, size = table.shape
    return ragged(table.reshape(-1), np.full(count, size, dtype=np.int64))
