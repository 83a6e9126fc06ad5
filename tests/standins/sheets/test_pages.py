from __future__ import annotations

import httpx
import pytest


@pytest.fixture
def page(server):
    with httpx.Client(base_url=server.url, trust_env=False) as http:
        yield http


def rows(page, sheet, gid=0, start=0, count=100):
    return page.get(f"/_view/{sheet.id}/{gid}/rows?start={start}&count={count}").json()


def test_the_list_names_every_workbook_and_escapes_titles(page, server):
    sid = server.create_spreadsheet(title="<b>Cars & vans</b>")
    text = page.get("/").text
    assert "&lt;b&gt;Cars &amp; vans&lt;/b&gt;" in text
    assert f"/spreadsheets/d/{sid}/edit" in text


def test_a_workbook_is_a_page_at_googles_path(page, sheet, server):
    answer = page.get(f"/spreadsheets/d/{sheet.id}/edit?gid=0")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '"title":"Data"' in answer.text
    hostile = server.create_spreadsheet(title="</script><script>alert(1)</script>")
    assert "<script>alert" not in page.get(f"/spreadsheets/d/{hostile}/edit").text


@pytest.mark.parametrize(
    ("path", "status"),
    [("/spreadsheets/d/nothing/edit", 404), ("/nothing", 404), ("/_view/nothing", 404), ("/static/../web.py", 404)],
)
def test_what_is_not_there_is_404(page, path, status):
    assert page.get(path).status_code == status


@pytest.mark.parametrize(
    ("path", "kind"), [("/static/sheets.css", "text/css"), ("/static/sheets.js", "text/javascript")]
)
def test_assets_are_served_here_and_nothing_is_loaded_from_elsewhere(page, sheet, path, kind):
    answer = page.get(path)
    assert answer.headers["content-type"].startswith(kind)
    for text in (answer.text, page.get("/").text, page.get(f"/spreadsheets/d/{sheet.id}/edit").text):
        assert "https://" not in text


def test_rows_come_in_pages_with_text_kind_and_exact_value(page, sheet):
    sheet.put([["a", "1,250", "12.5%", "2026-11-24", "TRUE", "=B1*2", "=1/0", ""]], option="USER_ENTERED")
    (cells, _, _) = rows(page, sheet)["rows"][0]
    assert cells == [
        ["a", "s"],
        ["1,250", "n", "1250"],
        ["12.50%", "n", "0.125"],
        ["2026-11-24", "d", "46350"],
        ["TRUE", "b"],
        ["2500", "f", "=B1*2"],
        ["#DIV/0!", "e", "=1/0"],
        None,
    ]
    sheet.put([[n] for n in range(300)])
    assert rows(page, sheet, start=298, count=50)["rows"][0][0][0] == ["298", "n"]
    assert len(rows(page, sheet, start=100, count=50)["rows"]) == 50
    assert page.get(f"/_view/{sheet.id}/0/rows?start=x").status_code == 400


def test_formats_reach_the_page(page, sheet):
    look = {"userEnteredFormat": {"textFormat": {"bold": True}, "backgroundColor": {"red": 1}}}
    cell = {"range": {"sheetId": 0, "endRowIndex": 1, "endColumnIndex": 1}, "cell": look, "fields": "userEnteredFormat"}
    sheet.batch({"repeatCell": cell})
    answer = rows(page, sheet)
    (_, marks, _) = answer["rows"][0]
    assert answer["styles"][str(marks[0])] == {"bold": True, "background": "rgb(255 0 0)"}


def test_the_cells_of_the_last_change_are_marked_with_when_and_by_whom(page, sheet):
    sheet.put([["a", "b"], ["c", "d"], ["e", "f"]])
    sheet.put([["a", "B"], ["c", "d"], ["", "f"]])
    assert [row[2] for row in rows(page, sheet)["rows"][:3]] == [[1], [], [0]]
    change = page.get(f"/_view/{sheet.id}").json()["change"]
    assert change["by"].startswith("sync-1@")
    assert change["method"] == "spreadsheets.values.update"
    details = page.get(f"/_view/{sheet.id}/0/details").json()
    assert (details["changed"], details["first_changed"], details["filled"]) == (2, [0, 1], 3)


def test_inserted_rows_do_not_mark_what_only_moved(page, sheet):
    sheet.put([[n] for n in range(5)])
    insert = {"insertDimension": {"range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 1, "endIndex": 2}}}
    new = {
        "updateCells": {
            "start": {"sheetId": 0, "rowIndex": 1},
            "rows": [{"values": [{"userEnteredValue": {"stringValue": "new"}}]}],
            "fields": "*",
        }
    }
    delete = {"deleteDimension": {"range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 3, "endIndex": 4}}}
    sheet.batch(insert, new, delete)
    assert [row[2] for row in rows(page, sheet)["rows"]] == [[], [0], [], [], []]


def test_the_page_learns_of_a_change_by_its_revision(page, sheet):
    revision = page.get(f"/_view/{sheet.id}").json()["revision"]
    assert page.get(f"/_view/{sheet.id}?since={revision}").json() == {"revision": revision}
    sheet.put([["x"]])
    assert page.get(f"/_view/{sheet.id}?since={revision}").json()["revision"] == revision + 1


def test_named_ranges_and_search(page, sheet):
    sheet.put([["Kiel", 1250], ["kiel north", "x"]])
    sheet.book.sheet1.define_named_range("A1:B2", "block")
    assert page.get(f"/_view/{sheet.id}").json()["named"] == [
        {"name": "block", "label": "Data!A1:B2", "gid": 0, "row": 0, "column": 0}
    ]
    search = f"/_view/{sheet.id}/0/search"
    assert page.get(search, params={"q": "KIEL"}).json() == {"cells": [[0, 0], [1, 0]], "more": False}
    assert page.get(search, params={"q": "125"}).json()["cells"] == [[0, 1]]
    assert page.get(search).json()["cells"] == []
