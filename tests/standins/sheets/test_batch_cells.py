from __future__ import annotations

import pytest

from standins.sheets.testing import SheetsStandin

GRID = "sheets(data(rowData(values(userEnteredValue,userEnteredFormat,note,formattedValue,effectiveValue))))"


def text(value):
    return {"userEnteredValue": {"stringValue": value}}


def rows_of(*rows):
    kinds = {str: "stringValue", bool: "boolValue", int: "numberValue", float: "numberValue"}
    return [{"values": [{} if v is None else {"userEnteredValue": {kinds[type(v)]: v}} for v in row]} for row in rows]


def update(range_or_start, *rows, fields="userEnteredValue"):
    return {"updateCells": {**range_or_start, "rows": rows_of(*rows), "fields": fields}}


def at(row=0, column=0, sheet=0):
    return {"start": {"sheetId": sheet, "rowIndex": row, "columnIndex": column}}


def area(r0, r1, c0, c1, sheet=0):
    return {"sheetId": sheet, "startRowIndex": r0, "endRowIndex": r1, "startColumnIndex": c0, "endColumnIndex": c1}


def cell_at(sheet, range_):
    data = sheet.resource(GRID, ranges=range_)["sheets"][0]["data"][0]
    return data.get("rowData", [{}])[0].get("values", [{}])[0]


def test_typed_cells_keep_their_types_and_text_stays_text(sheet):
    sheet.batch(update(at(), ["007", "=1+1", 1, 1.5, True, "2024-01-31"]))
    assert sheet.get() == [["007", "=1+1", 1, 1.5, True, "2024-01-31"]]
    assert cell_at(sheet, "Data!B1") == {
        "userEnteredValue": {"stringValue": "=1+1"},
        "effectiveValue": {"stringValue": "=1+1"},
        "formattedValue": "=1+1",
    }


def test_a_listed_field_that_a_cell_lacks_is_cleared(sheet):
    sheet.batch(update(at(), ["a", "b", "c"]))
    sheet.batch(update(at(), [None, "B"]))
    assert sheet.get() == [["", "B", "c"]]


def test_a_field_that_is_not_listed_stays(sheet):
    bold = {"userEnteredFormat": {"textFormat": {"bold": True}, "numberFormat": {"type": "PERCENT", "pattern": "0%"}}}
    sheet.batch({"updateCells": {**at(), "rows": [{"values": [{**bold, **text("x"), "note": "n"}]}], "fields": "*"}})
    sheet.batch({"updateCells": {**at(), "rows": [{"values": [{}]}], "fields": "userEnteredFormat.numberFormat"}})
    assert cell_at(sheet, "Data!A1")["userEnteredFormat"] == {"textFormat": {"bold": True}}
    assert cell_at(sheet, "Data!A1")["note"] == "n"
    assert sheet.get() == [["x"]]
    sheet.batch({"updateCells": {**at(), "rows": [{"values": [{}]}], "fields": "*"}})
    assert cell_at(sheet, "Data!A1") == {}


def test_a_range_that_is_larger_than_its_rows_is_cleared_beyond_them(sheet):
    sheet.batch(update(at(), ["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]))
    sheet.batch(update({"range": area(0, 2, 0, 2)}, ["A"]))
    assert sheet.get() == [["A", "", "c"], ["", "", "f"], ["g", "h", "i"]]
    sheet.batch({"updateCells": {"range": {"sheetId": 0}, "fields": "userEnteredValue"}})
    assert sheet.get() == []


def test_rows_must_fit_into_the_range(sheet):
    assert sheet.refused(update({"range": area(0, 1, 0, 2)}, ["a"], ["b"])) == (
        "Invalid requests[0].updateCells: Attempting to write row: 1, beyond the last requested row of: 0"
    )
    assert "Attempting to write column: 2, beyond the last requested column of: 1" in sheet.refused(
        update({"range": area(0, 1, 0, 2)}, ["a", "b", "c"])
    )


def test_writing_cells_beyond_the_grid_names_the_range(sheet):
    sheet.batch(
        {
            "updateSheetProperties": {
                "properties": {"sheetId": 0, "gridProperties": {"rowCount": 2, "columnCount": 3}},
                "fields": "gridProperties(rowCount,columnCount)",
            }
        }
    )
    assert sheet.refused(update(at(2), ["a", "b", "c"])) == (
        "Invalid requests[0].updateCells: Range (Data!A3:C3) exceeds grid limits. Max rows: 2, max columns: 3"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({**at(), "rows": []}, "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"),
        ({**at(), "fields": "nothing"}, "Field 'nothing' could not be found in request message."),
        ({**at(), "fields": "effectiveValue"}, "Invalid field: effectiveValue. The field is read-only."),
        ({**at(sheet=5), "fields": "*"}, "No grid with id: 5"),
    ],
)
def test_requests_that_cannot_be_done_say_why(sheet, body, message):
    assert message in sheet.refused({"updateCells": body})


def test_append_cells_goes_below_the_last_row_with_data(sheet):
    sheet.batch(update(at(4, 3), ["x"]))
    sheet.batch({"appendCells": {"sheetId": 0, "rows": rows_of(["a", 1], ["b"]), "fields": "userEnteredValue"}})
    assert sheet.get("Data!A5:D7") == [["", "", "", "x"], ["a", 1], ["b"]]
    message = sheet.refused({"appendCells": {"sheetId": 0, "rows": rows_of(["a"] * 27), "fields": "*"}})
    assert message == (
        "Invalid requests[0].appendCells: Attempting to write column: 26, beyond the last requested column of: 25"
    )


def test_append_cells_adds_rows_to_a_full_grid(sheet):
    sheet.batch(
        {
            "updateSheetProperties": {
                "properties": {"sheetId": 0, "gridProperties": {"rowCount": 1}},
                "fields": "gridProperties.rowCount",
            }
        },
        update(at(), ["a"]),
        {"appendCells": {"sheetId": 0, "rows": rows_of(["b"], ["c"]), "fields": "userEnteredValue"}},
    )
    assert sheet.get() == [["a"], ["b"], ["c"]]
    assert sheet.book.sheet1.row_count == 3


def test_repeat_cell_fills_a_range_and_moves_relative_references(sheet):
    sheet.batch(update(at(), [1, 10], [2, 20]))
    formula = {"userEnteredValue": {"formulaValue": "=A1+$B$1"}}
    sheet.batch({"repeatCell": {"range": area(0, 2, 2, 3), "cell": formula, "fields": "userEnteredValue"}})
    assert sheet.get("Data!C1:C2") == [[11], [12]]
    assert sheet.get("Data!C2", "FORMULA") == [["=A2+$B$1"]]


def test_a_format_over_a_whole_column_stays_small(sheet, server: SheetsStandin):
    sheet.batch({"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 49_000}})
    percent = {"userEnteredFormat": {"numberFormat": {"type": "PERCENT", "pattern": "0%"}}}
    column = {"sheetId": 0, "startColumnIndex": 1, "endColumnIndex": 2}
    sheet.batch({"repeatCell": {"range": column, "cell": percent, "fields": "userEnteredFormat.numberFormat"}})
    sheet.put([[0.5, 0.5]], "Data!A49999")
    assert sheet.get("Data!A49999:B49999", "FORMATTED_VALUE") == [["0.5", "50%"]]


def test_copy_paste_repeats_the_source_over_a_multiple_of_it(sheet):
    sheet.batch(update(at(), ["a", "b"]))
    copy = {"source": area(0, 1, 0, 2), "destination": area(1, 4, 0, 4)}
    sheet.batch({"copyPaste": copy})
    assert sheet.get() == [["a", "b"], *[["a", "b", "a", "b"]] * 3]


def test_copy_paste_into_a_smaller_destination_pastes_all_of_it(sheet):
    sheet.batch(update(at(), ["a", "b"], ["c", "d"]))
    sheet.batch({"copyPaste": {"source": area(0, 2, 0, 2), "destination": area(5, 6, 0, 1)}})
    assert sheet.get("Data!A6:B7") == [["a", "b"], ["c", "d"]]


def test_copy_paste_between_tabs_by_kind(sheet):
    percent = {"numberFormat": {"type": "PERCENT", "pattern": "0%"}}
    cell = {"userEnteredValue": {"formulaValue": "=1/4"}, "userEnteredFormat": percent}
    sheet.batch({"updateCells": {**at(), "rows": [{"values": [cell]}], "fields": "*"}})
    other = sheet.book.worksheet("Other tab").id
    for row, kind in enumerate(("PASTE_NORMAL", "PASTE_VALUES", "PASTE_FORMAT", "PASTE_FORMULA")):
        place = area(row, row + 1, 0, 1, other)
        sheet.batch({"copyPaste": {"source": area(0, 1, 0, 1), "destination": place, "pasteType": kind}})
    assert sheet.get("'Other tab'", "FORMULA") == [["=1/4"], [0.25], [], ["=1/4"]]
    assert sheet.get("'Other tab'", "FORMATTED_VALUE") == [["25%"], ["0.25"], [], ["0.25"]]


def test_cut_paste_moves_the_cells(sheet):
    sheet.batch(update(at(), ["a", "b"]))
    sheet.batch({"cutPaste": {"source": area(0, 1, 0, 2), "destination": {"sheetId": 0, "rowIndex": 2}}})
    assert sheet.get() == [[], [], ["a", "b"]]


def test_insert_range_and_delete_range_shift_cells(sheet):
    sheet.batch(update(at(), ["a", "b"], ["c", "d"]))
    sheet.batch({"insertRange": {"range": area(0, 1, 0, 1), "shiftDimension": "ROWS"}})
    assert sheet.get() == [["", "b"], ["a", "d"], ["c"]]
    sheet.batch({"insertRange": {"range": area(0, 1, 0, 1), "shiftDimension": "COLUMNS"}})
    assert sheet.get() == [["", "", "b"], ["a", "d"], ["c"]]
    sheet.batch({"deleteRange": {"range": area(0, 1, 0, 2), "shiftDimension": "COLUMNS"}})
    sheet.batch({"deleteRange": {"range": area(0, 1, 1, 2), "shiftDimension": "ROWS"}})
    assert sheet.get() == [["b", "d"], ["a"], ["c"]]


def test_merging_keeps_the_first_cell_and_unmerging_ends_it(sheet):
    sheet.batch(update(at(), ["a", "b"], ["c", "d"]))
    sheet.batch({"mergeCells": {"range": area(0, 2, 0, 2), "mergeType": "MERGE_ALL"}})
    assert sheet.get() == [["a"]]
    assert sheet.resource("sheets.merges")["sheets"][0]["merges"] == [area(0, 2, 0, 2)]
    sheet.batch({"unmergeCells": {"range": area(0, 1, 0, 1)}})
    assert sheet.resource("sheets.merges")["sheets"] == [{}, {}]


def test_a_failing_request_undoes_the_whole_batch(sheet):
    before = sheet.resource()
    message = sheet.refused(
        update(at(), ["a"]),
        {"addSheet": {"properties": {"title": "new"}}},
        {"updateSheetProperties": {"properties": {"sheetId": 0, "title": "Renamed"}, "fields": "title"}},
        update(at(sheet=99), ["b"]),
    )
    assert message == "Invalid requests[3].updateCells: No grid with id: 99"
    assert sheet.get() == []
    assert sheet.resource() == before


def test_an_unsupported_request_is_named_and_nothing_is_done(sheet):
    import gspread

    with pytest.raises(gspread.exceptions.APIError) as caught:
        sheet.batch(update(at(), ["a"]), {"addChart": {"chart": {}}})
    assert caught.value.code == 501
    assert "requests[1].addChart" in caught.value.error["message"]
    assert sheet.get() == []


def test_the_updated_spreadsheet_can_come_with_the_answer(sheet):
    body = {
        "requests": [update(at(), ["a"])],
        "includeSpreadsheetInResponse": True,
        "responseIncludeGridData": True,
        "responseRanges": ["Data!A1:B2"],
    }
    answer = sheet.book.batch_update(body)["updatedSpreadsheet"]
    assert [each["properties"]["title"] for each in answer["sheets"]] == ["Data"]
    assert answer["sheets"][0]["data"][0]["rowData"][0]["values"][0]["formattedValue"] == "a"


def test_an_empty_batch_and_an_empty_request_are_refused(sheet):
    assert sheet.refused() == "Must specify at least one request."
    assert sheet.refused({}) == "Invalid requests[0]: No request set."
