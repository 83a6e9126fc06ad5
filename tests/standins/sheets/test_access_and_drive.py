from __future__ import annotations

import gspread
import pytest
from gspread.utils import ExportFormat


def denied(call, *args) -> tuple[int, str, str]:
    with pytest.raises(gspread.exceptions.APIError) as caught:
        call(*args)
    error = caught.value.error
    return error["code"], error.get("status", ""), error["message"]


def test_an_account_without_access_is_denied_and_an_unknown_id_is_not_found(server, client):
    private = server.create_spreadsheet(share_with=["sync-2"])
    with pytest.raises(PermissionError) as caught:
        client.open_by_key(private)
    assert caught.value.__cause__.error == {
        "code": 403,
        "status": "PERMISSION_DENIED",
        "message": "The caller does not have permission",
    }
    with pytest.raises(gspread.exceptions.SpreadsheetNotFound) as missing:
        client.open_by_key("no-such-id")
    assert missing.value.args[0].json()["error"] == {
        "code": 404,
        "status": "NOT_FOUND",
        "message": "Requested entity was not found.",
    }


def test_a_reader_may_read_and_not_write(server, client):
    sid = server.create_spreadsheet(share_with=[{"email": "sync-1", "role": "reader"}])
    book = client.open_by_key(sid)
    assert book.values_get("A1")["range"] == "Sheet1!A1"
    assert denied(book.values_clear, "A1")[:2] == (403, "PERMISSION_DENIED")
    assert denied(book.batch_update, {"requests": [{"addSheet": {}}]})[:2] == (403, "PERMISSION_DENIED")


def test_anyone_may_read_what_is_public(server, client):
    sid = server.create_spreadsheet(share_with=[], public_read=True)
    assert client.open_by_key(sid).title == "Test"


def test_making_a_workbook_again_with_its_id_changes_nothing(server, client):
    sid = server.create_spreadsheet(id="fixed-id", title="First", tabs=[{"title": "T", "values": [["a", 1]]}])
    assert server.create_spreadsheet(id="fixed-id", title="Second") == sid
    book = client.open_by_key(sid)
    assert (book.title, book.worksheet("T").get_all_values()) == ("First", [["a", "1"]])


def test_spreadsheets_are_created_listed_shared_and_deleted_through_gspread(server, client):
    book = client.create("Made by gspread")
    assert [each["id"] for each in client.list_spreadsheet_files("Made by gspread")] == [book.id]
    assert client.open("Made by gspread").id == book.id
    other = server.gspread_client("sync-2")
    with pytest.raises(PermissionError):
        other.open_by_key(book.id)
    address = "sync-2@drivetrain-local.iam.gserviceaccount.com"
    book.share(address, perm_type="user", role="writer")
    other.open_by_key(book.id).values_update("A1", {"valueInputOption": "RAW"}, {"values": [["x"]]})
    assert {item["role"] for item in book.list_permissions()} == {"owner", "writer"}
    assert denied(other.del_spreadsheet, book.id)[0] == 403
    book.remove_permissions(address)
    with pytest.raises(PermissionError):
        other.open_by_key(book.id)
    client.del_spreadsheet(book.id)
    with pytest.raises(gspread.exceptions.SpreadsheetNotFound):
        client.open_by_key(book.id)


def test_a_copy_has_the_cells_and_its_own_life(server, client):
    book = client.open_by_key(server.create_spreadsheet(title="Source", tabs=["Data"]))
    book.values_update("Data!A1", {"valueInputOption": "USER_ENTERED"}, {"values": [["12%", "x"]]})
    copy = client.copy(book.id, title="The copy", copy_comments=True)
    assert copy.worksheet("Data").get_all_values() == [["12%", "x"]]
    copy.values_update("Data!A1", {"valueInputOption": "RAW"}, {"values": [[1]]})
    assert book.worksheet("Data").get_all_values() == [["12%", "x"]]
    assert copy.worksheet("Data").get_all_values() == [["100%", "x"]]


def test_drive_metadata_export_and_import(server, client):
    book = client.open_by_key(server.create_spreadsheet(title="Times", tabs=["Data"]))
    before = client.get_file_drive_metadata(book.id)
    assert set(before) == {"id", "name", "createdTime", "modifiedTime"}
    book.values_update("Data!A1", {"valueInputOption": "RAW"}, {"values": [["a,b", 1], ["c"]]})
    assert client.get_file_drive_metadata(book.id)["modifiedTime"] > before["modifiedTime"]
    assert client.export(book.id, ExportFormat.CSV) == b'"a,b",1\r\nc,\r\n'
    client.import_csv(book.id, "x,1\ny,2\n")
    assert book.values_get("Data", {"valueRenderOption": "UNFORMATTED_VALUE"})["values"] == [["x", 1], ["y", 2]]


def test_drives_own_error_shape(server, client):
    with pytest.raises(gspread.exceptions.APIError) as caught:
        client.get_file_drive_metadata("nothing")
    item = {
        "message": "File not found: nothing.",
        "domain": "global",
        "reason": "notFound",
        "location": "fileId",
        "locationType": "parameter",
    }
    assert caught.value.error == {"code": 404, "message": "File not found: nothing.", "errors": [item]}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name = 'Alpha one'", 1),
        ("name contains 'Alp' and trashed = false", 2),
        ("mimeType='application/vnd.google-apps.spreadsheet' and name contains 'Alpha' and not name = 'Alpha one'", 1),
        ("mimeType = 'text/csv'", 0),
        ("name = 'it\\'s'", 0),
    ],
)
def test_files_are_searched(server, client, query, found):
    for title in ("Alpha one", "Alpha two"):
        server.create_spreadsheet(id=f"search-{title[-3:]}", title=title)
    url = "https://www.googleapis.com/drive/v3/files"
    files = client.http_client.request("get", url, params={"q": query}).json()["files"]
    assert len(files) == found


def test_files_are_listed_in_pages(server, client):
    for number in range(3):
        server.create_spreadsheet(id=f"page-{number}", title="Paged")
    url = "https://www.googleapis.com/drive/v3/files"
    params = {"q": "name = 'Paged'", "pageSize": 2, "fields": "nextPageToken,files(id)"}
    first = client.http_client.request("get", url, params=params).json()
    rest = client.http_client.request("get", url, params={**params, "pageToken": first["nextPageToken"]}).json()
    assert sorted(each["id"] for each in first["files"] + rest["files"]) == ["page-0", "page-1", "page-2"]
    assert "nextPageToken" not in rest


def test_a_workbook_is_created_through_the_sheets_api_with_its_tabs(client, server):
    body = {
        "properties": {"title": "Whole"},
        "sheets": [
            {
                "properties": {"title": "One", "gridProperties": {"rowCount": 5, "columnCount": 2}},
                "data": [{"rowData": [{"values": [{"userEnteredValue": {"numberValue": 1}}]}]}],
            },
            {"properties": {"title": "Two", "sheetId": 9}},
        ],
    }
    made = client.http_client.request("post", "https://sheets.googleapis.com/v4/spreadsheets", json=body).json()
    assert [each["properties"]["title"] for each in made["sheets"]] == ["One", "Two"]
    assert made["spreadsheetUrl"] == f"{server.url}/spreadsheets/d/{made['spreadsheetId']}/edit"
    assert client.open_by_key(made["spreadsheetId"]).values_get("One")["values"] == [["1"]]
