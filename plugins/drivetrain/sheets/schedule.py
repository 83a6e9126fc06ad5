"""When a sync is due, and what a run gives to its query."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from croniter import croniter

from drivetrain.sheets.spec import FromRun, Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def bind(
    parameters: Mapping[str, FromRun | str | int | float | bool | None],
    *,
    interval_start: dt.datetime,
    interval_end: dt.datetime,
) -> dict[str, object]:
    """A spec's parameters with the run's own values filled in."""
    values: dict[str, object] = {}
    for name, value in parameters.items():
        if isinstance(value, FromRun):
            values[name] = {
                "interval_start": interval_start,
                "interval_end": interval_end,
                "run_date": interval_end.date(),
            }[value.from_]
        else:
            values[name] = value
    return values
