from __future__ import annotations

import time
from collections.abc import Iterator

import gspread
import pytest

from standins.sheets.errors import ApiError
from standins.sheets.limits import Limits, Quotas
from standins.sheets.quota import QuotaMeter
from standins.sheets.testing import SheetsStandin


@pytest.fixture(scope="module")
def small() -> Iterator[SheetsStandin]:
    options = {
        "max_cells": 60_000,
        "max_cell_characters": 50,
        "max_columns": 30,
        "max_sheets": 3,
        "max_batch_requests": 5,
        "max_request_bytes": 20_000,
    }
    with SheetsStandin(options=options, accounts=1) as standin:
        yield standin


@pytest.fixture
def tight(small: SheetsStandin) -> gspread.Spreadsheet:
    return small.gspread_client().open_by_key(small.create_spreadsheet(tabs=["Data", "Other"]))


def message(call, *args) -> str:
    with pytest.raises(gspread.exceptions.APIError) as caught:
        call(*args)
    assert (caught.value.code, caught.value.error["status"]) == (400, "INVALID_ARGUMENT")
    return caught.value.error["message"]


def requests(*items):
    return {"requests": list(items)}


def test_the_defaults_are_googles():
    assert Limits() == Limits(10_000_000, 18_278, 50_000, 200, 100_000, 10_485_760, 30_000)
    assert Quotas() == Quotas(300, 300, 60, 60, 60.0)


def test_the_grids_of_a_workbook_are_limited_filled_or_not(tight):
    size = "This action would increase the number of cells in the workbook above the limit of 60000 cells."
    grow = {"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 400}}
    assert message(tight.batch_update, requests(grow)) == f"Invalid requests[0].appendDimension: {size}"
    assert message(tight.batch_update, requests({"addSheet": {"properties": {"title": "x"}}})).endswith(size)
    resize = {
        "updateSheetProperties": {
            "properties": {"sheetId": 0, "gridProperties": {"rowCount": 2000}},
            "fields": "gridProperties.rowCount",
        }
    }
    assert message(tight.batch_update, requests(resize)).endswith(size)
    assert message(tight.values_append, "Data", {"valueInputOption": "RAW"}, {"values": [["a"]] * 1400}) == size
    tight.sheet1.resize(10, 10)
    assert tight.sheet1.row_count == 10


def test_ten_million_cells_is_the_real_limit(sheet):
    assert "above the limit of 10000000 cells" in sheet.refused(
        {"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 383_000}}
    )
    assert "above the limit of 18278 columns" in sheet.refused(
        {"addSheet": {"properties": {"title": "wide", "gridProperties": {"rowCount": 1, "columnCount": 18_279}}}}
    )


def test_a_cell_is_limited_in_characters(tight):
    text = "Your input contains more than the maximum of 50 characters in a single cell."
    update = {
        "updateCells": {
            "start": {"sheetId": 0},
            "rows": [{"values": [{"userEnteredValue": {"stringValue": "x" * 51}}]}],
            "fields": "*",
        }
    }
    assert message(tight.batch_update, requests(update)) == f"Invalid requests[0].updateCells: {text}"
    assert message(tight.values_update, "Data!A1", {"valueInputOption": "RAW"}, {"values": [["x" * 51]]}) == text


def test_columns_tabs_and_sub_requests_are_limited(tight):
    wide = {"appendDimension": {"sheetId": 0, "dimension": "COLUMNS", "length": 5}}
    tight.sheet1.resize(10)
    assert "above the limit of 30 columns" in message(tight.batch_update, requests(wide))
    tab = {"addSheet": {"properties": {"gridProperties": {"rowCount": 1, "columnCount": 1}}}}
    assert "above the limit of 3 sheets" in message(tight.batch_update, requests(tab, tab))
    assert "more than the limit of 5" in message(tight.batch_update, requests(*[tab] * 6))


def test_a_request_is_limited_in_bytes(tight):
    body = {"values": [["x" * 40] * 25] * 30}
    text = "Request payload size exceeds the limit: 20000 bytes."
    assert message(tight.values_update, "Data!A1", {"valueInputOption": "RAW"}, body) == text


def test_quotas_per_user_and_per_project_name_what_ran_out(server):
    server.quotas(user_reads=2, user_writes=1, project_reads=3, minute_seconds=86_400)
    try:
        sid = server.create_spreadsheet()
        one = server.gspread_client("sync-1").open_by_key(sid)
        one.values_get("A1")
        with pytest.raises(gspread.exceptions.APIError) as caught:
            one.values_get("A1")
        error = caught.value.error
        assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
        assert error["message"].startswith(
            "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user' of service "
            "'sheets.googleapis.com' for consumer 'project_number:"
        )
        info = error["details"][0]
        assert info["reason"] == "RATE_LIMIT_EXCEEDED"
        assert info["metadata"]["quota_limit"] == "ReadRequestsPerMinutePerUser"
        assert info["metadata"]["quota_metric"] == "sheets.googleapis.com/read_requests"
        assert info["metadata"]["consumer"].startswith("projects/")
        two = server.gspread_client("sync-2").open_by_key(sid)
        with pytest.raises(gspread.exceptions.APIError) as caught:
            two.values_get("A1")
        assert caught.value.error["details"][0]["metadata"]["quota_limit"] == "ReadRequestsPerMinutePerProject"
        # A batch is one write, however much is in it; drive calls and tokens cost nothing here.
        rename = {"updateSpreadsheetProperties": {"properties": {"title": "x"}, "fields": "title"}}
        two.batch_update(requests(*[rename] * 10))
        with pytest.raises(gspread.exceptions.APIError, match="Write requests per minute per user"):
            two.batch_update(requests(rename))
        server.quotas(user_reads=0, project_reads=0, user_writes=0)
        two.values_get("A1")
    finally:
        server.quotas(user_reads=0, project_reads=0, user_writes=0, minute_seconds=60.0)


def test_a_short_minute_refills(server):
    server.quotas(user_reads=1, minute_seconds=0.2)
    try:
        client = server.gspread_client("sync-3")
        book = client.open_by_key
        sid = server.create_spreadsheet()
        deadline, served, refused = time.monotonic() + 10, 0, 0
        while served < 3 or not refused:
            assert time.monotonic() < deadline
            try:
                book(sid)
                served += 1
            except gspread.exceptions.APIError:
                refused += 1
    finally:
        server.quotas(user_reads=0, minute_seconds=60.0)


def test_a_refused_request_costs_nothing_and_the_next_minute_is_fresh():
    now = [120.0]
    meter = QuotaMeter(Quotas(0, 0, 2, 0), "1", clock=lambda: now[0])
    for _ in range(2):
        meter.take("read", "a")
    for _ in range(3):
        with pytest.raises(ApiError):
            meter.take("read", "a")
    meter.take("read", "b")
    now[0] += 60
    meter.take("read", "a")
