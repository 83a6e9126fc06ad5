from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.sheets import requests
from drivetrain.sheets.observe import Marker, marker_id
from drivetrain.sheets.plan import Counts, RowPlan, Segment
from drivetrain.sheets.requests import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivetrain.sheets.spec import SheetSyncSpec
    from drivetrain.sheets.spool import RowSpool

REGION = Region(gid=7, title="Stock", row=2, column=1, width=2, grid_rows=10, grid_columns=5)


def plan(
    segments: Sequence[Segment] = (), deletes: Sequence[tuple[int, int]] = (), clear: tuple[int, int] | None = None
) -> RowPlan:
    return RowPlan(tuple(segments), clear, tuple(deletes), 0, Counts())


@pytest.mark.parametrize(
    ("change", "growth"),
    [
        (plan(), (0, 0)),
        (plan([Segment(0, 0, 7)]), (0, 0)),  # grid rows 3 to 9
        (plan([Segment(0, 0, 8)]), (1, 0)),
        (plan([Segment(20, 0, 5), Segment(0, 5, 1)]), (18, 0)),
        (plan(deletes=[(0, 6)]), (0, 0)),
        (plan(deletes=[(0, 3), (4, 8)]), (1, 0)),  # seven of seven rows: one has to stay
        (plan([Segment(7, 0, 2)], deletes=[(0, 7)]), (2, 0)),
    ],
)
def test_a_grid_grows_by_what_the_plan_lacks(change: RowPlan, growth: tuple[int, int]) -> None:
    assert REGION.growth(change) == growth
    assert REGION.grown(change).grid_rows == 10 + growth[0]
    assert len(requests.grow(REGION, change)) == sum(1 for n in growth if n)


def test_columns_that_the_grid_lacks_are_added() -> None:
    region = Region(gid=7, title="Stock", row=0, column=4, width=3, grid_rows=10, grid_columns=5)
    assert region.growth(plan()) == (0, 2)
    assert requests.grow(region, plan([Segment(0, 0, 10)])) == [
        {"appendDimension": {"sheetId": 7, "dimension": "ROWS", "length": 1}},
        {"appendDimension": {"sheetId": 7, "dimension": "COLUMNS", "length": 2}},
    ]


def test_one_row_stays_below_the_frozen_ones() -> None:
    region = Region(gid=7, title="Stock", row=0, column=0, width=2, grid_rows=10, grid_columns=2, frozen_rows=5)
    assert region.growth(plan(deletes=[(0, 4)])) == (0, 0)
    assert region.growth(plan(deletes=[(0, 5)])) == (1, 0)


def test_a_new_tab_is_as_large_as_its_rows() -> None:
    region = Region(gid=7, title="Stock", row=2, column=1, width=2, grid_rows=0, grid_columns=0)
    assert region.is_new
    assert region.growth(plan()) == (4, 3)
    assert region.growth(plan([Segment(0, 0, 9)])) == (12, 3)


def test_a_written_cell_keeps_its_type(make_spool: Callable[..., RowSpool]) -> None:
    spool = make_spool([[5, "=1+1"], [0.5, True], [None, "007"], [False, "TRUE"]], 2)
    first, second = requests.write_rows(REGION, [Segment(0, 0, 3), Segment(5, 3, 1)], spool)
    assert first["updateCells"]["start"] == {"sheetId": 7, "rowIndex": 3, "columnIndex": 1}
    assert first["updateCells"]["fields"] == "userEnteredValue"
    assert first["updateCells"]["rows"] == [
        {"values": [{"userEnteredValue": {"numberValue": 5}}, {"userEnteredValue": {"stringValue": "=1+1"}}]},
        {"values": [{"userEnteredValue": {"numberValue": 0.5}}, {"userEnteredValue": {"boolValue": True}}]},
        {"values": [{}, {"userEnteredValue": {"stringValue": "007"}}]},
    ]
    assert second["updateCells"]["start"]["rowIndex"] == 8
    assert second["updateCells"]["rows"][0]["values"][0] == {"userEnteredValue": {"boolValue": False}}


def test_a_header_is_blanked_to_the_region_s_end() -> None:
    request = requests.write_header(REGION, ["ID"])["updateCells"]
    assert request["start"] == {"sheetId": 7, "rowIndex": 2, "columnIndex": 1}
    assert request["rows"] == [{"values": [{"userEnteredValue": {"stringValue": "ID"}}, {}]}]
    bold = requests.embolden_header(REGION)["repeatCell"]
    assert (bold["range"]["startRowIndex"], bold["range"]["endRowIndex"]) == (2, 3)
    assert (bold["range"]["startColumnIndex"], bold["range"]["endColumnIndex"]) == (1, 3)
    assert bold["fields"] == "userEnteredFormat.textFormat.bold"


def test_rows_are_cleared_in_our_columns_alone() -> None:
    assert requests.clear_rows(REGION, None) == []
    (request,) = requests.clear_rows(REGION, (4, 6))
    where = {"sheetId": 7, "startRowIndex": 7, "endRowIndex": 9, "startColumnIndex": 1, "endColumnIndex": 3}
    assert request == {"updateCells": {"range": where, "fields": "userEnteredValue"}}


def test_rows_are_deleted_from_the_bottom_up() -> None:
    ranges = [r["deleteDimension"]["range"] for r in requests.delete_rows(REGION, [(0, 1), (3, 5)])]
    assert [(r["dimension"], r["startIndex"], r["endIndex"]) for r in ranges] == [("ROWS", 6, 8), ("ROWS", 3, 4)]


def test_staged_rows_are_copied_to_their_places() -> None:
    copies = [c["copyPaste"] for c in requests.copy_rows(REGION, 9, [Segment(0, 4, 2), Segment(6, 0, 1)])]
    assert [(c["source"]["startRowIndex"], c["source"]["endRowIndex"]) for c in copies] == [(0, 2), (2, 3)]
    assert [(c["destination"]["startRowIndex"], c["destination"]["endRowIndex"]) for c in copies] == [(3, 5), (9, 10)]
    assert {c["source"]["sheetId"] for c in copies} == {9}
    assert {c["destination"]["startColumnIndex"] for c in copies} == {1}


def test_formats_go_from_a_row_to_the_grid_s_end(make_spec: Callable[..., SheetSyncSpec]) -> None:
    columns = make_spec({"ID": "integer", "DAY": "date", "PRICE": {"type": "decimal", "scale": 2}}).columns
    formats = [r["repeatCell"] for r in requests.format_columns(REGION, columns, from_row=3)]
    assert [f["range"]["startColumnIndex"] for f in formats] == [2, 3]
    assert {(f["range"]["startRowIndex"], f["range"]["endRowIndex"]) for f in formats} == {(3, 10)}
    assert [f["cell"]["userEnteredFormat"]["numberFormat"]["type"] for f in formats] == ["DATE", "NUMBER"]
    assert requests.format_columns(REGION, columns, from_row=10) == []


def test_the_marker_is_created_once_and_updated_later() -> None:
    marker = Marker(gid=7, rows=3)
    create = requests.set_marker("stock", marker, exists=False)["createDeveloperMetadata"]["developerMetadata"]
    update: dict[str, Any] = requests.set_marker("stock", marker, exists=True)["updateDeveloperMetadata"]
    assert create["metadataId"] == marker_id("stock") == update["developerMetadata"]["metadataId"]
    assert create["location"] == {"spreadsheet": True}
    assert Marker.model_validate_json(create["metadataValue"]) == marker
    assert update["dataFilters"] == [{"developerMetadataLookup": {"metadataId": marker_id("stock")}}]


def test_a_tab_is_added_under_our_own_id_and_shown_later() -> None:
    added = requests.add_tab(7, "T", rows=9, columns=3, frozen_rows=1, hidden=True)["addSheet"]["properties"]
    assert (added["sheetId"], added["title"], added["hidden"]) == (7, "T", True)
    assert added["gridProperties"] == {"rowCount": 9, "columnCount": 3, "frozenRowCount": 1}
    shown = requests.reveal_tab(7, "Stock")["updateSheetProperties"]
    assert shown == {"properties": {"sheetId": 7, "title": "Stock", "hidden": False}, "fields": "title,hidden"}
    assert requests.delete_tab(7) == {"deleteSheet": {"sheetId": 7}}
