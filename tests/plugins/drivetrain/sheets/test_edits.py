from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.sheets.edits import FoundEdits, find_edits
from drivetrain.sheets.ingest import ingest
from drivetrain.sheets.known import KnownRows, RowKeys, known_after, shape_of
from drivetrain.sheets.plan import plan_rows
from drivetrain.sheets.requests import Region
from drivetrain.sheets.spool import RowSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from drivetrain.sheets.spec import SheetSyncSpec

Row = tuple[Any, ...]
Table = list[Row]
BLANK: Row = (None, None, None)
SCHEMA = pa.schema({"ID": pa.int64(), "NAME": pa.string(), "N": pa.int64()})
REGION = Region(gid=1, title="Data", row=0, column=0, width=3, grid_rows=100, grid_columns=3)
FREE = {"allow_empty": True, "max_delete_share": 1}

ids, names, numbers = st.integers(0, 4), st.sampled_from([None, "a", "b"]), st.none() | st.integers(0, 1)
ROWS = st.tuples(ids, names, numbers)
TABLES = st.lists(ROWS, max_size=7)
TABS = st.lists(ROWS | st.just(BLANK), max_size=8)
RECORDS = st.lists(ROWS, max_size=5, unique_by=lambda row: row[0])


class Tab:
    """A tab that one sync writes, its memory, and people who edit it."""

    def __init__(self, spec: SheetSyncSpec) -> None:
        self.spec = spec
        self.key_at = [SCHEMA.names.index(key) for key in spec.keys]
        self.rows: Table = []
        self.known: KnownRows | None = None
        self.found = FoundEdits()

    def run(self, query: Sequence[Row]) -> bool:
        """One run; whether it wrote any row."""
        batch = pa.RecordBatch.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in query], SCHEMA)
        new = ingest(self.spec, self.spec.columns, [batch], RowSpool(3))
        with RowSpool(3) as old, new.spool:
            old.extend_from_api(self.rows)
            old.trim()
            keys = RowKeys(old, self.key_at)
            self.found = find_edits(self.spec, self.known, old, keys, new, region=REGION, key_at=self.key_at)
            plan = plan_rows(self.spec, old, new, self.key_at, keys=keys, known=self.known)
            after = known_after(self.spec, plan, old, keys, new, known=self.known, key_at=self.key_at)
            rows = [tuple(row) for row in old.rows()]
            for segment in plan.segments:
                rows += [BLANK] * (segment.target + segment.count - len(rows))
                rows[segment.target : segment.target + segment.count] = [
                    tuple(row) for row in new.spool.rows(segment.source, segment.source + segment.count)
                ]
        for start, stop in sorted([*([plan.clear] if plan.clear else []), *plan.deletes], reverse=True):
            del rows[start:stop]
        self.rows, self.known = rows, KnownRows.unpack(after.packed, after.shape)
        return not plan.is_empty


def by_key(rows: Iterable[Row]) -> dict[Any, Row]:
    return {row[0]: row for row in rows}


@given(ours=RECORDS, tab=TABS)
def test_with_keys_an_edited_row_is_changed_a_new_one_inserted_and_a_lost_one_removed(
    make_spec: Callable[..., SheetSyncSpec], ours: Table, tab: Table
) -> None:
    it = Tab(make_spec(mode="mirror", keys=["ID"], guards=FREE))
    it.run(ours)
    it.rows = tab
    it.run(ours)
    changed = inserted = 0
    filled = [row for row in tab if row != BLANK]
    for key in {row[0] for row in filled}:
        rows = [row for row in filled if row[0] == key]
        mine = by_key(ours).get(key)
        inserted += len(rows) if mine is None else len(rows) - 1
        changed += mine is not None and mine not in rows
    removed = len({row[0] for row in ours} - {row[0] for row in filled})
    assert (it.found.changed, it.found.inserted, it.found.removed) == (changed, inserted, removed)


@given(ours=TABLES, tab=TABS)
def test_without_keys_a_row_that_we_did_not_write_stands_for_one_of_ours_that_is_gone(
    make_spec: Callable[..., SheetSyncSpec], ours: Table, tab: Table
) -> None:
    it = Tab(make_spec(mode="replace", keys=[], guards=FREE))
    it.run(ours)
    it.rows = tab
    it.run(ours)
    here, there = Counter(row for row in tab if row != BLANK), Counter(ours)
    theirs, gone = (here - there).total(), (there - here).total()
    both = min(theirs, gone)
    assert (it.found.changed, it.found.inserted, it.found.removed) == (both, theirs - both, gone - both)


@pytest.mark.parametrize("mode", ["replace", "append", "upsert", "mirror"])
@pytest.mark.parametrize("policy", ["overwrite", "report"])
@settings(max_examples=30)
@given(first=RECORDS, tab=TABS, second=RECORDS)
def test_a_policy_that_keeps_nothing_plans_as_if_nothing_were_known(
    make_spec: Callable[..., SheetSyncSpec], mode: str, policy: str, first: Table, tab: Table, second: Table
) -> None:
    spec = make_spec(mode=mode, keys=[] if mode == "replace" else ["ID"], guards=FREE, edits=policy)
    it, other = Tab(spec), Tab(spec)
    it.run(first)
    it.rows = other.rows = tab
    it.run(second)
    other.run(second)
    assert it.rows == other.rows
    assert it.found.rows == 0 or it.known is not None
    it.run(second)
    assert it.found == FoundEdits(), "what the run left is ours"


class Kept:
    """What `edits: keep` promises, said as plainly as possible: rows by their keys, each key once."""

    def __init__(self, mode: str) -> None:
        self.mode, self.tab, self.ours = mode, {}, {}  # type: ignore[var-annotated]

    def run(self, query: Table) -> None:
        said = by_key(query)
        is_news = {key for key, row in said.items() if self.ours.get(key) != row}
        tab = {}
        for key, row in self.tab.items():
            if key in said:
                tab[key] = said[key] if key in is_news and self.mode != "append" else row
            elif self.mode != "mirror" or key not in self.ours:
                tab[key] = row
        added = {key: row for key, row in said.items() if key not in self.tab and key in is_news}
        match self.mode:
            case "mirror":
                self.ours = said
            case "upsert":
                self.ours |= said
            case _:
                self.ours |= added
        self.tab = tab | added


@pytest.mark.parametrize("mode", ["append", "upsert", "mirror"])
@settings(max_examples=60)
@given(
    first=RECORDS,
    turns=st.lists(st.tuples(st.dictionaries(ids, st.none() | st.tuples(names, numbers), max_size=3), RECORDS)),
)
def test_what_people_made_of_a_row_stays_until_its_source_changes(
    make_spec: Callable[..., SheetSyncSpec], mode: str, first: Table, turns: list[tuple[dict[int, Any], Table]]
) -> None:
    it, model = Tab(make_spec(mode=mode, keys=["ID"], guards=FREE, edits="keep")), Kept(mode)
    it.run(first)
    model.tab, model.ours = by_key(first), by_key(first)
    for edits, query in turns:
        tab = by_key(it.rows) | {key: (key, *cells) for key, cells in edits.items() if cells is not None}
        it.rows = [row for key, row in tab.items() if edits.get(key, ()) is not None]
        model.tab = by_key(it.rows)
        it.run(query)
        model.run(query)
        assert by_key(it.rows) == model.tab
        assert not it.run(query), "a second run of the same finds nothing to do"


def test_sorting_a_tab_is_no_edit(make_spec: Callable[..., SheetSyncSpec]) -> None:
    rows: Table = [(i, "a", i) for i in range(5)]
    for mode, keys in (("mirror", ["ID"]), ("replace", [])):
        it = Tab(make_spec(mode=mode, keys=keys, guards=FREE))
        it.run(rows)
        it.rows = rows[::-1]
        it.run(rows)
        assert it.found == FoundEdits()


def test_a_copy_of_a_row_is_people_s_and_ours_is_the_one_that_is_as_we_left_it(
    make_spec: Callable[..., SheetSyncSpec],
) -> None:
    it = Tab(make_spec(mode="mirror", keys=["ID"], guards=FREE, edits="keep"))
    it.run([(1, "a", 1), (2, "b", 2)])
    it.rows = [(1, "a note on the car below", None), (1, "a", 1), (2, "b", 2), (2, "b", 2)]
    it.run([(1, "a", 7), (2, "b", 2)])
    assert it.rows == [(1, "a note on the car below", None), (1, "a", 7), (2, "b", 2)]
    assert (it.found.changed, it.found.inserted) == (0, 2)


def test_edits_are_told_with_what_stood_there_and_where(make_spec: Callable[..., SheetSyncSpec]) -> None:
    spec = make_spec(mode="mirror", keys=["ID"], guards=FREE, edits="report")
    it = Tab(spec)
    it.run([(1, "a", 1), (2, "b", 2), (3, "c", 3)])
    it.rows = [(1, "sold, ask Ravi", 1), (2, "b", 2), (9, "x" * 300, None)]
    it.run([(1, "a", 1), (2, "b", 5), (3, "c", 3)])
    told = it.found.told(with_cells=True)
    assert told[0] == {"address": "B2", "change": "changed", "ours": "a", "theirs": "sold, ask Ravi"}
    assert told[1] == {"address": "A4", "change": "inserted", "ours": None, "theirs": 9}
    assert told[2]["theirs"] == "x" * 200 + "… (300 characters)"
    assert told[3] == {"address": "", "change": "removed", "ours": "3", "theirs": None}
    assert it.found.told(with_cells=False)[0] == {"address": "B2", "change": "changed"}
    assert it.found.warning(spec).startswith(
        "people edited rows of tab 'Stock' (1 changed, 1 inserted, 1 removed): B2 said 'sold, ask Ravi'; A4 said 9; "
    )
    assert it.found.warning(make_spec(mode="mirror", keys=["ID"])) == ""


def test_at_most_twenty_cells_are_told_and_all_rows_are_counted(make_spec: Callable[..., SheetSyncSpec]) -> None:
    it = Tab(make_spec(mode="replace", keys=[], guards=FREE))
    it.run([(i, "a", i) for i in range(100)])
    it.rows = [(i, "b", -i) for i in range(100)]
    it.run([(i, "a", i) for i in range(100)])
    assert (it.found.changed, len(it.found.first)) == (100, 20)


def test_fifty_thousand_rows_are_remembered_in_sixteen_bytes_each() -> None:
    rows = KnownRows.by_keys(shape_of(10, [0]), {i * 7_919: i for i in range(50_000)})
    assert len(rows.packed) < 16 * 50_000 + 16
    again = KnownRows.unpack(rows.packed, rows.shape)
    assert again is not None
    assert again.by_key == rows.by_key
    assert again.digest == rows.digest


def test_rows_of_another_shape_or_that_something_broke_are_not_known() -> None:
    rows = KnownRows.by_keys(shape_of(3, [0]), {1: 2})
    assert KnownRows.unpack(rows.packed, shape_of(4, [0])) is None
    assert KnownRows.unpack(rows.packed, shape_of(3, [1])) is None
    assert KnownRows.unpack(rows.packed[:-3], rows.shape) is None
    assert KnownRows.unpack(rows.packed[:-8], rows.shape) is None
    assert KnownRows.unpack(b"", rows.shape) is None
    assert KnownRows.unpack(None, rows.shape) is None
