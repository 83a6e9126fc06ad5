"""What one run changes: decided from rows alone, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.errors import GuardError
from drivetrain.sheets.ingest import Ingested
from drivetrain.sheets.known import KnownRows, RowKeys, short
from drivetrain.sheets.spec import Edits, Mode, SheetSyncSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from drivetrain.sheets.spool import RowSpool


@dataclass(frozen=True)
class Segment:
    """Consecutive rows to write: `count` rows from `source` in the spool to `target` in the tab's data."""

    target: int
    source: int
    count: int


@dataclass(frozen=True)
class Counts:
    """A plan in numbers. A cell that goes from empty to a value is added, the other way deleted."""

    rows_added: int = 0
    rows_changed: int = 0
    rows_deleted: int = 0
    cells_added: int = 0
    cells_changed: int = 0
    cells_deleted: int = 0


@dataclass(frozen=True)
class RowPlan:
    """The rows that a run writes, blanks and deletes. Row 0 is the first below the header.

    Attributes:
        segments: rows to write, by target.
        clear: [start, stop) to blank in our columns, None if none.
        deletes: [start, stop) ranges to remove whole, ascending, after the writes.
        rows_after: data rows afterwards.
        counts: for people.
    """

    segments: tuple[Segment, ...]
    clear: tuple[int, int] | None
    deletes: tuple[tuple[int, int], ...]
    rows_after: int
    counts: Counts

    @property
    def is_empty(self) -> bool:
        """Nothing to do."""
        return not self.segments and self.clear is None and not self.deletes

    @property
    def rows_written(self) -> int:
        """Rows in all segments."""
        return sum(segment.count for segment in self.segments)

    @property
    def last_row_written(self) -> int:
        """One past the last data row that a segment touches."""
        return max((segment.target + segment.count for segment in self.segments), default=0)


def plan_rows(
    spec: SheetSyncSpec,
    old: RowSpool,
    new: Ingested,
    key_at: Sequence[int],
    *,
    keys: RowKeys | None = None,
    known: KnownRows | None = None,
) -> RowPlan:
    """Compare the tab's rows with the source's.

    Args:
        spec: the sync.
        old: the tab's data rows, blank ones at the end left out, as wide as `new`.
        new: the source's rows.
        key_at: positions of the key columns in a row.
        keys: of the tab's rows, where they are at hand.
        known: the rows that we left in the tab, where they are known: what is not among them is people's, and stays
            if the spec says so.

    Raises:
        GuardError: the change is larger than the spec allows.
    """
    keys = keys if keys is not None else RowKeys(old, key_at)
    ours = known.by_key if known is not None and spec.edits is Edits.KEEP else None
    match spec.mode:
        case Mode.REPLACE:
            plan = _replace(spec, old, new.spool)
        case Mode.APPEND:
            plan = _append(old, new, keys, ours or {}) if key_at else _append_all(old, new)
        case Mode.UPSERT:
            plan = _keyed(spec, old, new, keys, ours, delete=False)
        case Mode.MIRROR:
            plan = _keyed(spec, old, new, keys, ours, delete=True)
    return plan


def _guard(spec: SheetSyncSpec, *, before: int, after: int, deleted: int) -> None:
    if not before or not deleted:
        return
    if not after:
        if spec.guards.allow_empty:
            return
        raise GuardError(
            f"sync {spec.sync}: the query gives no rows and tab {spec.target.tab!r} has {before:,}: check the source, "
            "or set guards.allow_empty: true"
        )
    share = deleted / before
    if share > spec.guards.max_delete_share:
        raise GuardError(
            f"sync {spec.sync}: this run would remove {deleted:,} of {before:,} rows ({share:.0%}), more than "
            f"guards.max_delete_share = {spec.guards.max_delete_share:.0%}: check the source, or raise the share"
        )


def _replace(spec: SheetSyncSpec, old: RowSpool, new: RowSpool) -> RowPlan:
    before, after = len(old), len(new)
    _guard(spec, before=before, after=after, deleted=max(before - after, 0))
    blank = old.blank_hash
    changed = [i for i in range(after) if new.hashes[i] != (old.hashes[i] if i < before else blank)]
    clear = (after, before) if after < before else None
    segments = _segments((i, i) for i in changed)
    tally = _Tally()
    for segment in segments:
        for i, row in enumerate(new.rows(segment.source, segment.source + segment.count), segment.target):
            tally.compare(old.row(i) if i < before else None, row)
    if clear:
        tally.removed(old, range(*clear))
    return RowPlan(segments, clear, (), after, tally.counts())


def _append_all(old: RowSpool, new: Ingested) -> RowPlan:
    return _appended(old, new, range(len(new.spool)))


def _append(old: RowSpool, new: Ingested, keys: RowKeys, ours: Mapping[int, int]) -> RowPlan:
    there, hashes = set(keys), new.spool.hashes
    take = sorted(
        row for digest, row in new.keys.items() if digest not in there and ours.get(short(digest)) != hashes[row]
    )
    return _appended(old, new, take)


def _appended(old: RowSpool, new: Ingested, take: Iterable[int]) -> RowPlan:
    before = len(old)
    pairs = [(before + n, source) for n, source in enumerate(take)]
    segments = _segments(pairs)
    tally = _Tally()
    for segment in segments:
        for row in new.spool.rows(segment.source, segment.source + segment.count):
            tally.compare(None, row)
    return RowPlan(segments, None, (), before + len(pairs), tally.counts())


def _keyed(
    spec: SheetSyncSpec,
    old: RowSpool,
    new: Ingested,
    keys: RowKeys,
    ours: Mapping[int, int] | None,
    *,
    delete: bool,
) -> RowPlan:
    """Upsert and mirror. `ours`: hashes of our rows by key, where people's edits are kept; None: nothing is kept."""
    before, records = len(old), 0
    place: dict[bytes, int] = {}
    surplus: list[int] = []  # rows of a key that stands in the tab twice, or that the source no longer has
    for index, digest in enumerate(keys):
        if old.hashes[index] == old.blank_hash:
            continue  # an empty row that a person left between: not a record
        records += 1
        if digest not in new.keys and digest in new.rejected_keys:
            continue  # left as it is
        was = None if ours is None else ours.get(short(digest))
        spare = index if digest in place or digest not in new.keys else None
        first = place.setdefault(digest, index)
        if digest in new.keys and old.hashes[index] == was != old.hashes[first]:
            place[digest], spare = index, first  # people's copy stands above our row
        if spare is not None and not _is_peoples(old.hashes[spare], was, is_gone=digest not in new.keys, ours=ours):
            surplus.append(spare)
    tally = _Tally()
    changed, added = [], []
    for digest, source in new.keys.items():
        target = place.get(digest)
        if ours is not None and ours.get(short(digest)) == new.spool.hashes[source]:
            continue  # the source says what it said: what people made of the row stays, also that it is gone
        if target is None:
            added.append(source)
        elif old.hashes[target] != new.spool.hashes[source]:
            changed.append((target, source))
            tally.compare(old.row(target), new.spool.row(source))
    for source in added:
        tally.compare(None, new.spool.row(source))
    deletes = _ranges(surplus) if delete else ()
    if delete:
        kept = len(new.keys) + len(new.rejected_keys)
        _guard(spec, before=records, after=kept, deleted=len(surplus))
        for start, stop in deletes:
            tally.removed(old, range(start, stop))
    pairs = sorted(changed) + [(before + n, source) for n, source in enumerate(sorted(added))]
    rows_after = before + len(added) - (len(surplus) if delete else 0)
    return RowPlan(_segments(pairs), None, deletes, rows_after, tally.counts())


def _is_peoples(row: int, was: int | None, *, is_gone: bool, ours: Mapping[int, int] | None) -> bool:
    """Whether a row that the source does not account for stays, since people wrote it.

    Args:
        row: its hash.
        was: the hash of our row of that key.
        is_gone: the source has no row of that key. Then an edited row of ours goes, and one that never was ours stays.
        ours: None where nothing is kept.
    """
    if ours is None:
        return False
    return was is None if is_gone else row != was


def _segments(pairs: Iterable[tuple[int, int]]) -> tuple[Segment, ...]:
    """Join (target, source) pairs that go on in both."""
    merged: list[Segment] = []
    for target, source in pairs:
        if merged:
            last = merged[-1]
            if target == last.target + last.count and source == last.source + last.count:
                merged[-1] = Segment(last.target, last.source, last.count + 1)
                continue
        merged.append(Segment(target, source, 1))
    return tuple(merged)


def _ranges(indices: Sequence[int]) -> tuple[tuple[int, int], ...]:
    return tuple((s.target, s.target + s.count) for s in _segments((i, i) for i in sorted(indices)))


class _Tally:
    """Counts cells as a plan is made."""

    def __init__(self) -> None:
        self._rows = [0, 0, 0]
        self._cells = [0, 0, 0]

    def compare(self, old: Sequence[object] | None, new: Sequence[object]) -> None:
        if old is None:
            self._rows[0] += 1
            self._cells[0] += sum(cell is not None for cell in new)
            return
        self._rows[1] += 1
        for before, after in zip(old, new, strict=True):
            if before != after or type(before) is not type(after):
                self._cells[0 if before is None else 2 if after is None else 1] += 1

    def removed(self, old: RowSpool, rows: range) -> None:
        self._rows[2] += len(rows)
        self._cells[2] += sum(cell is not None for row in old.rows(rows.start, rows.stop) for cell in row)

    def counts(self) -> Counts:
        return Counts(*self._rows, *self._cells)
