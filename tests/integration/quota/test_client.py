"""The client asks the quota before every call, and tells it of every refusal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import Connection

from drivetrain.errors import QuotaExceededError
from drivetrain.quota.limits import Limits
from drivetrain.quota.local import LocalQuota
from drivetrain.quota.port import Kind, Priority, Unlimited
from drivetrain.retry import RetryPolicy
from hooks.google_sheets import GoogleSheetsHook
from standins.sheets.testing import SheetsStandin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hooks.sheets_client import SheetsClient

ME = "sync-1@drivetrain-local.iam.gserviceaccount.com"


class Watched(Unlimited):
    """Lets everything through and remembers who asked."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def take(self, kind: Kind, account: str, **options: Any) -> float:
        self.heard.append((kind.value, account, options["priority"].value))
        return 0.25

    def hold(self, needs: Any, account: str, **options: Any) -> Any:
        self.heard.append(({kind.value: count for kind, count in needs.items()}, account, options["priority"].value))
        self.waited_seconds = 0.5
        return self

    def use(self, kind: Kind) -> bool:
        return kind is Kind.READ

    def refused(self, kind: Kind, account: str, *, retry_after_seconds: float | None) -> None:
        self.heard.append(("refused", kind.value, account, retry_after_seconds))


@pytest.fixture(scope="module")
def sheets() -> Iterator[SheetsStandin]:
    with SheetsStandin() as standin:
        yield standin


@pytest.fixture
def workbook(sheets: SheetsStandin) -> str:
    return sheets.create_spreadsheet(tabs=["Sheet1"])


@pytest.fixture
def connection(sheets: SheetsStandin, monkeypatch: pytest.MonkeyPatch) -> str:
    """An Airflow connection to the stand-in."""
    extra = {"api_root": sheets.url, "keyfile_paths": str(sheets.keyfile("sync-1"))}
    made = Connection(conn_id="sheets", conn_type="googlesheets", extra=json.dumps(extra))
    monkeypatch.setenv("AIRFLOW_CONN_SHEETS", made.get_uri())
    return "sheets"


def client(connection: str, workbook: str, quota: Any, **options: Any) -> SheetsClient:
    return GoogleSheetsHook(
        connection, quota=quota, retry=RetryPolicy(attempts=4, initial_wait_seconds=0, max_wait_seconds=3), **options
    ).client_for(workbook)


def test_reads_and_writes_ask_for_permission_with_the_jobs_priority(connection: str, workbook: str) -> None:
    quota = Watched()
    made = client(connection, workbook, quota, priority=Priority.HIGH)
    made.get_workbook(workbook, "spreadsheetId")
    made.read_values(workbook, ["Sheet1!A1"])
    made.put_values(workbook, "Sheet1!A1", b'{"values":[[1]]}')
    made.batch_update(workbook, b'{"requests":[{"addSheet":{}}]}')
    assert quota.heard == [({"read": 2}, ME, "high"), ("write", ME, "high"), ("write", ME, "high")]
    assert made.usage.waited_seconds == 1.0


def test_every_refusal_is_told_with_what_google_asks_for_and_every_try_asks_anew(
    sheets: SheetsStandin, connection: str, workbook: str
) -> None:
    sheets.fault("429", count=2, method="spreadsheets.values.update", spreadsheet_id=workbook, retry_after=0)
    quota = Watched()
    client(connection, workbook, quota).put_values(workbook, "Sheet1!A1", b'{"values":[[1]]}')
    write, refused = ("write", ME, "normal"), ("refused", "write", ME, 0.0)
    assert quota.heard == [write, refused, write, refused, write]


def test_without_a_quota_nothing_is_asked(connection: str, workbook: str) -> None:
    made = client(connection, workbook, None)
    made.get_workbook(workbook, "spreadsheetId")
    assert made.usage.waited_seconds == 0


def test_a_wait_beyond_the_patience_is_not_tried_again(connection: str, workbook: str) -> None:
    quota = LocalQuota(Limits(account_writes=1), patience_seconds=0)
    made = client(connection, workbook, quota)
    made.put_values(workbook, "Sheet1!A1", b'{"values":[[1]]}')
    with pytest.raises(QuotaExceededError, match=f"quota of {ME} used up: no room for 1 write"):
        made.put_values(workbook, "Sheet1!A1", b'{"values":[[1]]}')
    assert made.usage.write_calls == 1


def test_a_look_that_needed_one_read_leaves_the_other_to_the_next_once_it_writes(
    connection: str, workbook: str
) -> None:
    quota = LocalQuota(Limits(account_reads=3, reserve_share=0), patience_seconds=0)
    made = client(connection, workbook, quota)
    made.get_workbook(workbook, "spreadsheetId")
    with pytest.raises(QuotaExceededError, match="no room for 2 reads"):
        client(connection, workbook, quota).get_workbook(workbook, "spreadsheetId")
    made.batch_update(workbook, b'{"requests":[{"addSheet":{}}]}')
    other = client(connection, workbook, quota)
    other.get_workbook(workbook, "spreadsheetId")
    other.read_values(workbook, ["Sheet1!A1"])
    assert made.usage.read_calls + other.usage.read_calls == 3
