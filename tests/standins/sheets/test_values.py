from __future__ import annotations

import gspread
import pytest


def refused(call, *args, **kwargs) -> str:
    with pytest.raises(gspread.exceptions.APIError) as caught:
        call(*args, **kwargs)
    assert caught.value.code == 400, caught.value.error
    return caught.value.error["message"]


def test_raw_values_come_back_with_their_types(sheet):
    sheet.put([[1, 2.5, True, "007", "=1+1", "'x", -0.1, 1e21]])
    assert sheet.get() == [[1, 2.5, True, "007", "=1+1", "'x", -0.1, 1e21]]
    assert sheet.get(option="FORMATTED_VALUE") == [["1", "2.5", "TRUE", "007", "=1+1", "'x", "-0.1", "1E+21"]]


def test_integers_are_doubles(sheet):
    sheet.put([[9007199254740993, 9007199254740992, 123456789012345]])
    assert sheet.get() == [[9007199254740992, 9007199254740992, 123456789012345]]


def test_null_leaves_a_cell_alone_and_an_empty_text_empties_it(sheet):
    sheet.put([["a", "b", "c"], ["d", "e", "f"]])
    answer = sheet.put([[None, "", "C"], [None, None, None]])
    assert sheet.get() == [["a", "", "C"], ["d", "e", "f"]]
    assert (answer["updatedCells"], answer["updatedRows"], answer["updatedColumns"]) == (2, 1, 2)


def test_trailing_empty_cells_and_rows_are_cut_off_and_an_empty_range_has_no_values(sheet):
    sheet.put([["a", "", ""], ["", "", ""], ["", "b", ""], ["", "", ""]])
    assert sheet.get() == [["a"], [], ["", "b"]]
    answer = sheet.book.values_get("'Other tab'!A1:B2")
    assert answer == {"range": "'Other tab'!A1:B2", "majorDimension": "ROWS"}


def test_columns_as_the_major_dimension_both_ways(sheet):
    sheet.book.values_update(
        "Data!A1", {"valueInputOption": "RAW"}, {"majorDimension": "COLUMNS", "values": [["a", "b"], ["c"]]}
    )
    assert sheet.get() == [["a", "c"], ["b"]]
    assert sheet.get(majorDimension="COLUMNS") == [["a", "b"], ["c"]]


@pytest.mark.parametrize(
    ("text", "shown", "values"),
    [
        ("Data!B2", "Data!B2", [["2b"]]),
        ("Data!A1:B2", "Data!A1:B2", [["1a", "1b"], ["2a", "2b"]]),
        ("Data!B2:A1", "Data!A1:B2", [["1a", "1b"], ["2a", "2b"]]),
        ("Data!A2:C", "Data!A2:C1000", [["2a", "2b", "2c"], ["3a", "3b", "3c"]]),
        ("Data!B:C", "Data!B1:C1000", [["1b", "1c"], ["2b", "2c"], ["3b", "3c"]]),
        ("Data!2:3", "Data!A2:Z3", [["2a", "2b", "2c"], ["3a", "3b", "3c"]]),
        ("Data!B2:3", "Data!B2:Z3", [["2b", "2c"], ["3b", "3c"]]),
        ("Data", "Data!A1:Z1000", [["1a", "1b", "1c"], ["2a", "2b", "2c"], ["3a", "3b", "3c"]]),
        ("'Data'!$A$1", "Data!A1", [["1a"]]),
        ("data!a1", "Data!A1", [["1a"]]),
        ("A1", "Data!A1", [["1a"]]),
        ("Data!R2C2:R3C3", "Data!B2:C3", [["2b", "2c"], ["3b", "3c"]]),
        ("Data!A1:ZZ5000", "Data!A1:Z1000", [["1a", "1b", "1c"], ["2a", "2b", "2c"], ["3a", "3b", "3c"]]),
    ],
)
def test_ranges_in_all_their_spellings(sheet, text, shown, values):
    sheet.put([[f"{row}{column}" for column in "abc"] for row in (1, 2, 3)])
    answer = sheet.book.values_get(text)
    assert (answer["range"], answer["values"]) == (shown, values)


@pytest.mark.parametrize(
    "text", ["Nowhere!A1", "Data!A0", "Data!", "Data!A1:B2:C3", "nowhere", "Data!A1B2", "'Data!A1"]
)
def test_a_range_that_cannot_be_read_is_quoted_back(sheet, text):
    assert refused(sheet.book.values_get, text) == f"Unable to parse range: {text}"


def test_titles_are_quoted_where_they_must_be(sheet):
    sheet.book.add_worksheet("it's 5", 3, 3)
    sheet.put([["x"]], "'it''s 5'!B2")
    assert sheet.book.values_get("'it''s 5'!A1:C3")["range"] == "'it''s 5'!A1:C3"
    sheet.book.add_worksheet("Q1", 3, 3)
    assert sheet.book.values_get("'Q1'")["range"] == "'Q1'!A1:C3"


def test_reading_beyond_the_grid_is_refused_with_the_grids_size(sheet):
    message = "Range (Data!A1001) exceeds grid limits. Max rows: 1000, max columns: 26"
    assert refused(sheet.book.values_get, "Data!A1001") == message


def test_writing_grows_the_grid_below_a_start_but_not_beyond_a_range_with_ends(sheet):
    sheet.batch(
        {
            "updateSheetProperties": {
                "properties": {"sheetId": 0, "gridProperties": {"rowCount": 3, "columnCount": 2}},
                "fields": "gridProperties(rowCount,columnCount)",
            }
        }
    )
    sheet.put([[1, 2, 3]] * 5)
    grid = sheet.resource("sheets.properties.gridProperties")["sheets"][0]["properties"]["gridProperties"]
    assert grid == {"rowCount": 5, "columnCount": 3}
    assert refused(sheet.put, [[1]] * 9, "Data!A1:A9") == (
        "Range (Data!A1:A9) exceeds grid limits. Max rows: 5, max columns: 3"
    )
    assert refused(sheet.put, [[1]], "Data!D1") == "Range (Data!D1) exceeds grid limits. Max rows: 5, max columns: 3"
    assert refused(sheet.put, [[1, 2, 3]], "Data!A1:B2") == (
        "Requested writing within range [Data!A1:B2], but tried writing to column [C]"
    )
    assert refused(sheet.put, [[1]] * 3, "Data!A1:B2") == (
        "Requested writing within range [Data!A1:B2], but tried writing to row [3]"
    )


def test_an_input_option_is_required(sheet):
    assert "valueInputOption" in refused(sheet.book.values_update, "Data!A1", {}, {"values": [[1]]})


def test_the_answer_can_hold_the_written_values(sheet):
    answer = sheet.put([["5%", "x"]], option="USER_ENTERED", includeValuesInResponse=True)
    assert answer["updatedData"] == {"range": "Data!A1:B1", "majorDimension": "ROWS", "values": [["5%", "x"]]}


def test_batch_get_and_batch_update_and_batch_clear(sheet):
    answer = sheet.book.values_batch_update(
        {
            "valueInputOption": "RAW",
            "data": [{"range": "Data!A1", "values": [[1]]}, {"range": "'Other tab'!B2", "values": [["x", "y"]]}],
        }
    )
    assert answer["totalUpdatedCells"] == 3
    assert answer["totalUpdatedSheets"] == 2
    got = sheet.book.values_batch_get(["Data!A1", "'Other tab'!A1:C2"])["valueRanges"]
    assert [item.get("values") for item in got] == [[["1"]], [[], ["", "x", "y"]]]
    sheet.book.values_batch_clear(body={"ranges": ["Data!A1", "'Other tab'!B2"]})
    assert sheet.get("'Other tab'!A1:C2") == [[], ["", "", "y"]]


def test_a_batch_of_values_is_atomic(sheet):
    body = {
        "valueInputOption": "RAW",
        "data": [{"range": "Data!A1", "values": [[1]]}, {"range": "No!A1", "values": [[1]]}],
    }
    assert refused(sheet.book.values_batch_update, body) == "Unable to parse range: No!A1"
    assert sheet.get() == []


def test_clearing_keeps_formats(sheet):
    sheet.put([["12%"]], option="USER_ENTERED")
    assert sheet.book.values_clear("Data!A1:B2")["clearedRange"] == "Data!A1:B2"
    sheet.put([[0.5]])
    assert sheet.get(option="FORMATTED_VALUE") == [["50%"]]


def test_append_finds_the_last_table_of_the_range_as_in_googles_guide(sheet):
    sheet.put([["x", "y", "z"], ["x", "y", "z"]])
    sheet.put([["x", "y"], ["y", "z"]], "Data!B4")
    append = sheet.book.values_append
    for range_, table in (("Data", "Data!B4:C5"), ("Data!C1:D1", "Data!A1:C2"), ("Data!B4:D4", "Data!B4:C5")):
        answer = append(range_, {"valueInputOption": "RAW"}, {"values": []})
        assert answer["tableRange"] == table, range_
    answer = append("Data", {"valueInputOption": "RAW"}, {"values": [["new", 1]]})
    assert answer["updates"]["updatedRange"] == "Data!B6:C6"
    answer = append("Data!F3:G9", {"valueInputOption": "RAW"}, {"values": [["alone"]]})
    assert "tableRange" not in answer
    assert answer["updates"]["updatedRange"] == "Data!F3"


def test_append_can_overwrite_or_insert_rows(sheet):
    sheet.put([["a"], ["b"], [""], ["below"]])
    params = {"valueInputOption": "RAW", "insertDataOption": "INSERT_ROWS"}
    sheet.book.values_append("Data!A1", params, {"values": [["c"], ["d"]]})
    assert sheet.get() == [["a"], ["b"], ["c"], ["d"], [], ["below"]]
    sheet.book.values_append("Data!A1", {"valueInputOption": "RAW"}, {"values": [["e"], ["f"]]})
    assert sheet.get() == [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]


def test_append_grows_the_grid(sheet):
    sheet.batch(
        {
            "updateSheetProperties": {
                "properties": {"sheetId": 0, "gridProperties": {"rowCount": 1}},
                "fields": "gridProperties.rowCount",
            }
        }
    )
    worksheet = sheet.book.sheet1
    worksheet.append_rows([["a"] * 30, ["b"]])
    assert worksheet.get_all_values()[1][0] == "b"
    assert sheet.book.get_worksheet(0).col_count == 30


def test_gspreads_own_helpers_work(sheet):
    worksheet = sheet.book.worksheet("Data")
    worksheet.update([["name", "n"], ["a", 1], ["b", 2]])
    assert worksheet.get_all_records() == [{"name": "a", "n": 1}, {"name": "b", "n": 2}]
    assert worksheet.find("b").address == "A3"
    worksheet.update_acell("B3", 7)
    worksheet.insert_row(["first", 0], 2)
    worksheet.delete_rows(3)
    worksheet.sort((2, "des"), range="A2:B3")
    assert worksheet.get_all_values() == [["name", "n"], ["b", "7"], ["first", "0"]]
    worksheet.freeze(rows=1)
    worksheet.format("A1:B1", {"textFormat": {"bold": True}})
    worksheet.batch_clear(["A2:B2"])
    worksheet.resize(rows=4, cols=2)
    worksheet.update_title("Renamed")
    copy = worksheet.duplicate(new_sheet_name="Twin")
    assert copy.get_all_values() == [["name", "n"], ["", ""], ["first", "0"]]
    assert [each.title for each in sheet.book.worksheets()] == ["Twin", "Renamed", "Other tab"]
