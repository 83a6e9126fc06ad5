"""Rows on disk, their hashes in memory: what keeps a sync's memory independent of its size.

A row is held as the JSON array that Google's values methods take, so that it is encoded once, hashed as those
bytes and sent as those bytes. In memory a row costs 16 bytes: its offset and its 64-bit hash.
"""

from __future__ import annotations

import hashlib
import tempfile
from array import array
from typing import TYPE_CHECKING, Self

import orjson

from drivetrain.sheets.cells import Cell, Row, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

_BLOCK_ROWS = 1_000


def row_json(row: Sequence[Cell]) -> bytes:
    """The row's one spelling, equal for equal rows."""
    return orjson.dumps(row)


def row_hash(encoded: bytes) -> int:
    """64 bits of BLAKE2b: two different rows at the same place collide once in 10**19."""
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "big")


class RowSpool:
    """An append-only list of rows of one width.

    Args:
        width: cells of a row.
        memory_bytes: from there on the rows lie on disk; a small sync never touches it.
    """

    def __init__(self, width: int, memory_bytes: int = 8_000_000) -> None:
        self.width = width
        self.hashes = array("Q")
        self._offsets = array("Q", [0])
        self._file = tempfile.SpooledTemporaryFile(max_size=max(memory_bytes, 1))  # noqa: SIM115 - closed by close()
        self.blank_hash = row_hash(row_json((None,) * width))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()

    def __len__(self) -> int:
        return len(self.hashes)

    def extend(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Add rows that are `width` cells wide and canonical (see cells.canonical)."""
        position = end = self._offsets[-1]
        pieces = []
        for row in rows:
            encoded = row_json(row)
            pieces.append(encoded)
            position += len(encoded)
            self._offsets.append(position)
            self.hashes.append(row_hash(encoded))
        self._file.seek(end)
        self._file.write(b"".join(pieces))

    def extend_from_api(self, values: Iterable[Sequence[object]]) -> None:
        """Add rows as the values methods give them: short rows padded, numbers in any spelling."""
        width = self.width
        padding: Row = (None,) * width
        self.extend(
            [
                *(canonical(value) for value in row[:width]),
                *padding[len(row) :],
            ]
            for row in values
        )

    def reshaped(self, columns: int, width: int, memory_bytes: int) -> RowSpool:
        """The first `columns` cells of each row, blank up to `width`, in a spool of their own; this one is closed."""
        other = RowSpool(width, memory_bytes)
        padding: Row = (None,) * max(width - columns, 0)
        for start in range(0, len(self), _BLOCK_ROWS):
            rows = self.rows(start, min(start + _BLOCK_ROWS, len(self)))
            other.extend([*row[:columns], *padding][:width] for row in rows)
        self.close()
        return other

    def trim(self) -> None:
        """Forget blank rows at the end."""
        keep = len(self.hashes)
        while keep and self.hashes[keep - 1] == self.blank_hash:
            keep -= 1
        del self.hashes[keep:]
        del self._offsets[keep + 1 :]

    def size(self, start: int, stop: int) -> int:
        """Bytes of the rows [start, stop) as JSON."""
        return int(self._offsets[stop] - self._offsets[start])

    def raw(self, start: int, stop: int) -> list[bytes]:
        """The rows [start, stop), each as its JSON array."""
        self._file.seek(self._offsets[start])
        block = self._file.read(self._offsets[stop] - self._offsets[start])
        base = self._offsets[start]
        return [block[self._offsets[i] - base : self._offsets[i + 1] - base] for i in range(start, stop)]

    def rows(self, start: int = 0, stop: int | None = None) -> Iterator[list[Cell]]:
        """The cells of the rows [start, stop), read in blocks."""
        end = len(self) if stop is None else stop
        for first in range(start, end, _BLOCK_ROWS):
            for encoded in self.raw(first, min(first + _BLOCK_ROWS, end)):
                yield orjson.loads(encoded)

    def row(self, index: int) -> list[Cell]:
        """One row's cells."""
        cells: list[Cell] = orjson.loads(self.raw(index, index + 1)[0])
        return cells
