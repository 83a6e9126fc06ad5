from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from drivetrain.errors import LimitError
from drivetrain.sheets import a1, calls, limits
from drivetrain.sheets.columns import HeaderDecision
from drivetrain.sheets.ingest import ingest
from drivetrain.sheets.observe import Marker, Tab, Workbook
from drivetrain.sheets.plan import Counts, RowPlan, Segment, plan_rows
from drivetrain.sheets.requests import Region, stage_title
from drivetrain.sheets.spool import RowSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivetrain.sheets.spec import SheetSyncSpec

    Make = Callable[..., SheetSyncSpec]
    MakeSpool = Callable[..., RowSpool]

GID, OLD_STAGE = 77, 88
SCHEMA = pa.schema({"ID": pa.int64(), "NAME": pa.string(), "N": pa.int64()})
FREE = {"allow_empty": True, "max_delete_share": 1}
NOTHING = RowPlan((), None, (), 0, Counts())


class Workbook2D:
    """A workbook as lists of cells: what Google makes of our requests, as far as these tests need it."""

    def __init__(self) -> None:
        self.tabs: dict[int, list[list[Any]]] = {}
        self.titles: dict[int, str] = {}
        self.hidden: set[int] = set()
        self.markers: dict[int, str] = {}
        self.visible_writes = 0

    def add(self, gid: int, title: str, rows: int, columns: int) -> None:
        assert gid not in self.tabs
        assert title not in self.titles.values()
        self.tabs[gid], self.titles[gid] = [[None] * columns for _ in range(rows)], title

    def batch(self, body: bytes) -> None:
        for request in orjson.loads(body)["requests"]:
            ((name, content),) = request.items()
            getattr(self, name)(content)

    def put(self, where: str, body: bytes) -> None:
        title, first, last = re.fullmatch(r"'(.*)'!([A-Z]+\d+):([A-Z]+\d+)", where).groups()  # type: ignore[union-attr]
        gid = next(g for g, t in self.titles.items() if t == title.replace("''", "'"))
        assert gid in self.hidden, "only hidden tabs are written in parts"
        (row, column), (last_row, last_column) = a1.parse_cell(first), a1.parse_cell(last)
        content = orjson.loads(body)
        assert content["majorDimension"] == "ROWS"
        assert len(content["values"]) == last_row - row + 1
        for offset, values in enumerate(content["values"]):
            assert len(values) == last_column - column + 1
            self.tabs[gid][row + offset][column : column + len(values)] = values

    def addSheet(self, content: dict[str, Any]) -> None:  # noqa: N802
        p = content["properties"]
        self.add(p["sheetId"], p["title"], p["gridProperties"]["rowCount"], p["gridProperties"]["columnCount"])
        assert p["gridProperties"]["frozenRowCount"] < p["gridProperties"]["rowCount"]
        if p["hidden"]:
            self.hidden.add(p["sheetId"])

    def deleteSheet(self, content: dict[str, Any]) -> None:  # noqa: N802
        del self.tabs[content["sheetId"]], self.titles[content["sheetId"]]
        self.hidden.discard(content["sheetId"])

    def updateSheetProperties(self, content: dict[str, Any]) -> None:  # noqa: N802
        assert content["fields"] == "title,hidden"
        self.titles[content["properties"]["sheetId"]] = content["properties"]["title"]
        self.hidden.discard(content["properties"]["sheetId"])

    def appendDimension(self, content: dict[str, Any]) -> None:  # noqa: N802
        tab = self.tabs[content["sheetId"]]
        if content["dimension"] == "ROWS":
            tab += [[None] * len(tab[0]) for _ in range(content["length"])]
        else:
            for row in tab:
                row += [None] * content["length"]

    def updateCells(self, content: dict[str, Any]) -> None:  # noqa: N802
        assert content["fields"] == "userEnteredValue"
        if "range" in content:
            r = content["range"]
            for row in self.tabs[r["sheetId"]][r["startRowIndex"] : r["endRowIndex"]]:
                row[r["startColumnIndex"] : r["endColumnIndex"]] = [None] * (
                    r["endColumnIndex"] - r["startColumnIndex"]
                )
            return
        start = content["start"]
        for offset, data in enumerate(content["rows"]):
            row = self.tabs[start["sheetId"]][start["rowIndex"] + offset]
            for at, cell in enumerate(data["values"], start["columnIndex"]):
                assert at < len(row)
                row[at] = next(iter(cell["userEnteredValue"].values())) if cell else None

    def repeatCell(self, content: dict[str, Any]) -> None:  # noqa: N802
        r = content["range"]
        tab = self.tabs[r["sheetId"]]
        assert 0 <= r["startRowIndex"] < r["endRowIndex"] <= len(tab)
        assert 0 <= r["startColumnIndex"] < r["endColumnIndex"] <= len(tab[0])

    def copyPaste(self, content: dict[str, Any]) -> None:  # noqa: N802
        assert content["pasteType"] == "PASTE_VALUES"
        s, d = content["source"], content["destination"]
        source, target = self.tabs[s["sheetId"]], self.tabs[d["sheetId"]]
        assert s["endRowIndex"] - s["startRowIndex"] == d["endRowIndex"] - d["startRowIndex"]
        assert d["endRowIndex"] <= len(target)
        for offset in range(s["endRowIndex"] - s["startRowIndex"]):
            values = source[s["startRowIndex"] + offset][s["startColumnIndex"] : s["endColumnIndex"]]
            target[d["startRowIndex"] + offset][d["startColumnIndex"] : d["endColumnIndex"]] = values

    def deleteDimension(self, content: dict[str, Any]) -> None:  # noqa: N802
        r = content["range"]
        tab = self.tabs[r["sheetId"]]
        assert r["endIndex"] <= len(tab)
        del tab[r["startIndex"] : r["endIndex"]]
        assert len(tab) > 1, "Google refuses to delete every row that is not frozen"

    def createDeveloperMetadata(self, content: dict[str, Any]) -> None:  # noqa: N802
        entry = content["developerMetadata"]
        assert entry["metadataId"] not in self.markers
        self.markers[entry["metadataId"]] = entry["metadataValue"]

    def updateDeveloperMetadata(self, content: dict[str, Any]) -> None:  # noqa: N802
        entry = content["developerMetadata"]
        assert entry["metadataId"] in self.markers
        self.markers[entry["metadataId"]] = entry["metadataValue"]


def carry_out(change: calls.Change, sheet: Workbook2D, max_bytes: int) -> int:
    """Do what the engine does with a change; the number of chunks, 0 where one batch was enough."""
    parts = calls.inline_parts(change, max_bytes)
    stage = None if parts is not None else calls.staged(change, max_bytes)
    calls.Planned().check(change, stage)
    if parts is not None:
        body = calls.batch_body(parts)
        assert len(body) <= max_bytes or not change.plan.rows_written, "without rows there is nothing to stage"
        sheet.batch(body)
        return 0
    assert stage is not None
    before = orjson.dumps(
        {t: sheet.tabs[g] for g, t in sheet.titles.items() if g not in sheet.hidden and g != OLD_STAGE}
    )
    sheet.batch(stage.open_body)
    chunks = list(calls.chunk_bodies(change, stage, max_bytes))
    assert len(chunks) == stage.chunks
    for where, chunk in chunks:
        assert len(chunk) <= max_bytes or len(orjson.loads(chunk)["values"]) == 1
        sheet.put(where, chunk)
    after = orjson.dumps(
        {t: sheet.tabs[g] for g, t in sheet.titles.items() if g not in sheet.hidden and g != OLD_STAGE}
    )
    assert after == before, "readers see nothing before the one batch"
    sheet.batch(stage.commit_body)
    return stage.chunks


def prepared(
    spec: SheetSyncSpec,
    tab: Sequence[Sequence[Any]],
    query: Sequence[Sequence[Any]],
    *,
    exists: bool = True,
    stale: bool = False,
    spare: int = 0,
) -> tuple[calls.Change, Workbook2D]:
    """A change for a workbook whose tab holds `tab`, with `spare` blank rows below and a note right of the rows."""
    row, column = a1.parse_cell(spec.target.anchor)
    sheet = Workbook2D()
    sheet.add(1, "Other", 5, 5)
    tabs = [Tab(1, "Other", 0, 5, 5, 0, True)]
    if exists:
        rows, columns = row + 1 + len(tab) + spare, column + 4
        sheet.add(GID, "Stock", rows, columns)
        sheet.tabs[GID][row][column : column + 3] = SCHEMA.names
        for number, values in enumerate(tab):
            sheet.tabs[GID][row + 1 + number][column:] = [*values, f"note {values[0]}"]
        tabs.append(Tab(GID, "Stock", 1, rows, columns, 0, True))
        region = Region(GID, "Stock", row, column, 3, rows, columns)
    else:
        region = Region(GID, "Stock", row, column, 3, 0, 0)
    if stale:
        sheet.add(OLD_STAGE, stage_title(spec.sync, OLD_STAGE), 3, 3)
        tabs.append(Tab(OLD_STAGE, stage_title(spec.sync, OLD_STAGE), 2, 3, 3, 0, True))
    batch = pa.RecordBatch.from_pylist([dict(zip(SCHEMA.names, r, strict=True)) for r in query], SCHEMA)
    new = ingest(spec, spec.columns, [batch], RowSpool(3))
    with RowSpool(3) as old:
        old.extend_from_api(tab if exists else [])
        old.trim()
        plan = plan_rows(spec, old, new, [SCHEMA.names.index(key) for key in spec.keys])
    change = calls.Change(
        spec=spec,
        workbook=Workbook("w" * 30, "Cars", tuple(tabs), None, False),
        region=region,
        columns=spec.columns,
        header=HeaderDecision(None if exists else ("ID", "NAME", "N"), 3, format_all=not exists),
        plan=plan,
        rows=new.spool,
        marker=Marker(gid=GID),
    )
    return change, sheet


def data_of(sheet: Workbook2D, spec: SheetSyncSpec) -> list[tuple[Any, ...]]:
    row, column = a1.parse_cell(spec.target.anchor)
    assert sheet.tabs[GID][row][column : column + 3] == SCHEMA.names
    rows = [tuple(values[column : column + 3]) for values in sheet.tabs[GID][row + 1 :]]
    while rows and not any(cell is not None for cell in rows[-1]):
        rows.pop()
    return rows


IDS = st.integers(0, 9)
CELLS = st.tuples(IDS, st.sampled_from(["a", "bb", "c" * 30, "ü🚗", None]), st.none() | st.integers(0, 2))
TABLES = st.lists(CELLS, max_size=12, unique_by=lambda row: row[0])


@pytest.mark.parametrize(("mode", "keys"), [("replace", []), ("append", []), ("upsert", ["ID"]), ("mirror", ["ID"])])
@settings(max_examples=20)
@given(
    tab=TABLES,
    query=TABLES,
    exists=st.booleans(),
    stale=st.booleans(),
    spare=st.integers(0, 3),
    anchor=st.sampled_from(["A1", "C4"]),
    max_bytes=st.sampled_from([120, 400, 100_000]),
)
def test_one_batch_and_staging_bring_the_tab_to_the_same_right_state(
    make_spec: Make,
    mode: str,
    keys: list[str],
    tab: list[tuple[Any, ...]],
    query: list[tuple[Any, ...]],
    exists: bool,
    stale: bool,
    spare: int,
    anchor: str,
    max_bytes: int,
) -> None:
    spec = make_spec(mode=mode, keys=keys, anchor=anchor, guards=FREE)
    change, sheet = prepared(spec, tab, query, exists=exists, stale=stale, spare=spare)
    assume(change.plan.segments or not exists or max_bytes > 400)  # that case has its own test below
    with change.rows:
        carry_out(change, sheet, max_bytes)
    there = tab if exists else []
    there_ids = {row[0] for row in there}
    wanted = {row[0]: row for row in query}
    if mode == "replace":
        expected = query
    elif mode == "append":
        expected = there + query
    else:
        kept = [wanted.get(row[0], row) for row in there if mode == "upsert" or row[0] in wanted]
        expected = kept + [row for row in query if row[0] not in there_ids]
    assert data_of(sheet, spec) == expected
    assert set(sheet.titles.values()) == {"Other", "Stock"}
    assert not sheet.hidden
    assert len(sheet.markers) == 1
    if exists:  # a person's notes stay beside the rows they were written for
        row, column = a1.parse_cell(anchor)
        notes = [values[column + 3] for values in sheet.tabs[GID][row + 1 :] if values[column + 3] is not None]
        assert notes == [f"note {r[0]}" for r in there if mode != "mirror" or r[0] in wanted]


@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=30),
    cuts=st.lists(st.integers(0, 1), min_size=30, max_size=30),
    is_new=st.booleans(),
    max_bytes=st.integers(100, 400),
)
def test_every_planned_row_is_in_exactly_one_chunk_at_its_place(
    make_spec: Make, make_spool: MakeSpool, sizes: list[int], cuts: list[int], is_new: bool, max_bytes: int
) -> None:
    """Rows with a 1 in `cuts` are written, the others are gaps."""
    spool = make_spool([[i, "x" * n] for i, n in enumerate(sizes)], 2)
    taken = [i for i in range(len(sizes)) if cuts[i]]
    segments = tuple(Segment(i, i, 1) for i in taken)
    region = Region(GID, "Stock", 2, 1, 2, 0 if is_new else 100, 0 if is_new else 5)
    change = bare(make_spec({"ID": "integer", "NAME": "text"}), spool, region, segments)
    stage = calls.staged(change, max_bytes)
    seen: list[tuple[int, list[Any]]] = []
    next_row = 0
    for where, body in calls.chunk_bodies(change, stage, max_bytes):
        title, cells = where.split("!")
        assert title == f"'{stage_title('stock_daily', stage.gid)}'"
        first, last = (a1.parse_cell(cell) for cell in cells.split(":"))
        values = orjson.loads(body)["values"]
        assert len(values) == last[0] - first[0] + 1
        assert (first[1], last[1]) == ((1, 2) if is_new else (0, 1))
        assert len(body) <= max_bytes or len(values) == 1
        if not is_new:
            assert first[0] == next_row
            next_row = last[0] + 1
        seen += [(first[0] + offset, row) for offset, row in enumerate(values)]
    places = [region.first_data_row + i for i in taken] if is_new else list(range(len(taken)))
    assert seen == list(zip(places, [spool.row(i) for i in taken], strict=True))
    assert stage.gid == GID if is_new else stage.gid != GID


def bare(
    spec: SheetSyncSpec,
    spool: RowSpool,
    region: Region,
    segments: Sequence[Segment] = (),
    *,
    tabs: Sequence[Tab] | None = None,
    plan: RowPlan | None = None,
) -> calls.Change:
    if tabs is None:
        tabs = [] if region.is_new else [Tab(GID, "Stock", 0, region.grid_rows, region.grid_columns, 0, True)]
    plan = plan or RowPlan(tuple(segments), None, (), len(spool), Counts())
    return calls.Change(
        spec=spec,
        workbook=Workbook("w" * 30, "Cars", tuple(tabs), None, False),
        region=region,
        columns=spec.columns,
        header=HeaderDecision(None, region.width, format_all=False),
        plan=plan,
        rows=spool,
        marker=Marker(gid=GID),
    )


def test_a_change_goes_in_one_batch_as_long_as_it_fits(make_spec: Make, make_spool: MakeSpool) -> None:
    spool = make_spool([[i, "text", i] for i in range(50)])
    change = bare(make_spec(), spool, Region(GID, "Stock", 0, 0, 3, 100, 3), [Segment(0, 0, 50)])
    parts = calls.inline_parts(change, 1_000_000)
    assert parts is not None
    size = len(calls.batch_body(parts))
    assert calls.inline_parts(change, size) == parts
    assert calls.inline_parts(change, size - 1) is None
    assert calls.inline_parts(change, 500) is None


@pytest.mark.parametrize("cell", [1, "x", True, "long " * 20], ids=repr)
def test_the_early_guess_never_sends_a_change_that_fits_to_staging(
    make_spec: Make, make_spool: MakeSpool, cell: Any
) -> None:
    spool = make_spool([[cell, cell, cell]] * 200, 3)
    change = bare(make_spec(), spool, Region(GID, "Stock", 0, 0, 3, 300, 3), [Segment(0, 0, 200)])
    parts = calls.inline_parts(change, 10**9)
    assert parts is not None
    assert calls.inline_parts(change, len(calls.batch_body(parts))) == parts


def test_parts_of_several_changes_make_one_body() -> None:
    assert calls.batch_body([]) == b'{"requests":[]}'
    assert orjson.loads(calls.batch_body([b'{"a":1}', b'{"b":2}'])) == {"requests": [{"a": 1}, {"b": 2}]}


def limit_error(change: calls.Change, stage: calls.Staged | None = None) -> str:
    with pytest.raises(LimitError) as caught:
        calls.Planned().check(change, stage)
    assert str(caught.value).startswith("sync stock_daily: workbook 'Cars'")
    return str(caught.value)


def test_ten_million_cells_are_allowed_and_one_more_is_not(make_spec: Make, make_spool: MakeSpool) -> None:
    spool = make_spool([[1, "a", 1]] * 10)
    region = Region(GID, "Stock", 0, 0, 3, 1, 10)
    ours = Tab(GID, "Stock", 0, 1, 10, 0, True)
    full = Tab(2, "Full", 1, 999_989, 10, 0, True)  # with ours grown to 11 rows: ten million
    change = bare(make_spec(), spool, region, [Segment(0, 0, 10)], tabs=[ours, full])
    calls.Planned().check(change, None)
    too_many = limit_error(replace(change, workbook=replace(change.workbook, tabs=(ours, replace(full, rows=999_990)))))
    assert "would have 10,000,010 cells, Google allows 10,000,000: move a tab to another workbook" in too_many
    stage = calls.Staged(5, b"", 1, b"")
    assert "would have 10,000,030 cells, staging included" in limit_error(change, stage)


def test_the_changes_of_one_group_are_counted_together(make_spec: Make, make_spool: MakeSpool) -> None:
    spool = make_spool([[1, "a", 1]] * 10)
    ours, full = Tab(GID, "Stock", 0, 1, 10, 0, True), Tab(2, "Full", 1, 999_984, 10, 0, True)
    others = [Tab(n, f"T{n}", n, 0, 0, 0, False) for n in range(3, 200)]
    region = Region(GID, "Stock", 0, 0, 3, 1, 10)
    change = bare(make_spec(), spool, region, [Segment(0, 0, 10)], tabs=[ours, full, *others])
    fresh = replace(change, region=Region(78, "New", 0, 0, 3, 0, 0))
    planned = calls.Planned()
    planned.check(change, None)  # 9,999,850 cells and 100 more
    planned.check(replace(change, region=replace(region, grid_rows=8)), None)  # and 30 more
    with pytest.raises(LimitError, match="would have 10,000,013 cells"):
        planned.check(fresh, None)  # 33 more are too many
    planned.check(replace(change, region=replace(region, grid_rows=9)), None)  # what was refused does not count

    planned, small = calls.Planned(), replace(change.workbook, tabs=tuple(others))
    for number in range(3):
        planned.check(replace(fresh, workbook=small, region=replace(fresh.region, gid=300 + number)), None)
    with pytest.raises(LimitError, match="would have 201 tabs"):
        planned.check(replace(fresh, workbook=small), None)


def test_an_interrupted_run_s_staging_tab_does_not_count(make_spec: Make, make_spool: MakeSpool) -> None:
    spool = make_spool([[1, "a", 1]])
    ours = Tab(GID, "Stock", 0, 100, 10, 0, True)
    left = Tab(OLD_STAGE, stage_title("stock_daily", OLD_STAGE), 1, 999_990, 10, 0, True)
    region = Region(GID, "Stock", 0, 0, 3, 100, 10)
    calls.Planned().check(bare(make_spec(), spool, region, [Segment(0, 0, 1)], tabs=[ours, left]), None)
    other = replace(left, title=stage_title("stock_daily_2", OLD_STAGE))
    assert "10,000,900 cells" in limit_error(bare(make_spec(), spool, region, [Segment(0, 0, 1)], tabs=[ours, other]))


def test_two_hundred_tabs_are_allowed_and_one_more_is_not(make_spec: Make, make_spool: MakeSpool) -> None:
    spool = make_spool([[1, "a", 1]])
    ours = Tab(GID, "Stock", 0, 10, 3, 0, True)
    others = [Tab(n, f"T{n}", n, 1, 1, 0, True) for n in range(1, 201)]
    old, new = Region(GID, "Stock", 0, 0, 3, 10, 3), Region(GID, "Stock", 0, 0, 3, 0, 0)
    stage, written = calls.Staged(5, b"", 1, b""), [Segment(0, 0, 1)]
    calls.Planned().check(bare(make_spec(), spool, old, written, tabs=[ours, *others[:199]]), None)
    calls.Planned().check(bare(make_spec(), spool, new, written, tabs=others[:199]), stage)
    message = limit_error(bare(make_spec(), spool, old, written, tabs=[ours, *others[:199]]), stage)
    assert "would have 201 tabs, staging included, Google allows 200: delete some" in message
    assert "would have 201 tabs, Google" in limit_error(bare(make_spec(), spool, new, written, tabs=others))


def test_columns_end_at_zzz(make_spec: Make, make_spool: MakeSpool) -> None:
    spool = make_spool([[1, "a", 1]])
    for column, fits in ((18_275, True), (18_276, False)):
        change = bare(make_spec(), spool, Region(GID, "Stock", 0, column, 3, 0, 0), [Segment(0, 0, 1)])
        if fits:
            calls.Planned().check(change, None)
        else:
            message = limit_error(change)
            assert (
                "tab 'Stock' would have 18,279 columns, Google allows 18,278: choose an anchor further left" in message
            )


def test_more_sub_requests_than_google_takes_are_refused(
    make_spec: Make, make_spool: MakeSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_SUBREQUESTS_PER_BATCH", 20)
    spool = make_spool([[i, "a", 1] for i in range(60)])
    scattered = [Segment(2 * i, i, 1) for i in range(60)]
    change = bare(make_spec(), spool, Region(GID, "Stock", 0, 0, 3, 200, 3), scattered)
    for build in (calls.inline_parts, calls.staged):
        with pytest.raises(
            LimitError, match=r"sync stock_daily: 6[0-9] scattered changes need more than 20 sub-requests"
        ):
            build(change, 1_000_000)


def test_thousands_of_scattered_changes_become_few_copies_with_the_same_end(make_spec: Make) -> None:
    tab = [(i, "a", 0) for i in range(9_000)]
    query = [(i, "a", int(i % 3 == 0)) for i in range(9_000)]
    spec = make_spec()
    change, sheet = prepared(spec, tab, query)
    assert len(change.plan.segments) == 3_000
    with change.rows:
        assert calls.inline_parts(change, 20_000) is None
        stage = calls.staged(change, 20_000)
        copies = [r for r in orjson.loads(stage.commit_body)["requests"] if "copyPaste" in r]
        assert len(copies) <= 2_000
        assert carry_out(change, sheet, 20_000) > 1
    assert data_of(sheet, spec) == query


def test_coalescing_never_moves_another_row_s_values_in_a_keyed_tab(make_spec: Make) -> None:
    """Changed rows stand where the query has them; two of the unchanged ones between do not."""
    tab = [(i, "a", 0) for i in range(6_000)]
    wanted = [(i, "a", int(i % 2 and i < 5_001)) for i in range(6_000)]
    query = list(wanted)
    query[2], query[5_500] = query[5_500], query[2]
    spec = make_spec(mode="upsert", keys=["ID"])
    change, sheet = prepared(spec, tab, query)
    assert len(change.plan.segments) == 2_500
    with change.rows:
        carry_out(change, sheet, 20_000)
    assert data_of(sheet, spec) == wanted


def test_many_scattered_deletes_need_no_rows_in_a_staging_tab(make_spec: Make) -> None:
    tab = [(i, "a", 0) for i in range(300)]
    spec = make_spec(mode="mirror", keys=["ID"], guards=FREE)
    change, sheet = prepared(spec, tab, tab[::2])
    assert change.plan.segments == ()
    with change.rows:
        carry_out(change, sheet, 5_000)
    assert data_of(sheet, spec) == tab[::2]


def test_a_change_is_empty_only_when_nothing_lies_around(make_spec: Make, make_spool: MakeSpool) -> None:
    spool = make_spool([[1, "a", 1]])
    region = Region(GID, "Stock", 0, 0, 3, 10, 3)
    assert bare(make_spec(), spool, region, plan=NOTHING).is_empty
    assert not bare(make_spec(), spool, region, [Segment(0, 0, 1)]).is_empty
    header = HeaderDecision(("ID", "NAME", "N"), 3, format_all=False)
    assert not replace(bare(make_spec(), spool, region, plan=NOTHING), header=header).is_empty
    left = Tab(OLD_STAGE, stage_title("stock_daily", OLD_STAGE), 1, 1, 1, 0, True)
    assert not bare(make_spec(), spool, region, plan=NOTHING, tabs=[left]).is_empty


def test_new_sheet_ids_are_positive_and_fit_31_bits() -> None:
    ids = {calls.new_gid() for _ in range(1_000)}
    assert len(ids) > 990
    assert all(0 < gid < 2**31 for gid in ids)


def test_a_stage_s_title_fits_google_s_hundred_characters() -> None:
    assert len(stage_title("s" * 63, 2**31 - 1)) <= 100
