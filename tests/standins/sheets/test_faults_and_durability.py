from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import gspread
import httpx
import pytest
import requests.exceptions

from standins.sheets.testing import SheetsStandin


@pytest.fixture(scope="module")
def mortal() -> Iterator[SheetsStandin]:
    """A server of its own, to be killed."""
    with SheetsStandin(accounts=1) as standin:
        yield standin


def write(sheet, text="x"):
    cell = {"userEnteredValue": {"stringValue": text}}
    return sheet.batch({"updateCells": {"start": {"sheetId": 0}, "rows": [{"values": [cell]}], "fields": "*"}})


@pytest.mark.parametrize(
    ("kind", "status"), [("429", "RESOURCE_EXHAUSTED"), ("500", "INTERNAL"), ("503", "UNAVAILABLE")]
)
def test_an_error_fault_answers_in_googles_shape_and_has_no_effect(sheet, server, kind, status):
    server.fault(kind, method="spreadsheets.batchUpdate", retry_after=7)
    with pytest.raises(gspread.exceptions.APIError) as caught:
        write(sheet)
    assert (caught.value.code, caught.value.error["status"]) == (int(kind), status)
    assert caught.value.response.headers.get("Retry-After") == ("7" if kind == "429" else None)
    assert sheet.get() == []
    write(sheet)
    assert sheet.get() == [["x"]]


@pytest.mark.parametrize(("kind", "effect"), [("reset", False), ("reset_after", True)])
def test_a_reset_cuts_the_connection_before_or_after_the_effect(sheet, server, kind, effect):
    server.fault(kind, method="spreadsheets.batchUpdate")
    with pytest.raises(requests.exceptions.ConnectionError, match="reset"):
        write(sheet)
    assert sheet.get() == ([["x"]] if effect else [])
    last = [call for call in server.calls() if call["method"] == "spreadsheets.batchUpdate"][-1]
    assert (last["status"], last["fault"]) == (0, kind)


@pytest.mark.parametrize(("kind", "effect"), [("timeout_before", False), ("timeout_after", True)])
def test_a_timeout_leaves_the_client_without_an_answer(sheet, server, kind, effect):
    server.fault(kind, method="spreadsheets.batchUpdate")
    impatient = server.gspread_client(timeout=0.3).open_by_key(sheet.id)
    cell = {"userEnteredValue": {"stringValue": "x"}}
    body = {"updateCells": {"start": {"sheetId": 0}, "rows": [{"values": [cell]}], "fields": "*"}}
    with pytest.raises(requests.exceptions.ReadTimeout):
        impatient.batch_update({"requests": [body]})
    assert sheet.get() == ([["x"]] if effect else [])


def test_a_held_answer_ends_by_closing_the_connection(sheet, server):
    server.fault("timeout_after", method="spreadsheets.batchUpdate", hold_seconds=0.05)
    with pytest.raises(requests.exceptions.ConnectionError):
        write(sheet)
    assert sheet.get() == [["x"]]


def test_the_effect_of_a_cut_off_call_survives_a_kill(mortal):
    book = mortal.gspread_client().open_by_key(mortal.create_spreadsheet(tabs=["Data"]))
    mortal.fault("reset_after", method="spreadsheets.values.update")
    with pytest.raises(requests.exceptions.ConnectionError):
        book.values_update("Data!A1", {"valueInputOption": "RAW"}, {"values": [["x"]]})
    mortal.restart(kill=True)
    assert book.values_get("Data")["values"] == [["x"]]


def test_the_nth_call_of_a_method_on_one_workbook_fails_and_count_says_how_often(sheet, server, client):
    other = client.open_by_key(server.create_spreadsheet())
    server.fault("500", nth=2, count=2, method="spreadsheets.values.get", spreadsheet_id=sheet.id)
    assert server.faults()[0]["remaining"] == 2
    outcomes = []
    for _ in range(4):
        other.values_get("A1")
        try:
            sheet.get()
            outcomes.append("ok")
        except gspread.exceptions.APIError:
            outcomes.append("500")
    assert outcomes == ["ok", "500", "500", "ok"]
    assert server.faults() == []


def test_a_token_fault_has_to_be_named(sheet, server):
    server.fault("503", method="token", count=2)
    sheet.get()
    assert len(server.faults()) == 1
    server.clear_faults()
    assert server.faults() == []


@pytest.mark.parametrize("body", [{"kind": "nothing"}, {"kind": "500", "nth": 0}, {"kind": "500", "colour": "red"}])
def test_a_fault_that_makes_no_sense_is_refused(server, body):
    with pytest.raises(RuntimeError, match="400"):
        server.control("POST", "/faults", body)


def test_while_it_is_down_every_call_is_reset(sheet, server):
    server.down(60)
    with pytest.raises(requests.exceptions.ConnectionError):
        sheet.get()
    server.clear_faults()
    assert sheet.get() == []


def test_calls_are_logged_and_counted_and_control_calls_are_not(sheet, server):
    server.reset_stats()
    since = server.calls()[-1]["n"]
    sheet.put([["a"]])
    with pytest.raises(gspread.exceptions.APIError):
        sheet.get("Nowhere!A1")
    httpx.get(f"{server.url}/healthz")
    calls = server.calls(since)
    assert [(call["method"], call["kind"], call["status"]) for call in calls] == [
        ("spreadsheets.values.update", "write", 200),
        ("spreadsheets.values.get", "read", 400),
    ]
    assert calls[0]["spreadsheet_id"] == sheet.id
    assert calls[0]["account"].startswith("sync-1@")
    assert calls[0]["request_bytes"] == len('{"values": [["a"]]}')
    stats = server.stats()
    assert set(stats) == {"spreadsheets.values.update", "spreadsheets.values.get"}
    assert stats["spreadsheets.values.get"]["errors"] == 1
    assert stats["spreadsheets.values.update"]["response_bytes"] == calls[0]["response_bytes"] > 0


def test_everything_acknowledged_survives_a_kill_and_an_orderly_restart(mortal):
    client = mortal.gspread_client()
    book = client.open_by_key(mortal.create_spreadsheet(title="Kept", tabs=["Data", "Gone"]))
    data = book.worksheet("Data")
    rows = [[f"r{n}", n, n / 3, True] for n in range(300)] + [["12%", "=B2+1", "2024-01-31"]]
    data.update(rows, value_input_option="USER_ENTERED")
    data.define_named_range("A1:B2", "block")
    data.freeze(rows=1)
    data.delete_rows(10, 200)
    data.merge_cells("E1:F1")
    book.del_worksheet(book.worksheet("Gone"))
    metadata = {"metadataKey": "k", "metadataValue": "v", "visibility": "PROJECT", "location": {"sheetId": 0}}
    book.batch_update({"requests": [{"createDeveloperMetadata": {"developerMetadata": metadata}}]})

    def seen():
        formulas = data.get(value_render_option="FORMULA")
        return book.fetch_sheet_metadata({"fields": "*"}), data.get_all_values(), formulas

    before = seen()
    mortal.restart(kill=True)
    assert seen() == before
    data.update([["after"]], "A1")
    mortal.restart()
    assert data.acell("A1").value == "after"
    assert client.open("Kept").id == book.id
    assert httpx.get(f"{mortal.url}/healthz").json()["status"] == "ok"


def test_a_kill_among_writes_leaves_the_last_acknowledged_one_or_the_next_and_nothing_between(mortal):
    book = mortal.gspread_client().open_by_key(mortal.create_spreadsheet(tabs=["Data"]))
    acknowledged = [0]
    enough = threading.Event()

    def write_on() -> None:
        for number in itertools.count(1):
            body = {"values": [[number] * 10] * 900}
            try:
                book.values_update("Data!A1", {"valueInputOption": "RAW"}, body)
            except requests.exceptions.RequestException:
                return
            acknowledged[0] = number
            if number == 5:
                enough.set()

    writer = threading.Thread(target=write_on)
    writer.start()
    assert enough.wait(20)
    mortal.stop(kill=True)
    writer.join()
    mortal.start()
    rows = book.values_get("Data", {"valueRenderOption": "UNFORMATTED_VALUE"})["values"]
    assert len(rows) == 900
    (number,) = {value for row in rows for value in row}
    assert number in (acknowledged[0], acknowledged[0] + 1)
