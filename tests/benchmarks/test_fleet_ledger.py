"""What the fleet's benchmarks count by: a mistake there would look like a product without any."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import time
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.fleet_clock import PlayedClock
from benchmarks.fleet_ledger import DueTimes, ages, settle
from benchmarks.sheets_burst import Needed
from benchmarks.sheets_chaos import plan
from drivetrain.sheets import schedule, spec
from standins.fleet.fleet import draw_fleet
from standins.fleet.schedules import ZONE

MINUTE = dt.timedelta(minutes=1)
BEGIN = dt.datetime(2026, 12, 7, 18, 30, tzinfo=dt.UTC)  # midnight in Kolkata, from Monday to Tuesday
DAY = dt.timedelta(days=1)


def record(sync: str, minute: float, ended: float, **changes: Any) -> SimpleNamespace:
    """A run that is about one minute and ended in another; it began a minute before its end."""
    usual = {
        "sync": sync,
        "due_at": BEGIN + minute * MINUTE,
        "trigger": "schedule",
        "outcome": "written",
        "is_final": True,
        "attempt": 1,
        "started_at": BEGIN + (ended - 1) * MINUTE,
        "finished_at": BEGIN + ended * MINUTE,
    }
    return SimpleNamespace(**usual | changes)


def due(**minutes: tuple[int, ...]) -> DueTimes:
    by_sync = {sync: tuple(BEGIN + minute * MINUTE for minute in asked) for sync, asked in minutes.items()}
    return DueTimes(BEGIN, BEGIN + DAY, by_sync)


@pytest.mark.parametrize("days", range(7))
def test_what_is_due_by_the_generators_minutes_is_what_is_due_by_the_cron_that_it_writes(days: int) -> None:
    begin = BEGIN + days * DAY
    fleet = draw_fleet(60, seed=3)
    by_cron = {
        sync.name: tuple(
            schedule.due_times(
                spec.Schedule(cron=sync.schedule.cron, timezone=ZONE), begin - MINUTE, begin + DAY - MINUTE
            )
        )
        for sync in fleet.syncs
    }
    assert DueTimes.of(fleet, begin, begin + DAY).by_sync == by_cron


def test_a_due_time_without_a_good_and_final_end_is_lost() -> None:
    records = [
        record("a", 10, 12),
        record("a", 20, 23, outcome="failed"),
        record("b", 10, 14, outcome="superseded", attempt=3),
        record("b", 11, 14),
        record("b", 20, 25, trigger="freshness"),
    ]
    account = settle(due(a=(10, 20), b=(10, 20)), records)
    assert (account.done, account.attempts) == (2, 2)
    assert account.lost == [("a", BEGIN + 20 * MINUTE), ("b", BEGIN + 20 * MINUTE)]
    assert account.unasked == [f"b@{(BEGIN + 11 * MINUTE).isoformat()}"]
    assert sorted(account.lags) == [2, 4]


def test_a_tab_is_late_where_it_was_older_than_its_objective_before_a_run_ended_or_at_the_end() -> None:
    objectives = {"kept": 30 * MINUTE, "slow": 30 * MINUTE, "left": 30 * MINUTE, "never": 30 * MINUTE}
    records = [
        *(record("kept", minute, minute + 2) for minute in (0, 25, 50)),
        *(record("slow", minute, ended) for minute, ended in ((0, 2), (25, 33), (50, 52))),
        *(record("left", minute, minute + 2) for minute in (0, 25)),
        record("left", 50, 52, outcome="superseded"),
    ]
    found = ages(objectives, BEGIN + 60 * MINUTE, records)
    assert [age.sync for age in found if age.is_late] == ["slow", "left", "never"]
    assert [str(age) for age in found[::3]] == [
        "kept: 0:26:00 old, its objective is 0:30:00",
        "never: it never ran, its objective is 0:30:00",
    ]


def test_the_bound_is_the_busiest_accounts_and_a_second_look_is_not_needed() -> None:
    def calls(account: str, books: int, *, looks: int = 1) -> list[dict[str, Any]]:
        made = [("spreadsheets.get", "read"), ("spreadsheets.values.batchGet", "read")] * looks
        made.append(("spreadsheets.batchUpdate", "write"))
        return [
            {"account": account, "spreadsheet_id": f"{account}-{book}", "method": method, "kind": kind, "status": 200}
            for book in range(books)
            for method, kind in made
        ]

    needed = Needed.of([*calls("one", 61, looks=3), *calls("two", 30)])
    assert (needed.total("read"), needed.total("write")) == (182, 91)
    assert needed.least_minutes() == 2, "122 reads of one account: 60 at once, 60 a minute later, 2 after another"
    assert needed.least_minutes(share=0.5) == 4


def test_a_seed_tells_what_happens_when() -> None:
    events = plan(1, 150, pubsub=False)
    assert events == plan(1, 150, pubsub=False)
    assert events != plan(2, 150, pubsub=False)
    assert {what for _, what in events} == {"worker", "valkey", "postgres", "sheets"}


def test_the_played_clock_stands_until_it_is_started_and_tells_what_time_it_was() -> None:
    clock = PlayedClock(BEGIN, 0.01, multiprocessing.get_context("spawn"))
    assert clock() == clock() == BEGIN
    clock.start()
    clock.wait_until(BEGIN + 5 * MINUTE)
    assert clock() >= BEGIN + 5 * MINUTE
    before = time.time()
    clock.jump_to(BEGIN + DAY)
    assert clock() >= BEGIN + DAY
    clock.jump_to(BEGIN)
    assert clock() >= BEGIN + DAY, "it never goes back"
    assert clock.of(before - 60) == 0
    assert 4 < clock.of(before) < 24 * 60 <= clock.of(time.time()) + 0.5
