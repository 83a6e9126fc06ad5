"""Source batches into a spool of cells: typed, keyed, checked; bad rows set aside."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from drivetrain.errors import GuardError
from drivetrain.sheets import limits
from drivetrain.sheets.cells import Cell, Row, encode_rows
from drivetrain.sheets.rejects import Reason, Reject
from drivetrain.sheets.spool import RowSpool

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drivetrain.sheets.spec import Column, SheetSyncSpec

BATCH_ROWS = 2_000


@dataclass
class Ingested:
    """The source's rows, ready to be compared with the tab's.

    Attributes:
        spool: the accepted rows, in the source's order.
        keys: each key's digest and its row in the spool, the last one where a key came twice.
        rejected_keys: keys of rows that were set aside; the tab's rows of these keys are left as they are.
        rejects: the rows set aside.
        source_rows: rows that the source gave.
    """

    spool: RowSpool
    keys: dict[bytes, int] = field(default_factory=dict)
    rejected_keys: set[bytes] = field(default_factory=set)
    rejects: list[Reject] = field(default_factory=list)
    source_rows: int = 0

    def digest(self, columns: Sequence[Column]) -> str:
        """32 characters for all that the query said, its rows in their order."""
        shown = [[c.name, c.title, c.type.value, c.scale, c.format, c.timezone] for c in columns]
        whole = hashlib.blake2b(
            orjson.dumps([shown, self.spool.width, self.source_rows, len(self.rejects)]), digest_size=16
        )
        for digest in sorted(self.rejected_keys):
            whole.update(digest)
        whole.update(self.spool.hashes)
        return whole.hexdigest()


def key_digest(cells: Sequence[Cell]) -> bytes:
    """16 bytes for a key, so that an index over a large tab stays small."""
    return hashlib.blake2b(orjson.dumps(cells), digest_size=16).digest()


def ingest(
    spec: SheetSyncSpec, columns: Sequence[Column], batches: Iterable[pa.RecordBatch], spool: RowSpool
) -> Ingested:
    """Drain `batches` into a spool, which is closed where that fails.

    Args:
        spec: the sync.
        columns: what to write, from columns.resolve_columns.
        batches: the query's result; each batch has every column.
        spool: empty; wider than the columns where the tab's region is, the rest stays blank.

    Raises:
        GuardError: more rows than the spec's row_limit; nothing was written.
    """
    result = Ingested(spool)
    try:
        _drain(spec, columns, batches, result)
    except BaseException:
        result.spool.close()
        raise
    return result


def _drain(spec: SheetSyncSpec, columns: Sequence[Column], batches: Iterable[pa.RecordBatch], result: Ingested) -> None:
    key_at = [next(i for i, column in enumerate(columns) if column.name == key) for key in spec.keys]
    padding: Row = (None,) * (result.spool.width - len(columns))
    row_of_source: list[int] = []  # of each spooled row, only needed to name a superseded one
    for whole in batches:
        for start in range(0, whole.num_rows, BATCH_ROWS):
            batch = whole.slice(start, BATCH_ROWS)
            first = result.source_rows + 1
            result.source_rows += batch.num_rows
            if result.source_rows > spec.guards.row_limit:
                raise GuardError(
                    f"sync {spec.sync}: the query gives more than guards.row_limit = {spec.guards.row_limit:,} rows: "
                    "narrow the query or raise the limit"
                )
            rows = encode_rows(batch, columns)
            suspects = _suspects(batch, columns)
            if suspects or key_at:
                rows = _accept(rows, first, columns, key_at, suspects, result, row_of_source)
            result.spool.extend(row + padding for row in rows) if padding else result.spool.extend(rows)


def _suspects(batch: pa.RecordBatch, columns: Sequence[Column]) -> set[int]:
    """Rows with a text that may be over the limit, found by its bytes: never fewer than its characters."""
    found: set[int] = set()
    for column in columns:
        array = batch.column(batch.schema.get_field_index(column.name))
        if pa.types.is_string_view(array.type):
            array = array.cast(pa.large_string())  # it has no binary_length of its own
        is_binary = pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type)
        if is_binary or pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
            factor = 2 if is_binary else 1  # bytes are shown as two hexadecimal digits each
            lengths = pc.multiply(pc.binary_length(array), factor)
            mask = pc.fill_null(pc.greater(lengths, limits.MAX_CHARACTERS_PER_CELL), False)
            if pc.any(mask).as_py():
                found.update(pc.indices_nonzero(mask).to_pylist())
    return found


def _accept(
    rows: list[Row],
    first: int,
    columns: Sequence[Column],
    key_at: list[int],
    suspects: set[int],
    result: Ingested,
    row_of_source: list[int],
) -> list[Row]:
    accepted: list[Row] = []
    next_index = len(result.spool)
    for offset, row in enumerate(rows):
        number = first + offset
        key_cells = [row[i] for i in key_at]
        key_text = ", ".join(str(cell) for cell in key_cells)
        if offset in suspects and (bad := _too_long(row, number, columns, key_text)):
            result.rejects.append(bad)
            if key_at:
                result.rejected_keys.add(key_digest(key_cells))
            continue
        if key_at:
            if None in key_cells:
                column = columns[key_at[key_cells.index(None)]].name
                detail = "a key column must not be NULL: filter such rows out or choose another key"
                result.rejects.append(Reject(number, column, Reason.NULL_KEY, key_text, "", detail))
                continue
            digest = key_digest(key_cells)
            earlier = result.keys.get(digest)
            if earlier is not None:
                detail = f"row {number} has the same key and wins, being later: make the key unique in the query"
                names = ", ".join(columns[i].name for i in key_at)
                superseded = row_of_source[earlier]
                result.rejects.append(
                    Reject(superseded, names, Reason.DUPLICATE_KEY, key_text, Reject.shown(key_text), detail)
                )
            result.keys[digest] = next_index + len(accepted)
            row_of_source.append(number)
        accepted.append(row)
    return accepted


def _too_long(row: Row, number: int, columns: Sequence[Column], key_text: str) -> Reject | None:
    for column, cell in zip(columns, row, strict=False):
        if isinstance(cell, str) and limits.utf16_length(cell) > limits.MAX_CHARACTERS_PER_CELL:
            detail = f"a cell holds at most {limits.MAX_CHARACTERS_PER_CELL:,} characters: shorten it in the query"
            return Reject(number, column.name, Reason.CELL_TOO_LONG, key_text, Reject.shown(cell), detail)
    return None
