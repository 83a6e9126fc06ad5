"""A tab's rows as typed Arrow batches; rows that can't be loaded are set aside with the cell at fault."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from drivetrain.errors import GuardError
from drivetrain.sheets import a1
from drivetrain.sheets.cells import Cell, canonical
from drivetrain.sheets.decode import BadCellError
from drivetrain.sheets.load_cells import ACCEPTED, arrow_type, key_part, read_cell
from drivetrain.sheets.rejects import Reason, Reject
from drivetrain.sheets.spec import ColumnType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drivetrain.sheets.load_spec import LoadColumn, SheetLoadSpec
    from drivetrain.sheets.load_table import TableColumn

# Enough to mend a tab by; all are counted.
_KEPT_REJECTS = 10_000
_CELLS_A_ROW = 5
_PREVIEW_ROWS = 20


@dataclass
class Tally:
    """What was read so far.

    Attributes:
        read: rows that are not blank.
        rejected: rows that were set aside.
        rejects: the cells at fault, the first ones of each row, up to 10,000 in all.
        kinds: for each (column, reason) how many cells, and the first one.
        preview: the first accepted rows.
    """

    read: int = 0
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)
    kinds: dict[tuple[str, Reason], tuple[int, Reject]] = field(default_factory=dict)
    preview: list[dict[str, Any]] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Rows to load."""
        return self.read - self.rejected

    def set_aside(self, rejects: Sequence[Reject]) -> None:
        """Count one row and its cells at fault."""
        self.rejected += 1
        room = max(_KEPT_REJECTS - len(self.rejects), 0)
        self.rejects += rejects[: min(room, _CELLS_A_ROW)]
        for reject in rejects:
            count, first = self.kinds.get((reject.column, reject.reason), (0, reject))
            self.kinds[reject.column, reject.reason] = (count + 1, first)

    def worst(self, count: int) -> list[str]:
        """The most frequent kinds of faults, each by its first cell; then further cells until there are `count`."""
        ordered = sorted(self.kinds.values(), key=lambda kind: -kind[0])[:count]
        lines = [_line(first) + (f" (and {n - 1:,} more like it)" if n > 1 else "") for n, first in ordered]
        named = {first for _, first in ordered}
        others = (_line(reject) for reject in self.rejects if reject not in named)
        return [*lines, *others][:count]


class RowReader:
    """Reads a tab's rows part by part.

    Memory: the keys' digests, about 100 bytes a row, and one part.

    Args:
        spec: the load.
        places: for each of its columns the position in a row, from header.locate.
        room: for each of its columns the table's, from load_table.check_table.
    """

    def __init__(self, spec: SheetLoadSpec, places: Sequence[int], room: Sequence[TableColumn]) -> None:
        self.spec = spec
        self.tally = Tally()
        self.schema = pa.schema([pa.field(f"C{i}", arrow_type(column)) for i, column in enumerate(spec.columns)])
        self._columns = list(zip(spec.columns, places, room, strict=True))
        self._keys_at = [[column.name for column in spec.columns].index(key) for key in spec.keys]
        self._first_column = a1.parse_cell(spec.source.anchor)[1]
        self._seen: dict[bytes, int] = {}
        # A column of check boxes says FALSE in every row that people have not come to.
        self._unticked: tuple[Cell, ...] = (
            (None, False) if any(c.type is not ColumnType.BOOLEAN for c in spec.columns) else (None,)
        )

    def read(self, first_row: int, rows: Iterable[Sequence[object]]) -> pa.RecordBatch:
        """The accepted rows of one part.

        Args:
            first_row: the tab's row, from 0, of the first of them.
            rows: cells from the anchor's column on, as the API gives them; short rows are blank at their end.

        Raises:
            GuardError: there are more rows than guards.row_limit.
        """
        accepted: list[list[Any]] = []
        for number, row in enumerate(rows, first_row):
            cells = [canonical(row[place]) if place < len(row) else None for _, place, _ in self._columns]
            cells = [None if isinstance(cell, str) and not cell.strip() else cell for cell in cells]
            if self._is_blank(cells):
                continue
            self._count()
            values = self._values(number, cells)
            if values is not None:
                accepted.append(values)
        columns = list(zip(*accepted, strict=True)) if accepted else [()] * len(self.schema)
        return pa.RecordBatch.from_arrays(
            [pa.array(column, kind) for column, kind in zip(columns, self.schema.types, strict=True)],
            schema=self.schema,
        )

    def _count(self) -> None:
        self.tally.read += 1
        limit = self.spec.guards.row_limit
        if self.tally.read > limit:
            raise GuardError(
                f"load {self.spec.load}: tab {self.spec.source.tab!r} has more than guards.row_limit = {limit:,} "
                "rows: look for stray values at its end, or raise the limit"
            )

    def _is_blank(self, cells: Sequence[Cell]) -> bool:
        return all(any(cell is blank for blank in self._unticked) for cell in cells)

    def _values(self, row: int, cells: Sequence[Cell]) -> list[Any] | None:
        values: list[Any] = []
        faults: list[tuple[int, Reason, str]] = []
        for at, (cell, (column, _, room)) in enumerate(zip(cells, self._columns, strict=True)):
            try:
                value = read_cell(cell, column, room)
            except BadCellError as error:
                values.append(None)
                faults.append((at, Reason.BAD_CELL, str(error)))
                continue
            values.append(value)
            if value is None and (fault := self._missing(at, column, room)):
                faults.append((at, *fault))
            elif at in self._keys_at and isinstance(value, str) and value != value.strip():
                faults.append(
                    (at, Reason.BAD_CELL, "the key has blanks around it, which make it another key: remove them")
                )
        key = ", ".join(str(cells[at]) for at in self._keys_at)
        if not faults and (twin := self._duplicate(row, values)):
            faults.append(twin)
        if faults:
            self.tally.set_aside(
                [self._reject(row, at, reason, key, cells[at], detail) for at, reason, detail in faults]
            )
            return None
        if len(self.tally.preview) < _PREVIEW_ROWS:
            shown = {
                column.name: None if value is None else str(value)[:100]
                for (column, _, _), value in zip(self._columns, values, strict=True)
            }
            self.tally.preview.append({"row": row + 1, "values": shown})
        return values

    def _missing(self, at: int, column: LoadColumn, room: TableColumn) -> tuple[Reason, str] | None:
        if at in self._keys_at:
            return Reason.NULL_KEY, f"a key must not be blank; accepted: {ACCEPTED[column.type]}"
        if column.required or not room.nullable:
            return Reason.MISSING_VALUE, f"this column must not be blank; accepted: {ACCEPTED[column.type]}"
        return None

    def _duplicate(self, row: int, values: Sequence[Any]) -> tuple[int, Reason, str] | None:
        """The first row of a key stays: which of two is meant, only people know."""
        if not self._keys_at:
            return None
        parts = [key_part(values[at], self.spec.columns[at]) for at in self._keys_at]
        digest = hashlib.blake2b(orjson.dumps(parts), digest_size=16).digest()
        first = self._seen.setdefault(digest, row)
        if first == row:
            return None
        at = self._keys_at[0]
        return at, Reason.DUPLICATE_KEY, f"{self._address(first, at)} has the same key: keep one of the two rows"

    def _reject(self, row: int, at: int, reason: Reason, key: str, cell: Cell, detail: str) -> Reject:
        return Reject(
            row=row + 1,
            column=self.spec.columns[at].name,
            reason=reason,
            key=Reject.shown(key),
            value="" if cell is None else Reject.shown(cell),
            detail=detail,
            address=self._address(row, at),
        )

    def _address(self, row: int, at: int) -> str:
        return a1.cell(row, self._first_column + self._columns[at][1])


def _line(reject: Reject) -> str:
    return f"{reject.address} ({reject.column}): {reject.detail}"
