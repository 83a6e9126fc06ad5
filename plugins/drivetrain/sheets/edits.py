"""What people did to a tab since our last write: rows that are not as we left them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from drivetrain.sheets import a1
from drivetrain.sheets.known import short
from drivetrain.sheets.spec import Edits, Mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drivetrain.sheets.cells import Cell
    from drivetrain.sheets.ingest import Ingested
    from drivetrain.sheets.known import KnownRows, RowKeys
    from drivetrain.sheets.requests import Region
    from drivetrain.sheets.spec import SheetSyncSpec
    from drivetrain.sheets.spool import RowSpool

_MOST = 20
_SHOWN_CHARACTERS = 200
_MOST_CHARACTERS = 2_000


@dataclass(frozen=True)
class Edit:
    """One cell of a row that people changed.

    Attributes:
        address: where it stood when the run looked; "" for a row that is gone.
        change: of its row: "changed", "inserted" or "removed".
        ours: what the query says there now; the key of a row that is gone; None if the query has no such row.
        theirs: what people wrote.
    """

    address: str
    change: str
    ours: Cell = None
    theirs: Cell = None


@dataclass(frozen=True)
class FoundEdits:
    """People's edits since the last run.

    Attributes:
        changed: rows of ours that say something else.
        removed: rows of ours that are gone.
        inserted: rows that are not ours.
        first: the first cells of such rows.
    """

    changed: int = 0
    removed: int = 0
    inserted: int = 0
    first: tuple[Edit, ...] = ()

    @property
    def rows(self) -> int:
        """All of them."""
        return self.changed + self.removed + self.inserted

    def warning(self, spec: SheetSyncSpec) -> str:
        """One line with what stood there, where the spec asks for it; "" else."""
        if not self.rows or spec.edits is Edits.OVERWRITE:
            return ""
        kinds = (("changed", self.changed), ("inserted", self.inserted), ("removed", self.removed))
        counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds if count)
        cells = [f"{e.address} said {e.theirs!r}" if e.address else f"{e.ours!r} is gone" for e in self.first]
        return f"people edited rows of tab {spec.target.tab!r} ({counts}): {'; '.join(cells)}"[:_MOST_CHARACTERS]

    def told(self, *, with_cells: bool) -> tuple[dict[str, Any], ...]:
        """For an outcome; without cells, addresses alone."""
        shown = (asdict(edit if with_cells else replace(edit, ours=None, theirs=None)) for edit in self.first)
        return tuple({key: value for key, value in edit.items() if with_cells or value is not None} for edit in shown)


@dataclass(frozen=True)
class _Rows:
    """Rows of the tab by their numbers, and of those that are gone the source's row where it has one."""

    changed: Sequence[int]
    inserted: Sequence[int]
    removed: Sequence[int | None]


def find_edits(
    spec: SheetSyncSpec,
    known: KnownRows | None,
    old: RowSpool,
    keys: RowKeys,
    new: Ingested,
    *,
    region: Region,
    key_at: Sequence[int],
) -> FoundEdits:
    """Compare a tab with the rows that we left there.

    With keys a row is its key's: sorting a tab is no edit. Without, a row of the tab that we did not write stands for
    one of ours that is gone, in their order, as long as there is one.

    Args:
        spec: the sync.
        known: the rows that we left; None, not known: then nothing is claimed.
        old: the tab's rows.
        keys: of the tab's rows.
        new: what the query says now.
        region: where the rows stand.
        key_at: positions of the key columns.
    """
    if known is None or known.are_all_of(old):
        return FoundEdits()
    found = _by_keys(known, old, keys, new) if key_at else _by_order(known, old)
    cells = _cells(spec, found, old, keys, new, region, key_at)
    first = tuple(edit for edit, _ in zip(cells, range(_MOST), strict=False))
    return FoundEdits(len(found.changed), len(found.removed), len(found.inserted), first)


def _by_keys(known: KnownRows, old: RowSpool, keys: RowKeys, new: Ingested) -> _Rows:
    ours: dict[int, list[int]] = {}
    if known.keys is not None:
        for key, digest in zip(known.keys.tolist(), known.hashes.tolist(), strict=True):
            ours.setdefault(key, []).append(digest)
    theirs = []
    for row, (key, digest) in enumerate(zip(keys.shorts.tolist(), old.hashes, strict=True)):
        if digest == old.blank_hash:
            continue
        if digest in ours.get(key, ()):
            ours[key].remove(digest)  # as we left it, wherever it stands
        else:
            theirs.append((row, key))
    changed, inserted = [], []
    for row, key in theirs:
        if ours.get(key):
            ours[key].pop()
            changed.append(row)
        else:
            inserted.append(row)
    gone = {key: len(digests) for key, digests in ours.items() if digests}
    source = {short(digest): row for digest, row in new.keys.items() if short(digest) in gone}
    return _Rows(changed, inserted, [source.get(key) for key, count in sorted(gone.items()) for _ in range(count)])


def _by_order(known: KnownRows, old: RowSpool) -> _Rows:
    left = Counter(known.hashes.tolist())
    theirs = []
    for row, digest in enumerate(old.hashes):
        if digest == old.blank_hash:
            continue
        if left[digest]:
            left[digest] -= 1
        else:
            theirs.append(row)
    gone = left.total()
    return _Rows(theirs[:gone], theirs[gone:], [None] * max(gone - len(theirs), 0))


def _cells(
    spec: SheetSyncSpec,
    found: _Rows,
    old: RowSpool,
    keys: RowKeys,
    new: Ingested,
    region: Region,
    key_at: Sequence[int],
) -> Iterator[Edit]:
    inserted = set(found.inserted)
    for row in sorted([*found.changed, *inserted]):
        theirs, ours = old.row(row), _source_row(spec, row, keys, new) if row not in inserted else None
        for column, cell in enumerate(theirs):
            said = ours[column] if ours is not None else None
            if cell != said or type(cell) is not type(said):
                where = a1.cell(region.first_data_row + row, region.column + column)
                yield Edit(where, "inserted" if row in inserted else "changed", _shown(said), _shown(cell))
    for at in found.removed:
        if at is not None:
            row_of_source = new.spool.row(at)
            yield Edit("", "removed", ", ".join(str(_shown(row_of_source[i])) for i in key_at))


def _source_row(spec: SheetSyncSpec, row: int, keys: RowKeys, new: Ingested) -> list[Cell] | None:
    """What the query says of a row of the tab."""
    if len(keys):
        at = new.keys.get(keys[row])
        return None if at is None else new.spool.row(at)
    return new.spool.row(row) if spec.mode is Mode.REPLACE and row < len(new.spool) else None


def _shown(cell: Cell) -> Cell:
    if isinstance(cell, str) and len(cell) > _SHOWN_CHARACTERS:
        return f"{cell[:_SHOWN_CHARACTERS]}… ({len(cell)} characters)"
    return cell
