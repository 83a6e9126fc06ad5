from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.errors import GuardError
from drivetrain.sheets.ingest import ingest
from drivetrain.sheets.plan import Counts, RowPlan, Segment, plan_rows
from drivetrain.sheets.spool import RowSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivetrain.sheets.spec import SheetSyncSpec

Row = tuple[Any, ...]
Table = list[Row]
BLANK: Row = (None, None, None)
LONG = "x" * 50_001
SCHEMA = pa.schema({"ID": pa.int64(), "NAME": pa.string(), "N": pa.int64()})
FREE = {"allow_empty": True, "max_delete_share": 1}

ids, names, numbers = st.none() | st.integers(0, 5), st.sampled_from([None, "a", "b"]), st.none() | st.integers(0, 2)
TABS = st.lists(st.tuples(ids, names, numbers) | st.just(BLANK), max_size=10)
QUERIES = st.lists(st.tuples(ids, st.sampled_from([None, "a", "b", "b", LONG]), numbers), max_size=10)


def trimmed(table: Sequence[Row]) -> Table:
    rows = list(table)
    while rows and rows[-1] == BLANK:
        rows.pop()
    return rows


def planned(spec: SheetSyncSpec, tab: Sequence[Row], query: Sequence[Row]) -> tuple[RowPlan, Table]:
    """The plan, and the tab once it is carried out."""
    batch = pa.RecordBatch.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in query], SCHEMA)
    new = ingest(spec, spec.columns, [batch], RowSpool(3))
    with RowSpool(3) as old, new.spool:
        old.extend_from_api(tab)
        old.trim()
        plan = plan_rows(spec, old, new, [SCHEMA.names.index(key) for key in spec.keys])
        rows = trimmed(tab)
        for segment in plan.segments:
            rows += [BLANK] * (segment.target + segment.count - len(rows))
            rows[segment.target : segment.target + segment.count] = [
                tuple(row) for row in new.spool.rows(segment.source, segment.source + segment.count)
            ]
    if plan.clear:
        start, stop = plan.clear
        rows[start:stop] = [BLANK] * (stop - start)
    for start, stop in reversed(plan.deletes):
        del rows[start:stop]
    return plan, rows


def expected(mode: str, keys: Sequence[str], tab: Sequence[Row], query: Sequence[Row]) -> Table:
    """What the tab should hold, said as plainly as possible."""
    at = [SCHEMA.names.index(key) for key in keys]

    def key(row: Row) -> Row:
        return tuple(row[i] for i in at)

    tab = trimmed(tab)
    fitting = [row for row in query if row[1] != LONG]
    if mode == "replace":
        return fitting
    if not keys:
        return tab + fitting
    last = {key(row): (i, row) for i, row in enumerate(fitting) if None not in key(row)}
    wanted = {k: row for k, (_, row) in sorted(last.items(), key=lambda item: item[1][0])}
    aside = {key(row) for row in query if row[1] == LONG} - set(wanted)
    there = {key(row) for row in tab if row != BLANK}
    added = [row for k, row in wanted.items() if k not in there]
    if mode == "append":
        return tab + added
    rows, seen = [], set()
    for row in tab:
        k = key(row)
        if row == BLANK or k in aside:
            rows.append(row)
        elif k in wanted and k not in seen:
            rows.append(wanted[k])
        elif mode == "upsert":
            rows.append(row)
        seen.add(k)
    return rows + added


def filled(table: Sequence[Row]) -> int:
    return sum(cell is not None for row in table for cell in row)


MODES = [
    ("replace", []),
    ("append", []),
    ("append", ["ID"]),
    ("upsert", ["ID"]),
    ("upsert", ["NAME", "ID"]),
    ("mirror", ["ID"]),
    ("mirror", ["ID", "N"]),
]


@pytest.mark.parametrize(("mode", "keys"), MODES, ids=str)
@settings(max_examples=30)
@given(tab=TABS, query=QUERIES)
def test_a_plan_brings_the_tab_to_the_state_that_its_mode_promises(
    make_spec: Callable[..., SheetSyncSpec], mode: str, keys: list[str], tab: Table, query: Table
) -> None:
    spec = make_spec(mode=mode, keys=keys, guards=FREE)
    plan, after = planned(spec, tab, query)
    wanted = expected(mode, keys, tab, query)
    assert trimmed(after) == trimmed(wanted)

    counts, before = plan.counts, trimmed(tab)
    assert filled(before) + counts.cells_added - counts.cells_deleted == filled(after)
    blank_tail = wanted[len(before) :].count(BLANK) if mode == "replace" else 0
    assert len(before) + counts.rows_added + blank_tail - counts.rows_deleted == plan.rows_after
    assert len(trimmed(after)) <= plan.rows_after == len(wanted)
    assert plan.rows_written == counts.rows_added + counts.rows_changed
    assert plan.last_row_written <= max(len(before), len(before) + counts.rows_added + blank_tail)

    if mode != "append" or keys:
        again, _ = planned(spec, after, query)
        assert again.is_empty
        assert again.counts == Counts()


@pytest.mark.parametrize(("mode", "keys"), MODES, ids=str)
@given(tab=TABS, query=QUERIES)
def test_a_plan_s_parts_are_ascending_and_never_overlap(
    make_spec: Callable[..., SheetSyncSpec], mode: str, keys: list[str], tab: Table, query: Table
) -> None:
    plan, _ = planned(make_spec(mode=mode, keys=keys, guards=FREE), tab, query)
    ends = 0
    for segment in plan.segments:
        assert segment.count > 0
        assert segment.target >= ends
        ends = segment.target + segment.count
    written = {row for s in plan.segments for row in range(s.target, s.target + s.count)}
    gone = [row for start, stop in plan.deletes for row in range(start, stop)]
    assert gone == sorted(set(gone))
    assert not written & set(gone)
    if plan.clear:
        assert plan.clear[0] < plan.clear[1]
        assert not written & set(range(*plan.clear))


def test_only_changed_rows_are_written(make_spec: Callable[..., SheetSyncSpec]) -> None:
    tab = [(i, "a", 0) for i in range(10)]
    query = [(i, "a", int(i in (2, 3, 7))) for i in range(10)]
    for spec in (make_spec(), make_spec(mode="upsert", keys=["ID"])):
        plan, _ = planned(spec, tab, query)
        assert plan.segments == (Segment(2, 2, 2), Segment(7, 7, 1))
        assert plan.counts == Counts(rows_changed=3, cells_changed=3)


def test_cells_that_come_and_go_are_counted_apart_from_those_that_change(
    make_spec: Callable[..., SheetSyncSpec],
) -> None:
    plan, _ = planned(make_spec(), [(1, "a", None), (2, None, 5)], [(1, None, 1), (3, None, 5), (4, "b", None)])
    assert plan.counts == Counts(rows_added=1, rows_changed=2, cells_added=3, cells_changed=1, cells_deleted=1)


def test_a_number_that_becomes_true_is_a_change(make_spec: Callable[..., SheetSyncSpec]) -> None:
    spec = make_spec({"ID": "integer", "OK": "boolean"})
    batch = pa.RecordBatch.from_pydict({"ID": [1], "OK": [True]})
    new = ingest(spec, spec.columns, [batch], RowSpool(2))
    with RowSpool(2) as old:
        old.extend_from_api([[1, 1]])
        plan = plan_rows(spec, old, new, [])
    assert plan.counts == Counts(rows_changed=1, cells_changed=1)


def test_replace_blanks_the_rows_that_are_no_longer_there(make_spec: Callable[..., SheetSyncSpec]) -> None:
    plan, _ = planned(make_spec(), [(1, "a", 1), (2, "b", 2), (3, None, 3)], [(1, "a", 1), (2, "b", 2)])
    assert plan.segments == ()
    assert plan.clear == (2, 3)
    assert plan.counts == Counts(rows_deleted=1, cells_deleted=2)


def test_mirror_removes_whole_rows_in_ranges(make_spec: Callable[..., SheetSyncSpec]) -> None:
    tab = [(i, "a", i) for i in range(8)]
    spec = make_spec(mode="mirror", keys=["ID"])
    plan, after = planned(spec, tab, [tab[0], tab[3], tab[4], tab[6], (9, "new", 9)])
    assert plan.deletes == ((1, 3), (5, 6), (7, 8))
    assert plan.segments == (Segment(8, 4, 1),)
    assert after == [tab[0], tab[3], tab[4], tab[6], (9, "new", 9)]
    assert plan.rows_after == 5


def test_a_tab_that_people_sorted_is_left_in_their_order(make_spec: Callable[..., SheetSyncSpec]) -> None:
    tab = [(3, "a", 3), (1, "a", 1), (2, "a", 2)]
    plan, after = planned(make_spec(mode="mirror", keys=["ID"]), tab, [(1, "a", 1), (2, "a", 9), (3, "a", 3)])
    assert after == [(3, "a", 3), (1, "a", 1), (2, "a", 9)]
    assert plan.segments == (Segment(2, 1, 1),)


def test_rows_of_a_rejected_key_are_left_alone_even_twice(make_spec: Callable[..., SheetSyncSpec]) -> None:
    tab = [(1, "a", 1), (2, "b", 2), (2, "c", 3)]
    plan, after = planned(make_spec(mode="mirror", keys=["ID"], guards=FREE), tab, [(1, "a", 1), (2, LONG, 2)])
    assert plan.is_empty
    assert after == tab


def test_an_empty_result_does_not_empty_a_tab(make_spec: Callable[..., SheetSyncSpec]) -> None:
    tab = [(1, "a", 1), (2, "b", 2)]
    for mode, keys in (("replace", []), ("mirror", ["ID"])):
        with pytest.raises(
            GuardError, match=r"sync stock_daily: .*no rows and tab 'Stock' has 2: .*guards.allow_empty: true"
        ):
            planned(make_spec(mode=mode, keys=keys, guards={"max_delete_share": 1}), tab, [])
        _, after = planned(make_spec(mode=mode, keys=keys, guards={"allow_empty": True}), tab, [])
        assert trimmed(after) == []


def test_an_empty_result_is_nothing_to_append_or_upsert(make_spec: Callable[..., SheetSyncSpec]) -> None:
    for mode, keys in (("append", []), ("append", ["ID"]), ("upsert", ["ID"])):
        plan, _ = planned(make_spec(mode=mode, keys=keys), [(1, "a", 1)], [])
        assert plan.is_empty


def test_an_empty_result_for_an_empty_tab_is_fine(make_spec: Callable[..., SheetSyncSpec]) -> None:
    for mode, keys in (("replace", []), ("mirror", ["ID"])):
        plan, _ = planned(make_spec(mode=mode, keys=keys), [], [])
        assert plan.is_empty
        assert plan.rows_after == 0


@pytest.mark.parametrize(("mode", "keys"), [("replace", []), ("mirror", ["ID"])])
def test_a_run_takes_away_no_more_than_its_share(
    make_spec: Callable[..., SheetSyncSpec], mode: str, keys: list[str]
) -> None:
    tab = [(i, "a", i) for i in range(10)]
    spec = make_spec(mode=mode, keys=keys, guards={"max_delete_share": 0.3})
    plan, _ = planned(spec, tab, tab[:7])
    assert plan.counts.rows_deleted == 3
    with pytest.raises(GuardError) as caught:
        planned(spec, tab, tab[:6])
    message = str(caught.value)
    assert "sync stock_daily" in message
    assert "remove 4 of 10 rows (40%), more than guards.max_delete_share = 30%" in message


def test_blank_rows_do_not_thin_out_the_share_that_a_run_takes_away(make_spec: Callable[..., SheetSyncSpec]) -> None:
    tab = [(1, "a", 1), *[BLANK] * 20, (2, "b", 2)]
    with pytest.raises(GuardError, match=r"remove 2 of 2 rows \(100%\)"):
        planned(make_spec(mode="mirror", keys=["ID"]), tab, [(3, "c", 3)])


def test_a_share_of_zero_lets_nothing_go(make_spec: Callable[..., SheetSyncSpec]) -> None:
    spec = make_spec(mode="mirror", keys=["ID"], guards={"max_delete_share": 0})
    plan, _ = planned(spec, [(1, "a", 1)], [(1, "b", 1), (2, "c", 2)])
    assert plan.counts.rows_changed == 1
    with pytest.raises(GuardError, match="max_delete_share = 0%"):
        planned(spec, [(1, "a", 1), (2, "b", 2)], [(1, "a", 1)])


def test_replace_clears_columns_that_the_spec_no_longer_has(make_spec: Callable[..., SheetSyncSpec]) -> None:
    spec = make_spec({"ID": "integer"})
    new = ingest(spec, spec.columns, [pa.RecordBatch.from_pydict({"ID": [1, 2]})], RowSpool(3))
    with RowSpool(3) as old:
        old.extend_from_api([[1, "old", "old"], [2]])
        plan = plan_rows(spec, old, new, [])
    assert plan.segments == (Segment(0, 0, 1),)
    assert plan.counts == Counts(rows_changed=1, cells_deleted=2)
