"""One tab's cells: rows in blocks, shared between the versions of a workbook.

A cell value is None (empty), bool, int or float (numbers are IEEE doubles; integral ones up to 2^53 are kept as int so
that they print as Google prints them), str, ``Formula`` or ``ErrorValue``. Formats, notes and validation are apart from
the values: every row has a tuple of style numbers, and rows that look alike share one tuple, so that a format over
50,000 rows costs 50,000 pointers and no dictionaries.

Rows and committed blocks are never changed in place. A writer forks the grid, replaces the blocks that it touches, and
the old grid stays what it was: readers need no lock, a failed batch needs no undo, and two versions can be compared by
identity.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

BLOCK_ROWS = 128

Row = list[Any]
Styles = tuple[int, ...]
NO_STYLES: Styles = ()
NO_ROW: Row = []


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula as it was entered, with its leading ``=``."""

    text: str


@dataclass(frozen=True, slots=True)
class ErrorValue:
    """An error: ``type`` is Google's ErrorType (``N_A``, ``REF`` ...)."""

    type: str
    message: str = ""


class Block:
    """Up to 2 * BLOCK_ROWS rows; ``number`` is its key in the store."""

    __slots__ = ("number", "rows", "styles")

    def __init__(self, number: int, rows: list[Row], styles: list[Styles]) -> None:
        self.number = number
        self.rows = rows
        self.styles = styles


EditRow = Callable[[int, Row, Styles], tuple[Row, Styles]]


class Grid:
    """The stored rows of one tab. Rows below the last stored one are empty."""

    __slots__ = ("_number", "_owned", "_starts", "blocks")

    def __init__(self, blocks: list[Block] | None = None) -> None:
        self.blocks = blocks or []
        self._starts: list[int] | None = None
        self._owned: set[int] = set()
        self._number: Callable[[], int] = _read_only

    def fork(self, next_number: Callable[[], int]) -> Grid:
        """A copy that may be edited: blocks are shared until they are touched."""
        copy = Grid(list(self.blocks))
        copy._number = next_number
        return copy

    @property
    def starts(self) -> list[int]:
        """The index of each block's first row."""
        if self._starts is None:
            starts, total = [], 0
            for block in self.blocks:
                starts.append(total)
                total += len(block.rows)
            self._starts = starts
        return self._starts

    def __len__(self) -> int:
        return self.starts[-1] + len(self.blocks[-1].rows) if self.blocks else 0

    def row(self, index: int) -> Row:
        """The values of a row, trailing empties possibly missing. Not to be changed."""
        block, offset = self._find(index)
        return block.rows[offset] if block is not None else NO_ROW

    def row_styles(self, index: int) -> Styles:
        """The style numbers of a row, trailing zeros possibly missing."""
        block, offset = self._find(index)
        return block.styles[offset] if block is not None else NO_STYLES

    def _find(self, index: int) -> tuple[Block | None, int]:
        place = bisect_right(self.starts, index) - 1
        if place < 0:
            return None, 0
        block = self.blocks[place]
        offset = index - self.starts[place]
        return (block, offset) if offset < len(block.rows) else (None, 0)

    def scan(self, start: int, stop: int) -> Iterator[tuple[int, Row, Styles]]:
        """(index, values, styles) of the stored rows in start..stop."""
        place = max(bisect_right(self.starts, start) - 1, 0)
        for number in range(place, len(self.blocks)):
            block, first = self.blocks[number], self.starts[number]
            if first >= stop:
                return
            low, high = max(start - first, 0), min(stop - first, len(block.rows))
            for offset in range(low, high):
                yield first + offset, block.rows[offset], block.styles[offset]

    def last_filled_row(self, c0: int = 0, c1: int | None = None) -> int:
        """The index after the last row that holds a value in these columns."""
        for number in range(len(self.blocks) - 1, -1, -1):
            rows = self.blocks[number].rows
            for offset in range(len(rows) - 1, -1, -1):
                if any(value is not None for value in (rows[offset] if c1 is None else rows[offset][c0:c1])):
                    return self.starts[number] + offset + 1
        return 0

    def edit(self, start: int, stop: int, change: EditRow) -> None:
        """Call ``change`` for each row in start..stop, and keep what it returns (the same objects = no change)."""
        if stop <= start:
            return
        self.extend(stop)
        place = bisect_right(self.starts, start) - 1
        for number in range(place, len(self.blocks)):
            first = self.starts[number]
            if first >= stop:
                return
            block = self.blocks[number]
            low, high = max(start - first, 0), min(stop - first, len(block.rows))
            rows, styles = block.rows, block.styles
            writable = block.number in self._owned
            for offset in range(low, high):
                old_row, old_styles = rows[offset], styles[offset]
                row, style = change(first + offset, old_row, old_styles)
                if row is old_row and style is old_styles:
                    continue
                if not writable:
                    block = self._own(number)
                    rows, styles, writable = block.rows, block.styles, True
                rows[offset] = row
                styles[offset] = style

    def _own(self, number: int) -> Block:
        old = self.blocks[number]
        if old.number in self._owned:
            return old
        block = Block(self._number(), list(old.rows), list(old.styles))
        self._owned.add(block.number)
        self.blocks[number] = block
        return block

    def _new_block(self, rows: list[Row], styles: list[Styles]) -> Block:
        block = Block(self._number(), rows, styles)
        self._owned.add(block.number)
        return block

    def extend(self, count: int) -> None:
        """Store at least ``count`` rows."""
        missing = count - len(self)
        if missing <= 0:
            return
        if self.blocks and len(self.blocks[-1].rows) < BLOCK_ROWS:
            block = self._own(len(self.blocks) - 1)
            room = min(BLOCK_ROWS - len(block.rows), missing)
            block.rows.extend([NO_ROW] * room)
            block.styles.extend([NO_STYLES] * room)
            missing -= room
        while missing > 0:
            size = min(BLOCK_ROWS, missing)
            self.blocks.append(self._new_block([NO_ROW] * size, [NO_STYLES] * size))
            missing -= size
        self._starts = None

    def insert_rows(self, at: int, count: int, styles: Styles) -> None:
        """Insert ``count`` empty rows before row ``at``, all with these styles."""
        stored = len(self)
        if at > stored:
            if not styles:
                return
            self.extend(at)
        tail_rows: list[Row] = []
        tail_styles: list[Styles] = []
        if at < stored:
            number = bisect_right(self.starts, at) - 1
            offset = at - self.starts[number]
            position = number
            if offset:
                block = self._own(number)
                tail_rows, tail_styles = block.rows[offset:], block.styles[offset:]
                del block.rows[offset:], block.styles[offset:]
                position = number + 1
        else:
            position = len(self.blocks)
        rows = [NO_ROW] * count + tail_rows
        marks = [styles] * count + tail_styles
        pieces = [
            self._new_block(rows[low : low + BLOCK_ROWS], marks[low : low + BLOCK_ROWS])
            for low in range(0, len(rows), BLOCK_ROWS)
        ]
        self.blocks[position:position] = pieces
        self._starts = None

    def delete_rows(self, start: int, stop: int) -> None:
        """Remove the rows start..stop; what is below moves up."""
        stop = min(stop, len(self))
        if start >= stop:
            return
        starts = self.starts
        kept: list[Block] = []
        for number, block in enumerate(self.blocks):
            first = starts[number]
            low, high = max(start - first, 0), min(stop - first, len(block.rows))
            if low >= high:
                kept.append(block)
            elif high - low < len(block.rows):
                kept.append(
                    self._new_block(block.rows[:low] + block.rows[high:], block.styles[:low] + block.styles[high:])
                )
        self.blocks = _merge_small(kept, self._new_block)
        self._starts = None

    def insert_columns(self, at: int, count: int, inherit: int | None) -> None:
        """Insert empty columns; ``inherit`` is the (old) column whose styles they take."""
        seen: dict[Styles, Styles] = {}

        def change(_: int, row: Row, styles: Styles) -> tuple[Row, Styles]:
            if len(row) > at:
                row = row[:at] + [None] * count + row[at:]
            mark = styles[inherit] if inherit is not None and inherit < len(styles) else 0
            if mark or len(styles) > at:
                wider = seen.get(styles)
                if wider is None:
                    padded = styles + (0,) * (at - len(styles))
                    wider = seen[styles] = padded[:at] + (mark,) * count + padded[at:]
                styles = wider
            return row, styles

        self.edit(0, len(self), change)

    def delete_columns(self, start: int, stop: int) -> None:
        """Remove the columns start..stop; what is to the right moves left."""
        seen: dict[Styles, Styles] = {}

        def change(_: int, row: Row, styles: Styles) -> tuple[Row, Styles]:
            if len(row) > start:
                row = row[:start] + row[stop:]
            if len(styles) > start:
                narrower = seen.get(styles)
                if narrower is None:
                    narrower = seen[styles] = styles[:start] + styles[stop:]
                styles = narrower
            return row, styles

        self.edit(0, len(self), change)


def _merge_small(blocks: list[Block], new_block: Callable[[list[Row], list[Styles]], Block]) -> list[Block]:
    """Join neighbours that deletes have left small, so that blocks stay few."""
    merged: list[Block] = []
    for block in blocks:
        if merged and len(merged[-1].rows) + len(block.rows) <= BLOCK_ROWS // 2:
            last = merged.pop()
            block = new_block(last.rows + block.rows, last.styles + block.styles)
        merged.append(block)
    return merged


def _read_only() -> int:
    raise RuntimeError("a committed grid cannot be edited: fork it")


def number(value: float) -> int | float:
    """A number as a cell keeps it: a double, shown as an int where it is one."""
    if type(value) is int:
        return value if -(2**53) <= value <= 2**53 else float(value)
    return int(value) if value.is_integer() and -(2**53) <= value <= 2**53 else value


def splice(row: Row, at: int, values: Row) -> Row:
    """A copy of ``row`` with ``values`` from column ``at`` on."""
    if at == 0 and len(values) >= len(row):
        return values
    head = row[:at]
    if len(head) < at:
        head = head + [None] * (at - len(head))
    return head + values + row[at + len(values) :]


def splice_styles(styles: Styles, at: int, marks: Styles) -> Styles:
    """The same for styles."""
    head = styles[:at]
    return head + (0,) * (at - len(head)) + marks + styles[at + len(marks) :]
