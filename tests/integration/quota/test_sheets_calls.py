"""Real calls to the Sheets stand-in with its quotas on: it never has to refuse one."""

from __future__ import annotations

import pytest

from drivetrain.errors import QuotaExceededError
from drivetrain.quota.limits import Limits
from standins.sheets.testing import SheetsStandin
from tests.integration.quota.crowd import Crowd
from tests.support.sheets import ONCE, sheets_client
from tests.support.valkey import Valkey

QUOTAS = {"project_reads": 24, "project_writes": 14, "user_reads": 10, "user_writes": 6}
LIMITS = Limits(
    project_reads=24,
    project_writes=14,
    account_reads=10,
    account_writes=6,
    window_seconds=2,
    grace_seconds=1,
    keep_seconds=1,
    reserve_share=0,
)


@pytest.mark.slow
def test_three_processes_call_as_fast_as_they_may_and_are_never_refused(valkey: Valkey) -> None:
    with SheetsStandin(quotas=QUOTAS, minute_seconds=2, check_responses=False) as standin:
        book = standin.create_spreadsheet(title="busy", tabs=["Sheet1"])
        sheets = {
            "url": standin.url,
            "keyfiles": [str(standin.keyfile(f"sync-{n}")) for n in (1, 2, 3)],
            "workbook": book,
        }
        with Crowd(3, port=valkey.port, limits=LIMITS, threads=3, accounts=3, sheets=sheets) as crowd:
            crowd.until(lambda lines: sum("round" in line for _, line in lines) >= 60)
            assert crowd.end() == [0] * 3
        calls = [call for call in standin.calls() if call["kind"] in ("read", "write")]
        assert len(calls) >= 180
        assert {call["status"] for call in calls} == {200}
        assert {call["account"] for call in calls} == {
            f"sync-{n}@drivetrain-local.iam.gserviceaccount.com" for n in (1, 2, 3)
        }
        # The server does count: without our quota it refuses.
        free = sheets_client(standin, retry=ONCE)

        def call_too_often() -> None:
            for _ in range(3 * QUOTAS["user_reads"]):
                free.get_workbook(book, "spreadsheetId")

        with pytest.raises(QuotaExceededError):
            call_too_often()
