"""Event times as Feast keeps them beside each view's features: protobuf's Timestamp, to the microsecond."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drivetrain.features.encode import ColumnRefusedError
from drivetrain.features.varints import read_varint, varints

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SECONDS, _NANOS = 1 << 3, 2 << 3
_MICROSECOND, _SECOND = 1_000, 1_000_000
_NOTHING = pa.scalar(b"", pa.large_binary())


def microseconds(column: pa.Array | pa.ChunkedArray, name: str) -> NDArray[np.int64]:
    """Times as microseconds since 1970 in UTC; a time without a zone is in UTC, what is finer is cut off.

    Args:
        column: n times.
        name: the column's, for errors.

    Raises:
        ColumnRefusedError: they are no times, or some are missing.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not pa.types.is_timestamp(column.type):
        raise ColumnRefusedError(f"column {name}: is {column.type} and not a timestamp")
    if column.null_count:
        raise ColumnRefusedError(f"column {name}: {column.null_count} of {len(column)} rows have no time")
    whole = pc.cast(column, pa.timestamp("us", column.type.tz), safe=False)
    found: NDArray[np.int64] = pc.cast(whole, pa.int64()).to_numpy(zero_copy_only=False)
    return found


def encode_times(times: NDArray[np.int64]) -> pa.LargeBinaryArray:
    """Each time, in microseconds since 1970, as protobuf's message."""
    seconds = np.floor_divide(times, _SECOND)
    nanos = (times - seconds * _SECOND) * _MICROSECOND
    return pc.binary_join_element_wise(_field(seconds, _SECONDS), _field(nanos, _NANOS), _NOTHING)


def decode_time(data: bytes) -> int:
    """Microseconds since 1970, of protobuf's message.

    Raises:
        ValueError: it is none.
    """
    seconds = nanos = at = 0
    try:
        while at < len(data):
            tag, at = read_varint(data, at)
            number, at = read_varint(data, at)
            if tag == _SECONDS:
                seconds = number - (1 << 64) if number >> 63 else number
            elif tag == _NANOS:
                nanos = number
            else:
                raise ValueError(f"{data[:16]!r}: field {tag >> 3} is none of a Timestamp's")
    except IndexError:
        raise ValueError(f"{data[:16]!r}: ends within a field of a Timestamp") from None
    return seconds * _SECOND + nanos // _MICROSECOND


BEFORE_ALL = np.iinfo(np.int64).min


def stored_time(data: bytes | None) -> int:
    """Microseconds since 1970 of what Redis has; before all times where it has none, or what is no time."""
    try:
        return BEFORE_ALL if data is None else decode_time(data)
    except ValueError:
        return int(BEFORE_ALL)


def _field(values: NDArray[np.int64], tag: int) -> pa.LargeBinaryArray:
    """A field of the message; protobuf leaves a zero out."""
    written = varints(values.view(np.uint64), bytes([tag]))
    is_zero = values == 0
    return pc.if_else(pa.array(is_zero), _NOTHING, written) if is_zero.any() else written
