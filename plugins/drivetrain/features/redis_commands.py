"""Redis' commands as bytes, for whole columns at a time.

A client that takes a command apart into arguments, and each into a length and its bytes, spends more time on that than
Redis spends on the command. Here a batch is put together at once: https://redis.io/docs/latest/develop/reference/protocol-spec/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

_BINARY = pa.large_binary()
_NOTHING = pa.scalar(b"", _BINARY)
_SHORT = 1_024


@dataclass(frozen=True)
class Commands:
    """Commands one behind the other.

    Attributes:
        data: as they are sent.
        count: how many.
    """

    data: memoryview
    count: int

    def __len__(self) -> int:
        return self.count


def bulk(value: bytes) -> bytes:
    """One argument."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


def command(*arguments: bytes) -> bytes:
    """One command."""
    return b"*%d\r\n" % len(arguments) + b"".join(map(bulk, arguments))


def commands(*arguments: bytes | pa.LargeBinaryArray) -> Commands:
    """N commands, whose arguments are columns of n values without nulls, or one value that all have."""
    parts: list[bytes | pa.LargeBinaryArray] = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        if isinstance(argument, bytes):
            parts.append(bulk(argument))
        else:
            parts += (_heads(argument), argument, b"\r\n")
    joined = pc.binary_join_element_wise(*_merged(parts), _NOTHING)
    return Commands(_data(joined), len(joined))


def variadic(name: bytes, values: pa.LargeBinaryArray) -> bytes:
    """One command with all values as its arguments."""
    arguments = pc.binary_join_element_wise(*_merged([_heads(values), values, b"\r\n"]), _NOTHING)
    return b"*%d\r\n" % (len(values) + 1) + bulk(name) + bytes(_data(arguments))


def _data(values: pa.LargeBinaryArray) -> memoryview:
    """All values, one behind the other."""
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int64)
    data = memoryview(values.buffers()[2] or b"").cast("B")
    return data[int(offsets[values.offset]) : int(offsets[values.offset + len(values)])]


def _heads(values: pa.LargeBinaryArray) -> bytes | pa.LargeBinaryArray:
    """What stands before each value: its length."""
    sizes = pc.binary_length(values).to_numpy(zero_copy_only=False)
    least, most = int(sizes.min()), int(sizes.max())
    if least == most:
        return b"$%d\r\n" % most
    if most < _SHORT:
        known, places = np.arange(most + 1), sizes
    else:  # a table of all lengths up to that would be larger than the column
        known, places = np.unique(sizes, return_inverse=True)
    return pc.take(pa.array([b"$%d\r\n" % size for size in known], _BINARY), pa.array(places))


def _merged(parts: Sequence[bytes | pa.LargeBinaryArray]) -> list[pa.Scalar | pa.LargeBinaryArray]:
    """The same, with what all have next to each other as one."""
    merged: list[bytes | pa.LargeBinaryArray] = []
    for part in parts:
        if merged and isinstance(part, bytes) and isinstance(merged[-1], bytes):
            merged[-1] += part
        else:
            merged.append(part)
    return [pa.scalar(part, _BINARY) if isinstance(part, bytes) else part for part in merged]
