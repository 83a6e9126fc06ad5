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
    """Whether the cron names this very minute, in the schedule's own zone. A sync without a schedule never is."""
    if schedule is None:
        return False
    return bool(croniter.match(schedule.cron, at.astimezone(ZoneInfo(schedule.timezone))))


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
