from __future__ import annotations

import gspread
import httpx
import pytest


def create(location, key="job", value="one", visibility="DOCUMENT", **more):
    body = {"metadataKey": key, "metadataValue": value, "visibility": visibility, "location": location, **more}
    return {"createDeveloperMetadata": {"developerMetadata": body}}


def by_key(key):
    return {"developerMetadataLookup": {"metadataKey": key}}


def search(sheet, *filters):
    url = f"https://sheets.googleapis.com/v4/spreadsheets/{sheet.id}/developerMetadata:search"
    found = sheet.book.client.request("post", url, json={"dataFilters": list(filters)}).json()
    return [item["developerMetadata"] for item in found.get("matchedDeveloperMetadata", [])]


def test_metadata_lives_on_the_workbook_on_tabs_and_on_rows(sheet):
    replies = sheet.batch(
        create({"spreadsheet": True}, metadataId=11),
        create({"sheetId": 0}, visibility="PROJECT"),
        create({"dimensionRange": {"sheetId": 0, "dimension": "ROWS", "startIndex": 4, "endIndex": 5}}, key="row"),
    )
    made = [reply["createDeveloperMetadata"]["developerMetadata"] for reply in replies]
    assert [item["location"]["locationType"] for item in made] == ["SPREADSHEET", "SHEET", "ROW"]
    found = sheet.resource("developerMetadata,sheets.developerMetadata")
    assert [item["metadataId"] for item in found["developerMetadata"]] == [11]
    assert found["sheets"][0]["developerMetadata"] == [made[1]]
    url = f"https://sheets.googleapis.com/v4/spreadsheets/{sheet.id}/developerMetadata/11"
    assert sheet.book.client.request("get", url).json()["metadataValue"] == "one"
    with pytest.raises(gspread.exceptions.APIError) as caught:
        sheet.book.client.request("get", url + "9")
    assert caught.value.code == 404


def test_metadata_is_searched_updated_and_deleted(sheet):
    sheet.batch(create({"spreadsheet": True}), create({"sheetId": 0}), create({"sheetId": 0}, key="other"))
    assert len(search(sheet, by_key("job"))) == 2
    assert len(search(sheet, {"developerMetadataLookup": {"locationType": "SHEET"}})) == 2
    assert len(search(sheet, {"developerMetadataLookup": {"metadataLocation": {"sheetId": 0}}})) == 2
    update = {"dataFilters": [by_key("job")], "developerMetadata": {"metadataValue": "two"}, "fields": "metadataValue"}
    reply = sheet.batch({"updateDeveloperMetadata": update})[0]["updateDeveloperMetadata"]["developerMetadata"]
    assert [item["metadataValue"] for item in reply] == ["two", "two"]
    gone = sheet.batch({"deleteDeveloperMetadata": {"dataFilter": by_key("job")}})[0]["deleteDeveloperMetadata"]
    assert len(gone["deletedDeveloperMetadata"]) == 2
    assert search(sheet, by_key("job")) == []


def test_metadata_goes_with_its_tab_and_moves_with_its_row(sheet):
    other = sheet.book.worksheet("Other tab").id
    row = {"dimensionRange": {"sheetId": 0, "dimension": "ROWS", "startIndex": 4, "endIndex": 5}}
    sheet.batch(create({"sheetId": other}), create(row, key="row"))
    span = {"sheetId": 0, "dimension": "ROWS", "startIndex": 0, "endIndex": 2}
    sheet.batch({"deleteSheet": {"sheetId": other}}, {"insertDimension": {"range": span}})
    assert search(sheet, by_key("job")) == []
    assert search(sheet, by_key("row"))[0]["location"]["dimensionRange"]["startIndex"] == 6
    sheet.batch({"deleteDimension": {"range": {**span, "startIndex": 6, "endIndex": 7}}})
    assert search(sheet, by_key("row")) == []


def test_metadata_is_limited_to_30000_characters_a_place(sheet):
    sheet.batch(create({"sheetId": 0}, key="k", value="x" * 20_000))
    sheet.batch(create({"spreadsheet": True}, key="k", value="x" * 20_000))
    assert "30000 characters" in sheet.refused(create({"sheetId": 0}, key="k", value="x" * 10_000))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"metadataKey": "k", "location": {"spreadsheet": True}}, "visibility must be DOCUMENT or PROJECT"),
        ({"metadataKey": "k", "visibility": "DOCUMENT"}, "location is required"),
        ({"visibility": "DOCUMENT", "location": {"spreadsheet": True}}, "metadataKey is required"),
        ({"metadataKey": "k", "visibility": "DOCUMENT", "location": {"sheetId": 9}}, "No sheet with id: 9"),
    ],
)
def test_incomplete_metadata_is_refused(sheet, body, message):
    assert message in sheet.refused({"createDeveloperMetadata": {"developerMetadata": body}})


def test_field_masks_of_spreadsheets_get(sheet):
    sheet.batch(create({"sheetId": 0}, value="v"))
    sheet.put([["a"]])
    assert sheet.resource("spreadsheetId") == {"spreadsheetId": sheet.id}
    assert sheet.resource("sheets.properties.title,properties/title") == {
        "properties": {"title": "Test"},
        "sheets": [{"properties": {"title": "Data"}}, {"properties": {"title": "Other tab"}}],
    }
    nested = sheet.resource("sheets(developerMetadata(metadataKey),properties(sheetId,title))")
    assert nested["sheets"][0] == {
        "developerMetadata": [{"metadataKey": "job"}],
        "properties": {"sheetId": 0, "title": "Data"},
    }
    everything = sheet.resource("*")
    assert everything["sheets"][0]["data"][0]["rowData"][0]["values"][0]["formattedValue"] == "a"
    assert "data" not in sheet.resource()["sheets"][0]
    merged = sheet.resource("sheets.properties,sheets(properties(sheetId,title))")
    assert merged["sheets"][0]["properties"]["gridProperties"] == {"rowCount": 1000, "columnCount": 26}


@pytest.mark.parametrize("mask", ["nothing", "sheets.nothing", "sheets(properties(", "sheets..title", "sheets)"])
def test_a_field_mask_that_does_not_fit_is_refused(sheet, mask):
    with pytest.raises(gspread.exceptions.APIError) as caught:
        sheet.resource(mask)
    assert caught.value.error["message"] == "Request contains an invalid argument."
    assert "Error expanding 'fields' parameter" in caught.value.error["details"][0]["fieldViolations"][0]["description"]


def test_grid_data_of_ranges(sheet):
    sheet.put([["a", "b"], ["c", "=1"]])
    found = sheet.resource(includeGridData="true", ranges=["Data!B2:C3"])["sheets"]
    assert len(found) == 1
    data = found[0]["data"][0]
    assert (data["startRow"], data["startColumn"]) == (1, 1)
    assert data["rowData"][0]["values"][0]["effectiveFormat"]["textFormat"]["fontSize"] == 10


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"requests": [{"updateCells": {"foo": 1}}]},
            "Invalid JSON payload received. Unknown name \"foo\" at 'requests[0].update_cells': Cannot find field.",
        ),
        (
            {"requests": [{"foo": {}}]},
            "Invalid JSON payload received. Unknown name \"foo\" at 'requests[0]': Cannot find field.",
        ),
        ({"foo": 1}, 'Invalid JSON payload received. Unknown name "foo": Cannot find field.'),
        (
            {"requests": [{"updateCells": {"start": {"sheetId": "x"}}}]},
            "Invalid value at 'requests[0].update_cells.start.sheet_id' (TYPE_INT32), \"x\"",
        ),
        (
            {"requests": [{"updateCells": {"start": {"sheetId": 2**31}}}]},
            "Invalid value at 'requests[0].update_cells.start.sheet_id' (TYPE_INT32), 2147483648",
        ),
        (
            {"requests": [{"copyPaste": {"pasteType": "ALL"}}]},
            "Invalid value at 'requests[0].copy_paste.paste_type' "
            '(type.googleapis.com/google.apps.sheets.v4.PasteType), "ALL"',
        ),
        (
            {"requests": [{"updateCells": []}]},
            "Invalid JSON payload received. Unknown name \"update_cells\" at 'requests[0]': "
            "Proto field is not repeating, cannot start list.",
        ),
        (
            {"requests": [{"updateCells": {"rows": [{"values": [{"userEnteredValue": {"stringValue": 5}}]}]}}]},
            "Invalid value at 'requests[0].update_cells.rows[0].values[0].user_entered_value.string_value' "
            "(TYPE_STRING), 5",
        ),
        (
            {"requests": [{"deleteSheet": {}, "addSheet": {}}]},
            "Invalid value at 'requests[0]' (oneof), oneof field 'kind' is already set. Cannot set 'addSheet'",
        ),
        (
            {"requests": [{"updateCells": {"start": {}, "range": {}, "fields": "*"}}]},
            "Invalid value at 'requests[0].update_cells' (oneof), oneof field 'area' is already set. "
            "Cannot set 'range'",
        ),
        (
            {"requests": "x"},
            "Invalid value at 'requests[0]' (type.googleapis.com/google.apps.sheets.v4.Request), \"x\"",
        ),
    ],
)
def test_a_payload_off_the_schema_is_refused_in_googles_words(sheet, body, message):
    with pytest.raises(gspread.exceptions.APIError) as caught:
        sheet.book.batch_update(body)
    error = caught.value.error
    assert (error["code"], error["status"], error["message"]) == (400, "INVALID_ARGUMENT", message)
    assert error["details"][0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"


def test_proto_json_takes_snake_case_numbers_in_text_and_nulls(sheet):
    sheet.batch(
        {
            "update_cells": {
                "start": {"sheet_id": "0", "rowIndex": 1.0, "columnIndex": None},
                "rows": [{"values": [{"userEnteredValue": {"number_value": "1.5"}}]}],
                "fields": "user_entered_value",
            }
        }
        | {}
    )
    assert sheet.get() == [[], [1.5]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([["a"], "b"], "Invalid value at 'data.values[1]' (type.googleapis.com/google.protobuf.ListValue), \"b\""),
        ([[["a"]]], "Invalid values[0][0]: list_value"),
        ([["a", {"b": 1}]], "Invalid values[0][1]: struct_value"),
    ],
)
def test_values_that_are_no_rows_of_scalars_are_refused(sheet, values, message):
    with pytest.raises(gspread.exceptions.APIError) as caught:
        sheet.put(values)
    assert caught.value.error["message"].startswith(message)


def test_unknown_and_wrong_query_parameters_are_refused(sheet):
    with pytest.raises(gspread.exceptions.APIError, match="Cannot bind query parameter"):
        sheet.book.values_get("Data", {"colour": "red"})
    with pytest.raises(gspread.exceptions.APIError, match=r"Invalid value at 'value_render_option'"):
        sheet.book.values_get("Data", {"valueRenderOption": "PLAIN"})


def test_a_body_that_is_no_json_is_refused(sheet, server):
    token = sheet.book.client.session.credentials.token
    url = f"{server.url}/v4/spreadsheets/{sheet.id}:batchUpdate"
    answer = httpx.post(url, content=b"{", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Invalid JSON payload received.")


def test_an_unknown_path_is_404_in_json(server):
    answer = httpx.get(f"{server.url}/v4/nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 404)
