from __future__ import annotations

import pytest

from standins.sheets.dimensions import shift_interval


def span(start, end, dimension="ROWS", sheet=0):
    return {"range": {"sheetId": sheet, "dimension": dimension, "startIndex": start, "endIndex": end}}


def insert(start, end, dimension="ROWS", before=False):
    return {"insertDimension": {**span(start, end, dimension), "inheritFromBefore": before}}


def delete(start, end, dimension="ROWS"):
    return {"deleteDimension": span(start, end, dimension)}


def named(sheet):
    return {item["name"]: item.get("range") for item in sheet.resource("namedRanges").get("namedRanges", [])}


def test_rows_are_inserted_and_deleted(sheet):
    sheet.put([[str(n)] for n in range(400)])
    sheet.batch(insert(100, 102))
    assert sheet.get("Data!A99:A104") == [["98"], ["99"], [], [], ["100"], ["101"]]
    sheet.batch(delete(0, 102))
    assert sheet.get("Data!A1:A2") == [["100"], ["101"]]
    assert len(sheet.get()) == 300
    assert sheet.book.sheet1.row_count == 900
    sheet.batch(delete(10, 290))
    assert [row[0] for row in sheet.get()] == [str(n) for n in [*range(100, 110), *range(390, 400)]]


def test_columns_are_inserted_and_deleted(sheet):
    sheet.put([["a", "b", "c"], ["d"]])
    sheet.batch(insert(1, 3, "COLUMNS"))
    assert sheet.get() == [["a", "", "", "b", "c"], ["d"]]
    sheet.batch(delete(0, 2, "COLUMNS"))
    assert sheet.get() == [["", "b", "c"]]
    assert sheet.book.sheet1.col_count == 26


def test_inserted_rows_look_like_the_row_before_or_after(sheet):
    percent = {"userEnteredFormat": {"numberFormat": {"type": "PERCENT", "pattern": "0%"}}}
    sheet.batch(
        {"updateCells": {"start": {"sheetId": 0}, "rows": [{"values": [percent]}], "fields": "userEnteredFormat"}}
    )
    sheet.batch(insert(1, 2, before=True), insert(2, 3))
    sheet.put([[0.5], [0.5], [0.5]])
    assert sheet.get(option="FORMATTED_VALUE") == [["50%"], ["50%"], ["0.5"]]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (delete(0, 1000), "You can't delete all the rows on the sheet."),
        (
            delete(1000, 1001),
            "Cannot delete a row that doesn't exist. Tried to delete row index 1000 but there are only 1000 rows.",
        ),
        (delete(5, 5), "endIndex must be greater than"),
        (insert(0, 1, before=True), "inheritFromBefore cannot be true"),
        (
            insert(1000, 1001),
            "range.startIndex[1000] must be less than the grid size[1000] if inheritFromBefore is false.",
        ),
        (insert(2000, 2001), "past the last row"),
        ({"appendDimension": {"sheetId": 0, "dimension": "ROWS"}}, "length must be greater than 0"),
    ],
)
def test_impossible_moves_are_refused(sheet, request_, message):
    assert message in sheet.refused(request_)


def test_the_rows_below_a_frozen_header_cannot_all_go(sheet):
    sheet.batch(
        {
            "updateSheetProperties": {
                "properties": {"sheetId": 0, "gridProperties": {"frozenRowCount": 1}},
                "fields": "gridProperties.frozenRowCount",
            }
        }
    )
    assert "not possible to delete all non-frozen rows" in sheet.refused(delete(1, 1000))
    assert "not possible to delete all non-frozen rows" in sheet.refused(
        {
            "updateSheetProperties": {
                "properties": {"sheetId": 0, "gridProperties": {"rowCount": 1}},
                "fields": "gridProperties.rowCount",
            }
        }
    )


@pytest.mark.parametrize(
    ("interval", "at", "count", "moved"),
    [
        ((2, 5), 2, 3, (5, 8)),
        ((2, 5), 3, 3, (2, 8)),
        ((2, 5), 5, 3, (2, 5)),
        ((2, 5), 0, 1, (3, 6)),
        ((2, 5), 0, -1, (1, 4)),
        ((2, 5), 3, -1, (2, 4)),
        ((2, 5), 0, -3, (0, 2)),
        ((2, 5), 4, -9, (2, 4)),
        ((2, 5), 2, -3, None),
        ((2, 5), 0, -9, None),
        ((2, None), 0, -1, (1, None)),
        ((None, None), 3, -1, (None, None)),
        ((0, 5), 2, -1, (0, 4)),
    ],
)
def test_intervals_move_with_the_rows(interval, at, count, moved):
    assert shift_interval(*interval, at, count) == moved


def test_named_ranges_move_with_rows_and_become_ref_when_all_of_them_goes(sheet):
    sheet.put([["a"], ["b"], ["c"], ["d"]])
    sheet.book.sheet1.define_named_range("A2:B3", "block")
    sheet.batch(insert(0, 2))
    assert named(sheet)["block"] == {
        "sheetId": 0,
        "startRowIndex": 3,
        "endRowIndex": 5,
        "startColumnIndex": 0,
        "endColumnIndex": 2,
    }
    assert sheet.get("block") == [["b"], ["c"]]
    sheet.batch(insert(4, 5))
    assert sheet.get("block") == [["b"], [], ["c"]]
    sheet.batch(delete(3, 5))
    assert sheet.get("block") == [["c"]]
    sheet.batch(delete(3, 4))
    assert named(sheet) == {"block": None}
    import gspread

    with pytest.raises(gspread.exceptions.APIError, match="Unable to parse range: block"):
        sheet.get("block")


def test_named_ranges_are_added_updated_and_deleted(sheet):
    reply = sheet.batch(
        {
            "addNamedRange": {
                "namedRange": {"name": "prices", "range": {"sheetId": 0, "startColumnIndex": 1, "endColumnIndex": 2}}
            }
        }
    )
    made = reply[0]["addNamedRange"]["namedRange"]
    assert made["range"] == {"sheetId": 0, "startColumnIndex": 1, "endColumnIndex": 2}
    assert "already exists" in sheet.refused(
        {"addNamedRange": {"namedRange": {"name": "PRICES", "range": {"sheetId": 0}}}}
    )
    assert "not a valid name" in sheet.refused(
        {"addNamedRange": {"namedRange": {"name": "A1", "range": {"sheetId": 0}}}}
    )
    sheet.batch(
        {"updateNamedRange": {"namedRange": {"namedRangeId": made["namedRangeId"], "name": "costs"}, "fields": "name"}}
    )
    assert list(named(sheet)) == ["costs"]
    sheet.batch({"deleteNamedRange": {"namedRangeId": made["namedRangeId"]}})
    assert named(sheet) == {}
    assert "No named range with id" in sheet.refused({"deleteNamedRange": {"namedRangeId": "x"}})


def test_tabs_are_added_moved_and_deleted(sheet):
    reply = sheet.batch(
        {
            "addSheet": {
                "properties": {
                    "sheetId": 7,
                    "title": "Third",
                    "index": 0,
                    "gridProperties": {"rowCount": 5, "columnCount": 4, "frozenRowCount": 1},
                    "tabColorStyle": {"rgbColor": {"red": 1}},
                }
            }
        }
    )
    props = reply[0]["addSheet"]["properties"]
    assert props["gridProperties"] == {"rowCount": 5, "columnCount": 4, "frozenRowCount": 1}
    assert props["tabColor"] == {"red": 1}
    assert [each.title for each in sheet.book.worksheets()] == ["Third", "Data", "Other tab"]
    sheet.batch({"updateSheetProperties": {"properties": {"sheetId": 7, "index": 2}, "fields": "index"}})
    assert [each.title for each in sheet.book.worksheets()] == ["Data", "Third", "Other tab"]
    sheet.batch({"deleteSheet": {"sheetId": 7}})
    assert [each.index for each in sheet.book.worksheets()] == [0, 1]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            {"addSheet": {"properties": {"title": "data"}}},
            'addSheet: A sheet with the name "data" already exists. Please enter another name.',
        ),
        ({"addSheet": {"properties": {"sheetId": 0}}}, "already exists"),
        ({"deleteSheet": {"sheetId": 123}}, "deleteSheet: No sheet with id: 123"),
        (
            {
                "updateSheetProperties": {
                    "properties": {"sheetId": 0, "gridProperties": {"rowCount": 0}},
                    "fields": "gridProperties.rowCount",
                }
            },
            "at least one row",
        ),
        ({"updateSheetProperties": {"properties": {"sheetId": 0}}}, "At least one field must be listed"),
        (
            {"updateSheetProperties": {"properties": {"sheetId": 0}, "fields": "colour"}},
            "Field 'colour' could not be found",
        ),
    ],
)
def test_impossible_tabs_are_refused(sheet, request_, message):
    assert message in sheet.refused(request_)


def test_the_last_tab_cannot_go(sheet):
    other = sheet.book.worksheet("Other tab").id
    assert sheet.refused({"deleteSheet": {"sheetId": 0}}, {"deleteSheet": {"sheetId": other}}) == (
        "Invalid requests[1].deleteSheet: You can't remove all the sheets in a document."
    )


def test_resizing_cuts_cells_off(sheet):
    sheet.put([["a", "b"], ["c", "d"]])
    sheet.book.sheet1.resize(1, 1)
    assert sheet.get() == [["a"]]
    sheet.book.sheet1.resize(2, 2)
    assert sheet.get() == [["a"]]


def test_a_duplicate_has_the_cells_of_its_source_and_a_life_of_its_own(sheet):
    sheet.put([["a"]])
    reply = sheet.batch({"duplicateSheet": {"sourceSheetId": 0, "insertSheetIndex": 2, "newSheetName": "Twin"}})
    assert reply[0]["duplicateSheet"]["properties"]["index"] == 2
    sheet.put([["b"]])
    assert (sheet.get("Twin"), sheet.get("Data")) == ([["a"]], [["b"]])


def test_a_tab_is_copied_to_another_workbook_with_its_formats(sheet, server, client):
    sheet.put([["12%", "x"]], option="USER_ENTERED")
    other = client.open_by_key(server.create_spreadsheet(tabs=["Data"]))
    made = sheet.book.sheet1.copy_to(other.id)
    assert made["title"] == "Copy of Data"
    assert other.worksheet("Copy of Data").get_all_values() == [["12%", "x"]]


def test_workbook_properties(sheet):
    sheet.batch(
        {
            "updateSpreadsheetProperties": {
                "properties": {"title": "New", "timeZone": "Europe/Berlin"},
                "fields": "title,timeZone",
            }
        }
    )
    properties = sheet.resource("properties(title,timeZone,locale)")["properties"]
    assert properties == {"title": "New", "timeZone": "Europe/Berlin", "locale": "en_US"}


def test_row_and_column_sizes_and_filters_are_kept(sheet):
    sheet.batch(
        {
            "updateDimensionProperties": {
                **span(0, 2, "COLUMNS"),
                "properties": {"pixelSize": 50},
                "fields": "pixelSize",
            }
        },
        {"autoResizeDimensions": {"dimensions": span(0, 2, "COLUMNS")["range"]}},
        {"setBasicFilter": {"filter": {"range": {"sheetId": 0, "endRowIndex": 10, "endColumnIndex": 3}}}},
        insert(0, 1, "COLUMNS"),
    )
    found = sheet.resource("sheets(basicFilter,data.columnMetadata.pixelSize)", ranges="Data!A1:D1")["sheets"][0]
    assert [item["pixelSize"] for item in found["data"][0]["columnMetadata"]] == [100, 50, 50, 100]
    assert found["basicFilter"]["range"]["startColumnIndex"] == 1
    sheet.batch({"clearBasicFilter": {"sheetId": 0}})
    assert sheet.resource("sheets.basicFilter")["sheets"][0] == {}
