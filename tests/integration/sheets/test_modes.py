"""Each mode's promises, through the real gspread and a Sheets server."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.errors import GuardError, LimitError, SchemaDriftError
from drivetrain.sheets.rejects import Reason
from tests.support.sheets import ONE_LOOK, open_workbook, rows_source, run_rows, sheets_client, sync_spec, tab_values

if TYPE_CHECKING:
    from drivetrain.sheets.rejects import Reject
    from standins.sheets.testing import SheetsStandin

NAMES = ("CODE", "NAME", "SCORE")
ROWS = [(f"{i:03}", f"car {i}", i) for i in range(12)]
STAGED = replace(ONE_LOOK, max_request_bytes=500)


def sync(sheets: SheetsStandin, workbook: str, rows: list[tuple[Any, ...]], *, names: Any = NAMES, **more: Any) -> Any:
    options = {key: more.pop(key) for key in ("settings", "run_id", "dry_run", "on_rejects") if key in more}
    target = {"spreadsheet_id": workbook, **more.pop("target", {})}
    return run_rows(sheets_client(sheets), sync_spec(target=target, **more), rows_source(names, rows), **options)


def data(sheets: SheetsStandin, workbook: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in tab_values(sheets, workbook, "Data")[1:]]


def writes(sheets: SheetsStandin, workbook: str) -> int:
    return sum(call["spreadsheet_id"] == workbook and call["kind"] == "write" for call in sheets.calls())


@pytest.mark.parametrize("settings", [ONE_LOOK, STAGED], ids=["one batch", "staged"])
def test_replace_keeps_the_gid_the_formats_the_named_ranges_and_what_stands_to_the_right(
    sheets: SheetsStandin, workbook: str, settings: Any
) -> None:
    sync(sheets, workbook, ROWS)
    book = open_workbook(sheets, workbook)
    tab = book.worksheet("Data")
    tab.add_cols(2)
    tab.update([["note"], ["call back"]], "D1")
    tab.format("B2:B5", {"textFormat": {"italic": True}})
    tab.define_named_range("A2:C5", "first_cars")
    before = tab.id

    sync(sheets, workbook, [(c, n.upper(), s) for c, n, s in ROWS[:7]], settings=settings)

    tab = open_workbook(sheets, workbook).worksheet("Data")
    assert tab.id == before
    assert tab.get("D1:D2") == [["note"], ["call back"]]
    assert tab.get("A2:C8", value_render_option="UNFORMATTED_VALUE") == [[c, n.upper(), s] for c, n, s in ROWS[:7]]
    assert tab.get("A9:C13") in ([], [[]]), "the old tail is gone"
    names = book.client.fetch_sheet_metadata(workbook)["namedRanges"]
    assert [(entry["name"], entry["range"]["endRowIndex"]) for entry in names] == [("first_cars", 5)]
    formats = book.client.fetch_sheet_metadata(workbook, params={"ranges": "Data!B2", "includeGridData": "true"})
    cell = formats["sheets"][0]["data"][0]["rowData"][0]["values"][0]
    assert cell["userEnteredFormat"]["textFormat"]["italic"] is True


def test_a_reader_never_sees_a_blank_or_half_written_tab_while_a_large_replace_goes_on(
    sheets: SheetsStandin, workbook: str
) -> None:
    old = [(f"{i:04}", "old", i) for i in range(600)]
    new = [(f"{i:04}", "new", i) for i in range(600)]
    sync(sheets, workbook, old)
    tab = open_workbook(sheets, workbook).worksheet("Data")
    states: list[set[str]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            states.append({f"{len(tab.col_values(2))}"} | set(tab.col_values(2)[1:]))

    reader = threading.Thread(target=read)
    reader.start()
    sync(sheets, workbook, new, settings=replace(ONE_LOOK, max_request_bytes=2_000))
    done.set()
    reader.join()
    assert states, "the reader looked at least once"
    # A look is two reads, so it may span the swap; each column alone is whole.
    assert all(state in ({"601", "old"}, {"601", "new"}) for state in states)
    assert set(tab.col_values(2)[1:]) == {"new"}


def test_an_append_of_the_same_run_happens_once_and_of_another_run_again(sheets: SheetsStandin, workbook: str) -> None:
    first = sync(sheets, workbook, ROWS, mode="append", run_id="monday")
    again = sync(sheets, workbook, ROWS, mode="append", run_id="monday")
    assert (first.outcome, again.outcome, again.write_calls) == ("written", "already_applied", 0)
    assert data(sheets, workbook) == ROWS
    sync(sheets, workbook, ROWS, mode="append", run_id="tuesday")
    assert data(sheets, workbook) == ROWS + ROWS
    late = sync(sheets, workbook, ROWS, mode="append", run_id="monday")
    assert late.outcome == "already_applied", "an older run that is cleared and run again does not double either"
    assert data(sheets, workbook) == ROWS + ROWS


def test_an_append_with_keys_leaves_out_the_rows_that_are_there(sheets: SheetsStandin, workbook: str) -> None:
    sync(sheets, workbook, ROWS[:5], mode="append", keys=["CODE"], run_id="1")
    outcome = sync(sheets, workbook, ROWS, mode="append", keys=["CODE"], run_id="2")
    assert outcome.rows_added == 7
    assert data(sheets, workbook) == ROWS


def test_an_upsert_changes_and_adds_and_leaves_other_rows_alone(sheets: SheetsStandin, workbook: str) -> None:
    sync(sheets, workbook, ROWS[:4], mode="upsert", keys=["CODE"])
    open_workbook(sheets, workbook).worksheet("Data").append_row(["person", "typed by hand", 1])
    outcome = sync(sheets, workbook, [("001", "changed", 1), ("900", "new", 9)], mode="upsert", keys=["CODE"])
    assert (outcome.rows_changed, outcome.rows_added, outcome.rows_deleted) == (1, 1, 0)
    assert data(sheets, workbook) == [
        ROWS[0],
        ("001", "changed", 1),
        ROWS[2],
        ROWS[3],
        ("person", "typed by hand", 1),
        ("900", "new", 9),
    ]


def test_a_mirror_deletes_whole_rows_so_that_a_note_stays_beside_its_car(sheets: SheetsStandin, workbook: str) -> None:
    sync(sheets, workbook, ROWS, mode="mirror", keys=["CODE"])
    tab = open_workbook(sheets, workbook).worksheet("Data")
    tab.add_cols(1)
    tab.update([["sold to Asha"]], "D9")  # beside code 007
    kept = [row for row in ROWS if row[2] not in (2, 3, 5)]
    outcome = sync(sheets, workbook, kept, mode="mirror", keys=["CODE"])
    assert outcome.rows_deleted == 3
    assert tab.find("007").row == tab.find("sold to Asha").row
    assert [row[:3] for row in data(sheets, workbook)] == kept


def test_a_mirror_can_lose_all_of_its_rows_where_the_spec_allows_it(sheets: SheetsStandin, workbook: str) -> None:
    guards = {"allow_empty": True}
    sync(sheets, workbook, ROWS, mode="mirror", keys=["CODE"], guards=guards)
    sync(sheets, workbook, [], mode="mirror", keys=["CODE"], guards=guards)
    assert data(sheets, workbook) == []
    sync(sheets, workbook, ROWS, mode="mirror", keys=["CODE"], guards=guards)
    assert data(sheets, workbook) == ROWS


@pytest.mark.parametrize("mode", ["replace", "mirror"])
def test_an_empty_source_or_too_many_deletions_stop_before_the_first_write(
    sheets: SheetsStandin, workbook: str, mode: str
) -> None:
    keys = ["CODE"] if mode == "mirror" else []
    sync(sheets, workbook, ROWS, mode=mode, keys=keys)
    before = writes(sheets, workbook)
    with pytest.raises(GuardError, match="gives no rows and tab 'Data' has 12: check the source"):
        sync(sheets, workbook, [], mode=mode, keys=keys)
    with pytest.raises(GuardError, match=r"remove 9 of 12 rows \(75%\), more than guards.max_delete_share = 50%"):
        sync(sheets, workbook, ROWS[:3], mode=mode, keys=keys)
    assert writes(sheets, workbook) == before
    assert data(sheets, workbook) == ROWS


def test_an_unchanged_source_costs_no_write(sheets: SheetsStandin, workbook: str) -> None:
    for mode, keys in (("replace", []), ("upsert", ["CODE"]), ("mirror", ["CODE"])):
        target = {"tab": f"Tab {mode}"}
        sync(sheets, workbook, ROWS, mode=mode, keys=keys, target=target, sync=f"sync_{mode}")
        again = sync(sheets, workbook, ROWS, mode=mode, keys=keys, target=target, sync=f"sync_{mode}")
        assert (again.outcome, again.write_calls, again.read_calls) == ("unchanged", 0, 2)


@pytest.mark.parametrize("settings", [ONE_LOOK, STAGED], ids=["one batch", "staged"])
def test_a_dry_run_writes_nothing_and_says_what_the_run_then_does(
    sheets: SheetsStandin, workbook: str, settings: Any
) -> None:
    sync(sheets, workbook, ROWS, mode="mirror", keys=["CODE"])
    before = writes(sheets, workbook)
    changed = [("000", "new name", 0), *ROWS[3:], ("777", "added", 7)]
    plan = sync(sheets, workbook, changed, mode="mirror", keys=["CODE"], settings=settings, dry_run=True)
    assert writes(sheets, workbook) == before
    assert plan.outcome == "planned"
    assert plan.preview[0]["cells"] == {"NAME": {"old": "car 0", "new": "new name"}}
    done = sync(sheets, workbook, changed, mode="mirror", keys=["CODE"], settings=settings)
    for figure in ("rows_added", "rows_changed", "rows_deleted", "cells_added", "cells_changed", "cells_deleted"):
        assert getattr(plan, figure) == getattr(done, figure), figure
    assert plan.calls_needed == done.write_calls == writes(sheets, workbook) - before
    assert plan.quota_share == pytest.approx(done.write_calls / 60, abs=1e-3)


def test_duplicate_keys_null_keys_and_overlong_cells_are_set_aside_with_their_reasons(
    sheets: SheetsStandin, workbook: str
) -> None:
    longest = "😀" * 25_000  # two UTF-16 units each: just short enough
    rows = [
        ("a", "first", 1),
        ("b", "x" * 50_001, 2),
        ("a", "later wins", 3),
        (None, "no key", 4),
        ("c", longest, 5),
    ]
    kept: list[Reject] = []
    outcome = sync(sheets, workbook, rows, mode="upsert", keys=["CODE"], on_rejects=kept.extend)
    assert sorted((reject.row, reject.reason) for reject in kept) == [
        (1, Reason.DUPLICATE_KEY),
        (2, Reason.CELL_TOO_LONG),
        (4, Reason.NULL_KEY),
    ]
    assert outcome.rows_rejected == 3
    assert data(sheets, workbook) == [("a", "later wins", 3), ("c", longest, 5)]


def test_a_row_that_is_set_aside_keeps_the_tabs_own_row_of_its_key(sheets: SheetsStandin, workbook: str) -> None:
    sync(sheets, workbook, ROWS, mode="mirror", keys=["CODE"])
    broken = [("000", "x" * 50_001, 0), *ROWS[1:]]
    outcome = sync(sheets, workbook, broken, mode="mirror", keys=["CODE"])
    assert (outcome.outcome, outcome.rows_rejected) == ("unchanged", 1)
    assert data(sheets, workbook) == ROWS


def test_an_anchor_leaves_what_stands_above_and_to_the_left(sheets: SheetsStandin, workbook: str) -> None:
    tab = open_workbook(sheets, workbook).worksheet("Sheet1")
    tab.update([["Cars on sale", ""], ["", ""], ["", "x"]], "A1")
    sync(sheets, workbook, ROWS, target={"tab": "Sheet1", "anchor": "C4"})
    sync(sheets, workbook, ROWS[:8], target={"tab": "Sheet1", "anchor": "C4"})
    assert tab.get("A1:B3") == [["Cars on sale"], [], ["", "x"]]
    assert tab.get("C4:E6", value_render_option="UNFORMATTED_VALUE") == [list(NAMES), *map(list, ROWS[:2])]


def test_the_cell_limit_is_checked_before_the_first_write(sheets: SheetsStandin, workbook: str) -> None:
    open_workbook(sheets, workbook).worksheet("Sheet1").resize(rows=9_999_980, cols=1)
    before = writes(sheets, workbook)
    with pytest.raises(LimitError, match=r"would have 10,000,019 cells, Google allows 10,000,000: move a tab"):
        sync(sheets, workbook, ROWS)
    assert writes(sheets, workbook) == before


def test_a_header_that_people_renamed_stops_the_run_and_names_the_cell(sheets: SheetsStandin, workbook: str) -> None:
    sync(sheets, workbook, ROWS, mode="upsert", keys=["CODE"])
    tab = open_workbook(sheets, workbook).worksheet("Data")
    tab.update([["Title"]], "B1")
    with pytest.raises(SchemaDriftError, match="header B1 of tab 'Data' says 'Title', the spec says 'NAME': rename"):
        sync(sheets, workbook, ROWS, mode="upsert", keys=["CODE"])
    assert data(sheets, workbook) == ROWS


def test_a_header_that_the_spec_renamed_is_written(sheets: SheetsStandin, workbook: str) -> None:
    sync(sheets, workbook, ROWS, mode="mirror", keys=["CODE"])
    columns = [{"name": "CODE", "type": "text"}, {"name": "NAME", "header": "Name", "type": "text"}]
    columns.append({"name": "SCORE", "type": "integer"})
    outcome = sync(sheets, workbook, ROWS, mode="mirror", keys=["CODE"], columns=columns)
    assert (outcome.outcome, outcome.rows_changed) == ("written", 0)
    assert tab_values(sheets, workbook, "Data")[0] == ["CODE", "Name", "SCORE"]


def test_drift_add_writes_a_new_source_column_and_ignore_leaves_it_out(sheets: SheetsStandin, workbook: str) -> None:
    wide = [(*row, f"extra {row[2]}") for row in ROWS]
    names = (*NAMES, "COLOUR")
    with pytest.raises(SchemaDriftError, match="gives COLOUR, which columns does not list: add it there, or set"):
        sync(sheets, workbook, wide, names=names)
    sync(sheets, workbook, wide, names=names, drift="ignore")
    assert tab_values(sheets, workbook, "Data")[0] == list(NAMES)
    sync(sheets, workbook, wide, names=names, drift="add")
    assert tab_values(sheets, workbook, "Data")[:2] == [list(names), list(wide[0])]


def test_a_replace_whose_spec_lost_a_column_blanks_that_column(sheets: SheetsStandin, workbook: str) -> None:
    sync(sheets, workbook, ROWS)
    narrow = [{"name": "CODE", "type": "text"}, {"name": "SCORE", "type": "integer"}]
    sync(sheets, workbook, [(c, s) for c, _, s in ROWS], names=("CODE", "SCORE"), columns=narrow)
    assert tab_values(sheets, workbook, "Data") == [["CODE", "SCORE"], *[[c, s] for c, _, s in ROWS]]
