from __future__ import annotations

import datetime as dt
import itertools
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from drivetrain.sheets.schedule import Window, bind, is_due, last_due, next_due, run_key, run_window
from drivetrain.sheets.schedule import due_times as schedule_due_times
from drivetrain.sheets.spec import FromRun
from drivetrain.spec_types import Schedule
from tests.support.sheets import sync_spec

NEW_YORK, KOLKATA = "America/New_York", "Asia/Kolkata"


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]


def due_times(cron: str, zone: str, start: dt.datetime, hours: int) -> list[str]:
    """The UTC minutes within `hours` of `start` at which the cron is due."""
    schedule = Schedule(cron=cron, timezone=zone)
    minutes = (start + dt.timedelta(minutes=n) for n in range(0, hours * 60, 5))
    return [f"{minute:%d %H:%M}" for minute in minutes if is_due(schedule, minute)]


def test_a_sync_without_a_schedule_is_never_due() -> None:
    assert not is_due(None, utc(2026, 1, 1))


@pytest.mark.parametrize(
    ("cron", "zone", "at", "due"),
    [
        ("30 6 * * *", "UTC", utc(2026, 5, 4, 6, 30), True),
        ("30 6 * * *", "UTC", utc(2026, 5, 4, 6, 31), False),
        ("30 6 * * *", "UTC", utc(2026, 5, 4, 6, 30, 59), True),
        ("30 6 * * *", KOLKATA, utc(2026, 5, 4, 1, 0), True),
        ("30 6 * * *", KOLKATA, utc(2026, 5, 4, 6, 30), False),
        ("0 0 * * 1", KOLKATA, utc(2026, 5, 3, 18, 30), True),  # Monday there, Sunday in UTC
        ("0 0 * * 1", KOLKATA, utc(2026, 5, 4, 18, 30), False),
        ("0 0 1 * *", KOLKATA, utc(2026, 4, 30, 18, 30), True),
        ("0 9 * * *", NEW_YORK, utc(2026, 1, 15, 14, 0), True),
        ("0 9 * * *", NEW_YORK, utc(2026, 7, 15, 13, 0), True),
        ("0 9 * * *", NEW_YORK, utc(2026, 7, 15, 14, 0), False),
        ("*/15 * * * *", "Asia/Kathmandu", utc(2026, 5, 4, 6, 30), True),
        ("0 * * * *", "Asia/Kathmandu", utc(2026, 5, 4, 6, 15), True),
    ],
)
def test_a_cron_is_read_in_its_own_zone(cron: str, zone: str, at: dt.datetime, due: bool) -> None:
    assert is_due(Schedule(cron=cron, timezone=zone), at) is due
    assert is_due(Schedule(cron=cron, timezone=zone), at.astimezone(ZoneInfo("Asia/Tokyo"))) is due


def test_a_time_that_the_clocks_skip_is_due_an_hour_later() -> None:
    # 2026-03-08, New York: 02:00 EST is 03:00 EDT.
    assert due_times("30 2 * * *", NEW_YORK, utc(2026, 3, 8), 48) == ["08 07:30", "09 06:30"]
    assert due_times("30 2,3 * * *", NEW_YORK, utc(2026, 3, 8), 24) == ["08 07:30"]
    assert due_times("*/30 * * * *", NEW_YORK, utc(2026, 3, 8, 6), 2) == [
        "08 06:00",
        "08 06:30",
        "08 07:00",
        "08 07:30",
    ]


def test_a_time_that_comes_twice_is_due_once_unless_the_cron_names_every_hour() -> None:
    # 2026-11-01, New York: 02:00 EDT is 01:00 EST.
    assert due_times("30 1 * * *", NEW_YORK, utc(2026, 11, 1), 24) == ["01 06:30"]
    assert due_times("0 2 * * *", NEW_YORK, utc(2026, 11, 1), 24) == ["01 07:00"]
    assert due_times("30 * * * *", NEW_YORK, utc(2026, 11, 1, 4), 4) == ["01 04:30", "01 05:30", "01 06:30", "01 07:30"]


CHANGES = [
    (NEW_YORK, utc(2026, 3, 8)),
    (NEW_YORK, utc(2026, 11, 1)),
    ("Europe/London", utc(2026, 3, 29)),
    ("Europe/London", utc(2026, 10, 25)),
    ("Australia/Sydney", utc(2026, 4, 4, 12)),
    ("Australia/Sydney", utc(2026, 10, 3, 12)),
]


@pytest.mark.parametrize(("zone", "day"), CHANGES, ids=str)
@pytest.mark.parametrize("cron", ["45 1 * * *", "*/20 * * * *", "15,45 0-4 * * *"])
def test_a_sync_is_due_exactly_when_airflow_s_own_cron_timetable_runs(cron: str, zone: str, day: dt.datetime) -> None:
    from airflow.timetables.trigger import CronTriggerTimetable
    from pendulum import instance

    timetable = CronTriggerTimetable(cron, timezone=zone)
    end = day + dt.timedelta(hours=12)
    runs, at = [], instance(day - dt.timedelta(minutes=1))
    while (at := timetable._get_next(at)) < end:
        runs.append(f"{at:%d %H:%M}")
    assert due_times(cron, zone, day, 12) == runs


def test_a_run_s_own_values_are_filled_in_and_others_kept() -> None:
    start, end = utc(2026, 5, 3, 18, 30), utc(2026, 5, 4, 18, 30)
    parameters: dict[str, Any] = {
        "since": FromRun.model_validate({"from": "interval_start"}),
        "until": FromRun.model_validate({"from": "interval_end"}),
        "day": FromRun.model_validate({"from": "run_date"}),
        "city": "Pune",
        "limit": 5,
        "share": 0.5,
        "all": False,
        "none": None,
    }
    assert bind(parameters, Window(start, end)) == {
        "since": start,
        "until": end,
        "day": dt.date(2026, 5, 4),
        "city": "Pune",
        "limit": 5,
        "share": 0.5,
        "all": False,
        "none": None,
    }
    assert bind({}, Window(start, end)) == {}


@pytest.mark.parametrize(
    ("at", "start", "end"),
    [
        (utc(2026, 5, 4, 0, 59), utc(2026, 5, 2, 1), utc(2026, 5, 3, 1)),
        (utc(2026, 5, 4, 1, 0), utc(2026, 5, 3, 1), utc(2026, 5, 4, 1)),
        (utc(2026, 5, 4, 1, 0, 30), utc(2026, 5, 3, 1), utc(2026, 5, 4, 1)),
        (utc(2026, 5, 4, 17, 12), utc(2026, 5, 3, 1), utc(2026, 5, 4, 1)),
    ],
)
def test_a_run_is_about_the_last_whole_interval_between_two_due_times(
    at: dt.datetime, start: dt.datetime, end: dt.datetime
) -> None:
    window = run_window(Schedule(cron="30 6 * * *", timezone=KOLKATA), dt.timedelta(hours=24), at)
    assert (window.start.astimezone(dt.UTC), window.end.astimezone(dt.UTC)) == (start, end)
    assert window.end.date() == end.date(), "a date is one of the schedule's own zone"


def test_intervals_follow_each_other_without_a_gap_or_an_overlap_where_clocks_change() -> None:
    schedule = Schedule(cron="30 2 * * *", timezone=NEW_YORK)
    ends = [run_window(schedule, dt.timedelta(hours=24), utc(2026, 3, day, 20)) for day in range(5, 13)]
    assert all(before.end == after.start for before, after in itertools.pairwise(ends))


def test_a_sync_without_a_schedule_is_about_its_last_freshness() -> None:
    at = utc(2026, 5, 4, 17, 12)
    assert run_window(None, dt.timedelta(hours=6), at) == Window(utc(2026, 5, 4, 11, 12), at)


def test_an_append_of_an_interval_is_known_by_it_and_any_other_by_its_run() -> None:
    window = Window(utc(2026, 5, 3), utc(2026, 5, 4))
    of_interval = sync_spec(
        mode="append", source={"query": "SELECT 1", "parameters": {"since": {"from": "interval_start"}}}
    )
    of_run = sync_spec(mode="append", source={"query": "SELECT 1", "parameters": {"day": {"from": "run_date"}}})
    assert run_key(of_interval, window, "manual__1") == run_key(of_interval, window, "scheduled__2")
    assert run_key(of_run, window, "manual__1") == "manual__1"


@pytest.mark.parametrize(("zone", "start"), [*CHANGES, (KOLKATA, utc(2026, 5, 4)), ("UTC", utc(2026, 2, 28))])
@pytest.mark.parametrize(
    "cron", ["30 1 * * *", "30 2 * * *", "0,30 2,3 * * *", "15 * * * *", "0 0 * * 0", "*/20 1-4 1 * *"]
)
def test_due_times_are_the_minutes_at_which_it_is_due(zone: str, start: dt.datetime, cron: str) -> None:
    schedule = Schedule(cron=cron, timezone=zone)
    after, until = start - dt.timedelta(hours=14, minutes=5), start + dt.timedelta(hours=40)
    count = int((until - after).total_seconds()) // 300
    minutes = [after + dt.timedelta(minutes=5 * n) for n in range(1, count + 1)]  # all crons here are due at fives
    expected = [minute for minute in minutes if is_due(schedule, minute)]
    assert list(schedule_due_times(schedule, after, until)) == expected
    assert last_due(schedule, after, until) == (expected[-1] if expected else None)
    following = next_due(schedule, after)
    assert following is not None
    if expected:
        assert following == expected[0]
    else:
        assert following > until


def test_a_leap_day_is_found_and_a_day_that_never_comes_is_refused_by_the_spec() -> None:
    assert next_due(Schedule(cron="0 0 29 2 *"), utc(2026, 1, 1)) == utc(2028, 2, 29)
    assert next_due(Schedule(cron="0 0 29 2 *"), utc(2097, 1, 1)) == utc(2104, 2, 29)
