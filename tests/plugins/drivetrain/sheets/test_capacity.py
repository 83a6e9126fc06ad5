from __future__ import annotations

import datetime as dt
import functools
import itertools
import time
import zlib
from typing import Any

import pytest

from drivetrain.sheets.capacity import Capacity, check_capacity, main_zone
from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.drain import Calls
from drivetrain.spec_types import Schedule
from tests.support.sheets import sync_spec

TUESDAY = dt.date(2026, 11, 24)
NINE = "0 9 * * *"


def book(number: int, account: int | None = None, accounts: int = 5) -> str:
    """A workbook's id; with an account: the number-th of those that it serves."""
    ids = (f"{n:030}" for n in itertools.count())
    if account is None:
        return f"{number:030}"
    served = (each for each in ids if zlib.crc32(each.encode()) % accounts == account)
    return next(itertools.islice(served, number, None))


def spread(count: int) -> list[str]:
    """Workbooks that the five accounts share evenly."""
    ids: dict[int, list[str]] = {account: [] for account in range(5)}
    for number in itertools.count():
        if all(len(found) >= -(-count // 5) for found in ids.values()):
            break
        ids[zlib.crc32(book(number).encode()) % 5].append(book(number))
    return [ids[number % 5][number // 5] for number in range(count)]


@functools.cache
def due(cron: str, zone: str) -> Schedule:
    return Schedule(cron=cron, timezone=zone)


def sync(
    name: str, cron: str | None = NINE, workbook: str = "0" * 30, zone: str = "Asia/Kolkata", **changes: Any
) -> Sync:
    target = {"spreadsheet_id": workbook, "tab": name}
    schedule = due(cron, zone) if cron else None
    return Sync(sync_spec(sync=name, target=target, schedule=schedule, **({"freshness": "26h"} | changes)), "SELECT 1")


def syncs_of(workbooks: list[str], cron: str = NINE, **changes: Any) -> list[Sync]:
    return [sync(f"sync_{number:04}", cron, workbook, **changes) for number, workbook in enumerate(workbooks)]


def check(syncs: list[Sync], day: dt.date = TUESDAY, **options: Any) -> Capacity:
    return check_capacity(syncs, day, **options)


def test_syncs_of_a_workbook_that_are_due_together_share_their_calls() -> None:
    found = check([sync(f"tab_{number}") for number in range(10)] + [sync("alone", "30 9 * * *", book(1))])
    nine, half_past = found.minutes
    assert (nine.syncs, nine.workbooks, nine.calls) == (10, 1, Calls(2, 1))
    assert (half_past.syncs, half_past.calls) == (1, Calls(2, 1))
    assert found.warnings == []
    assert found.summary == (
        "busiest minute of Tue 2026-11-24: 09:00 Asia/Kolkata, 10 syncs in 1 workbooks: up to 1 of 300 writes and 2 of "
        "300 reads a minute with 5 accounts"
    )


def test_a_minute_that_needs_more_than_the_quota_says_how_long_it_drains_and_what_to_spread() -> None:
    found = check([*syncs_of(spread(412)), sync("hourly", "0 * * * *", spread(413)[-1])])
    assert found.busiest is not None
    assert found.busiest.calls == Calls(826, 413)
    (warning,) = found.warnings
    assert warning == (
        "this set needs 826 reads/min at 09:00 Asia/Kolkata, the cap is 300 with 5 accounts: it drains in 3 min; "
        "spread these schedules: 0 9 * * * (412 workbooks), 0 * * * * (1 workbooks)"
    )
    assert found.late == ()


def test_fewer_accounts_drain_longer() -> None:
    syncs = syncs_of([book(number) for number in range(100)])
    (queue,) = check(syncs, accounts=1).queues
    assert queue.minutes == 4, "200 reads at 60 a minute"
    assert (
        "the cap is 60 with 1 account: it drains in 4 min; use more accounts, or spread"
        in check(syncs, accounts=1).warnings[0]
    )
    assert check(syncs, accounts=5).queues == ()


def test_an_account_that_has_more_than_its_share_is_a_queue_too() -> None:
    found = check(syncs_of([book(number, account=3) for number in range(40)]))
    (warning,) = found.warnings
    assert "80 reads/min of one account at 09:00 Asia/Kolkata, the cap is 60 an account: it drains in 2 min" in warning


def test_syncs_are_late_when_the_queue_takes_longer_than_the_objective_leaves() -> None:
    # 30 workbooks a minute; the objective is 25 minutes longer than the day between two due times.
    syncs = syncs_of([book(number) for number in range(1_000)], freshness="1465m")
    found = check(syncs, accounts=1)
    assert len(found.late) == 1_000 - 25 * 30
    assert check(syncs, accounts=5).late == ()
    assert found.late[0].message == (
        "sync_0750: due at Tue 09:00, done by Tue 09:26 at best; with freshness 1465m it has to be done by Tue 09:25"
    )


def test_what_is_urgent_is_done_first() -> None:
    syncs = syncs_of([book(number) for number in range(999)], freshness="1465m")
    syncs.append(sync("urgent", NINE, book(999), freshness="1465m", priority="high"))
    assert "urgent" not in {late.sync for late in check(syncs, accounts=1).late}


def test_an_objective_that_the_schedule_alone_uses_up_is_a_warning_and_no_one_is_late() -> None:
    weekly = sync("weekly", "0 9 * * 2", freshness="24h")
    found = check([weekly, sync("daily", NINE, book(1), freshness="24h"), sync("hourly", "0 * * * *", freshness="30m")])
    assert found.late == ()
    assert found.warnings == [
        "freshness is shorter than the pause between two due times: hourly (1.0 h), weekly (7.0 d)"
    ]


def test_a_first_due_time_without_one_before_has_no_pause() -> None:
    found = check([sync("leap_day", "0 9 29 2 *", freshness="1h")], dt.date(2028, 2, 29))
    assert (len(found.minutes), found.warnings) == (1, [])


@pytest.mark.parametrize(
    ("rows", "calls"),
    [
        (0, Calls(2, 1)),
        (10_000, Calls(2, 1)),
        (40_000, Calls(2, 2 + 2)),  # 40,000 x 60 bytes, in requests of 2 MB, by a staging tab
        (300_000, Calls(1 + 4, 2 + 9)),
    ],
)
def test_large_tabs_need_more_calls(rows: int, calls: Calls) -> None:
    known = check([sync("big")], rows={"big": rows})
    assert known.minutes[0].calls == calls
    if rows:
        assert check([sync("big", guards={"row_limit": rows})]).minutes[0].calls == calls


def test_a_row_limit_that_nobody_set_says_nothing_of_the_rows() -> None:
    assert check([sync("any")]).minutes[0].calls == Calls(2, 1)


def test_batches_are_filled_one_after_the_other() -> None:
    syncs = [sync(f"tab_{number}") for number in range(3)]
    rows = {each.spec.sync: 6_000 for each in syncs}  # about 1.1 MB each as typed cells
    assert check(syncs, rows=rows).minutes[0].calls.writes == 3


def test_days_are_those_of_the_zone_that_most_schedules_are_in() -> None:
    syncs = [sync("aa", "0 0 * * *"), sync("bb", "30 23 * * *"), sync("cc", "0 20 * * *", zone="UTC"), sync("dd", None)]
    assert main_zone(syncs) == "Asia/Kolkata"
    assert [f"{minute.at:%d %H:%M}" for minute in check(syncs).minutes] == ["24 00:00", "24 01:30", "24 23:30"]
    assert main_zone([]) == "UTC"


def test_a_day_on_which_nothing_is_due_is_said() -> None:
    found = check([sync("aa", "0 9 * * 1"), sync("bb", None)])
    assert (found.summary, found.warnings) == ("nothing is due on Tue 2026-11-24", [])


def test_a_queue_goes_on_after_midnight() -> None:
    found = check(syncs_of([book(number) for number in range(100)], "59 23 * * *"), accounts=1)
    assert [queue.minutes for queue in found.queues] == [4]


def test_2500_syncs_take_less_than_three_seconds() -> None:
    crons = [f"{n % 60} {5 + n % 5} * * *" for n in range(300)] + [f"{n} 9-20 * * *" for n in range(60)] * 3
    syncs = [sync(f"sync_{n:04}", crons[n % len(crons)], book(n // 5)) for n in range(2_500)]
    began = time.process_time()
    found = check(syncs)
    assert time.process_time() - began < 3
    assert sum(minute.syncs for minute in found.minutes) > 10_000
