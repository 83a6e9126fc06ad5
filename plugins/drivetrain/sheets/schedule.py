"""When a sync is due, and what a run gives to its query."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from croniter import croniter

from drivetrain.sheets.spec import FromRun, Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivetrain.sheets.spec import SheetSyncSpec


def is_due(schedule: Schedule | None, at: dt.datetime) -> bool:
    """Whether the cron names this very minute, in the schedule's own zone. A sync without a schedule never is.

    Where clocks change it goes by Airflow's cron timetables, whose run asks: a time that is skipped is due as much
    later, one that comes twice the second time only, unless the cron names every hour.
    """
    if schedule is None:
        return False
    zone = ZoneInfo(schedule.timezone)
    local = at.astimezone(zone)
    wall = local.replace(tzinfo=None)
    if croniter.expand(schedule.cron)[0][1] == ["*"]:
        return bool(croniter.match(schedule.cron, wall))
    if local.utcoffset() != wall.replace(tzinfo=zone, fold=1).utcoffset():
        return False  # the same wall clock comes once more
    skipped = _skipped(at, zone)
    return any(croniter.match(schedule.cron, time) for time in (wall, skipped) if time is not None)


def _skipped(at: dt.datetime, zone: ZoneInfo) -> dt.datetime | None:
    """The wall clock that `at` would have had if the clocks had not been put forward just before."""
    yesterday = (at - dt.timedelta(days=1)).astimezone(zone).utcoffset() or dt.timedelta()
    wall = (at.astimezone(dt.UTC) + yesterday).replace(tzinfo=None)
    exists = wall.replace(tzinfo=zone).astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None) == wall
    return None if exists else wall


@dataclass(frozen=True)
class Window:
    """The time that a run is about: from `start` (inclusive) to `end` (exclusive), both with their zone."""

    start: dt.datetime
    end: dt.datetime


def run_window(schedule: Schedule | None, freshness: dt.timedelta, at: dt.datetime) -> Window:
    """The last whole interval between two due times at `at`, the same for every run until the next due time.

    So a run by hand, a scheduled run and a run that is late are about the same rows. A sync without a schedule is
    about the last `freshness`.
    """
    if schedule is None:
        return Window(at - freshness, at)
    zone = ZoneInfo(schedule.timezone)
    # croniter looks strictly before its start and counts in whole minutes: a due time itself counts.
    minute = at.astimezone(zone).replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
    times = croniter(schedule.cron, minute)
    end, start = times.get_prev(dt.datetime), times.get_prev(dt.datetime)
    return Window(start, end)


def run_key(spec: SheetSyncSpec, window: Window, run_id: str) -> str:
    """What tells one append from another.

    An append that reads an interval is about that interval, whoever runs it: a run by hand and the scheduled one do
    not both append it. Any other append is about its run.
    """
    from_interval = any(
        isinstance(value, FromRun) and value.from_ != "run_date" for value in spec.source.parameters.values()
    )
    return f"{window.start.isoformat()}/{window.end.isoformat()}" if from_interval else run_id


def bind(parameters: Mapping[str, FromRun | str | int | float | bool | None], window: Window) -> dict[str, object]:
    """A spec's parameters with the run's own values filled in; `run_date` is the window's last day in its zone."""
    values: dict[str, object] = {}
    for name, value in parameters.items():
        if isinstance(value, FromRun):
            values[name] = {
                "interval_start": window.start,
                "interval_end": window.end,
                "run_date": window.end.date(),
            }[value.from_]
        else:
            values[name] = value
    return values
