"""Bad input: one line that names the thing, the key and the fix; no retry where none can help; nothing lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.errors import (
    AccessDeniedError,
    CredentialsError,
    DrivetrainError,
    FatalError,
    QuotaExceededError,
    RequestRejectedError,
    RetriableError,
    SchemaDriftError,
    TargetMissingError,
)
from drivetrain.retry import RetryPolicy
from drivetrain.sheets.port import Settings
from standins.sheets.testing import SheetsStandin
from tests.support.sheets import (
    ONCE,
    PATIENT,
    credentials_of,
    open_workbook,
    rows_source,
    run_rows,
    sheets_client,
    sync_spec,
    tab_values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hooks.sheets_client import SheetsClient

NAMES = ("CODE", "NAME", "SCORE")
ROWS = [(f"{i:03}", f"car {i}", i) for i in range(5)]


def attempt(
    sheets: SheetsStandin, spec: Any, *, account: str = "sync-1", retry: RetryPolicy = PATIENT, names: Any = NAMES
) -> tuple[DrivetrainError, int]:
    """The error of a run and the API calls that it made."""
    client = sheets_client(sheets, account=account, retry=retry)
    with pytest.raises(DrivetrainError) as caught:
        run_rows(client, spec, rows_source(names, ROWS))
    message = str(caught.value)
    assert "\n" not in message, "one line"
    return caught.value, client.usage.read_calls + client.usage.write_calls


def test_a_workbook_that_is_not_shared_names_the_account_and_is_not_tried_again(sheets: SheetsStandin) -> None:
    book = sheets.create_spreadsheet(title="private", tabs=["Sheet1"], share_with=["sync-2"])
    error, calls = attempt(sheets, sync_spec(target={"spreadsheet_id": book}))
    assert isinstance(error, AccessDeniedError)
    assert isinstance(error, FatalError)
    assert f"workbook {book}: sync-1@" in str(error)
    assert "share it with that address, as Editor where rows are written" in str(error)
    assert calls == 1


def test_a_workbook_that_may_only_be_read_names_the_account_and_keeps_its_content(sheets: SheetsStandin) -> None:
    book = sheets.create_spreadsheet(
        title="read only", tabs=["Sheet1"], share_with=["sync-2", {"email": "sync-1", "role": "reader"}]
    )
    error, calls = attempt(sheets, sync_spec(target={"spreadsheet_id": book}))
    assert isinstance(error, AccessDeniedError)
    assert "may not edit it" in str(error)
    assert calls == 2, "a look and one refused write"


def test_a_quota_answer_is_told_from_a_permission_answer_and_is_tried_again(
    workbook: str, sheets: SheetsStandin
) -> None:
    sheets.fault("429", method="spreadsheets.get", spreadsheet_id=workbook)
    client = sheets_client(sheets, retry=PATIENT)
    outcome = run_rows(client, sync_spec(target={"spreadsheet_id": workbook}), rows_source(NAMES, ROWS))
    assert (outcome.outcome, client.usage.read_calls) == ("written", 2)

    sheets.fault("429", count=100, spreadsheet_id=workbook)
    error, calls = attempt(sheets, sync_spec(target={"spreadsheet_id": workbook}), retry=RetryPolicy(3, 0.01, 0.02))
    sheets.clear_faults()
    assert isinstance(error, QuotaExceededError)
    assert isinstance(error, RetriableError)
    assert "quota of sync-1@" in str(error)
    assert calls == 3


@pytest.fixture
def strict() -> Iterator[SheetsStandin]:
    """A server whose minute of quota is over after two writes of one account."""
    with SheetsStandin(quotas={"user_writes": 2}, minute_seconds=3600) as standin:
        yield standin


def test_a_real_quota_ends_in_the_same_error(strict: SheetsStandin) -> None:
    book = strict.create_spreadsheet(title="busy", tabs=["Sheet1"])
    for number in range(2):
        spec = sync_spec(sync=f"sync_{number}", target={"spreadsheet_id": book, "tab": f"Tab {number}"})
        run_rows(sheets_client(strict), spec, rows_source(NAMES, ROWS))
    error, _ = attempt(strict, sync_spec(target={"spreadsheet_id": book}), retry=ONCE)
    assert isinstance(error, QuotaExceededError)
    assert "quota of sync-1@" in str(error)


def test_a_workbook_that_is_not_there_names_the_key_to_correct(sheets: SheetsStandin) -> None:
    error, calls = attempt(sheets, sync_spec(target={"spreadsheet_id": "nowhere-" + "0" * 36}))
    assert isinstance(error, TargetMissingError)
    assert "correct spreadsheet_id in the spec, or restore it from the bin" in str(error)
    assert calls == 1


def test_a_deleted_tab_is_not_made_again_in_silence(sheets: SheetsStandin, workbook: str) -> None:
    spec = sync_spec(target={"spreadsheet_id": workbook})
    run_rows(sheets_client(sheets), spec, rows_source(NAMES, ROWS))
    book = open_workbook(sheets, workbook)
    book.del_worksheet(book.worksheet("Data"))
    error, _ = attempt(sheets, spec)
    assert isinstance(error, TargetMissingError)
    assert "tab 'Data'" in str(error)
    assert "was deleted: restore it from the version history, or add an empty tab of that name" in str(error)
    book.add_worksheet("Data", 10, 5)
    assert run_rows(sheets_client(sheets), spec, rows_source(NAMES, ROWS)).outcome == "written"


def test_a_renamed_tab_is_named_with_both_titles(sheets: SheetsStandin, workbook: str) -> None:
    spec = sync_spec(target={"spreadsheet_id": workbook})
    run_rows(sheets_client(sheets), spec, rows_source(NAMES, ROWS))
    open_workbook(sheets, workbook).worksheet("Data").update_title("Old data")
    error, _ = attempt(sheets, spec)
    assert "was renamed to 'Old data': rename it back, or set target.tab: Old data" in str(error)
    assert tab_values(sheets, workbook, "Old data")[1:] == [list(row) for row in ROWS]


def test_a_tab_with_other_content_is_not_overwritten(sheets: SheetsStandin, workbook: str) -> None:
    open_workbook(sheets, workbook).worksheet("Sheet1").update([["Budget", 2026], ["rent", 100]], "A1")
    error, _ = attempt(sheets, sync_spec(target={"spreadsheet_id": workbook, "tab": "Sheet1"}))
    assert isinstance(error, SchemaDriftError)
    assert "header A1 of tab 'Sheet1' says 'Budget', the spec says 'CODE'" in str(error)
    assert tab_values(sheets, workbook, "Sheet1") == [["Budget", 2026], ["rent", 100]]


@pytest.mark.parametrize("what", ["key", "account"])
def test_a_revoked_key_names_connection_and_account_and_is_not_tried_again(
    sheets: SheetsStandin, workbook: str, what: str
) -> None:
    name = f"leaver-{what}"
    sheets.create_account(name)
    credentials_of.cache_clear()
    sheets.revoke_account(name, what)
    error, calls = attempt(sheets, sync_spec(target={"spreadsheet_id": workbook}), account=name)
    assert isinstance(error, CredentialsError)
    assert str(error).startswith(f"connection google_sheets_default: the key of {name}@")
    assert "create a new key for it and put it in the connection" in str(error)
    assert calls == 1


def test_a_missing_column_names_it_and_what_there_is(sheets: SheetsStandin, workbook: str) -> None:
    error, calls = attempt(sheets, sync_spec(target={"spreadsheet_id": workbook}), names=("CODE", "NAME", "score"))
    assert isinstance(error, SchemaDriftError)
    assert "sync small: columns: the query does not give SCORE (is it score?)" in str(error)
    assert calls == 0


def test_a_wrong_type_names_the_column_and_the_type_to_declare(sheets: SheetsStandin, workbook: str) -> None:
    columns = [{"name": n, "type": t} for n, t in zip(NAMES, ("text", "date", "integer"), strict=True)]
    error, calls = attempt(sheets, sync_spec(target={"spreadsheet_id": workbook}, columns=columns))
    assert isinstance(error, SchemaDriftError)
    assert "columns.NAME: type date: the source gives string, declare type: text or cast it in the query" in str(error)
    assert calls == 0


class Meddling:
    """Our client, with a person who acts between our look and our write."""

    def __init__(self, client: SheetsClient, act: Callable[[], object], times: int) -> None:
        self._client, self._act, self._times = client, act, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def batch_update(self, spreadsheet_id: str, body: bytes) -> None:
        if self._times:
            self._times -= 1
            self._act()
        self._client.batch_update(spreadsheet_id, body)


def test_a_tab_that_vanishes_between_the_look_and_the_write_is_looked_for_once_more(
    sheets: SheetsStandin, workbook: str
) -> None:
    spec = sync_spec(target={"spreadsheet_id": workbook})
    run_rows(sheets_client(sheets), spec, rows_source(NAMES, ROWS))
    book = open_workbook(sheets, workbook)
    port = Meddling(sheets_client(sheets), lambda: book.del_worksheet(book.worksheet("Data")), 1)
    settings = Settings(attempts=3, wait_seconds=0.01)
    with pytest.raises(TargetMissingError, match="was deleted: restore it"):
        run_rows(port, spec, rows_source(NAMES, [("a", "b", 1)] * 4), settings=settings)


def test_a_tab_of_our_name_that_appears_between_the_look_and_the_write_is_refused_and_then_used(
    sheets: SheetsStandin, workbook: str
) -> None:
    spec = sync_spec(target={"spreadsheet_id": workbook})
    book = open_workbook(sheets, workbook)
    port = Meddling(sheets_client(sheets), lambda: book.add_worksheet("Data", 3, 3), 1)
    outcome = run_rows(port, spec, rows_source(NAMES, ROWS), settings=Settings(attempts=3, wait_seconds=0.01))
    assert (outcome.outcome, outcome.looks, outcome.write_calls) == ("written", 2, 2)
    assert tab_values(sheets, workbook, "Data")[1:] == [list(row) for row in ROWS]


def test_a_request_that_google_refuses_twice_is_fatal_with_googles_own_words(
    sheets: SheetsStandin, workbook: str
) -> None:
    spec = sync_spec(target={"spreadsheet_id": workbook})
    run_rows(sheets_client(sheets), spec, rows_source(NAMES, ROWS))
    book, sizes = open_workbook(sheets, workbook), iter([5, 4, 3])

    def cut() -> None:  # a person who cuts the grid shorter, each time
        book.worksheet("Data").resize(rows=next(sizes))

    port = Meddling(sheets_client(sheets), cut, 5)
    with pytest.raises(RequestRejectedError, match=r"Google refuses the request \(400\): Invalid requests\[1\]"):
        run_rows(
            port, spec, rows_source(NAMES, [*ROWS[:4], ("x", "y", 9)]), settings=Settings(attempts=5, wait_seconds=0.01)
        )
