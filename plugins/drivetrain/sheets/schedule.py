"""When a sync is due, and what a run gives to its query."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from croniter import croniter

from drivetrain.sheets.spec import FromRun
from drivetrain.spec_types import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


_DAY = dt.timedelta(days=1)  # no zone is further from UTC than that, and no clock change larger
_LOOK = tuple(dt.timedelta(days=days) for days in (1, 8, 40, 400, 2_930))  # 29 February: eight years apart at 2100


def due_times(schedule: Schedule, after: dt.datetime, until: dt.datetime) -> Iterator[dt.datetime]:
    """The instants at which a sync is due, after `after` and not after `until`, in UTC and in their order."""
    after, until = after.astimezone(dt.UTC), until.astimezone(dt.UTC)
    while after < until:
        end = min(after + _DAY, until)
        yield from _due_within_a_day(schedule, after, end)
        after = end


@lru_cache(maxsize=4096)
def next_due(schedule: Schedule, after: dt.datetime) -> dt.datetime | None:
    """The first instant after `after` at which a sync is due; None if there is none within eight years."""
    start = after
    for span in _LOOK:
        for at in due_times(schedule, start, after + span):
            return at
        start = after + span
    return None


@lru_cache(maxsize=4096)
def last_due(schedule: Schedule, after: dt.datetime, until: dt.datetime) -> dt.datetime | None:
    """The last instant after `after`, and not after `until`, at which a sync is due; None if there is none."""
    end = until
    for span in (*_LOOK, until - after):
        start = max(until - span, after)
        if times := list(due_times(schedule, start, end)):
            return times[-1]
        if start == after:
            return None
        end = start
    return None


def _due_within_a_day(schedule: Schedule, after: dt.datetime, until: dt.datetime) -> Iterator[dt.datetime]:
    zone = ZoneInfo(schedule.timezone)
    offsets = {at.astimezone(zone).utcoffset() for at in (after - _DAY, after, until, until + _DAY)}
    if len(offsets) == 1:
        offset = offsets.pop() or dt.timedelta()
        last = (until + offset).replace(tzinfo=None)
        walls = croniter(schedule.cron, (after + offset).replace(tzinfo=None))
        while (wall := walls.get_next(dt.datetime)) <= last:
            yield (wall - offset).replace(tzinfo=dt.UTC)
        return
    # The clocks change near by: try every wall clock that there is, and ask is_due.
    last = until.astimezone(zone).replace(tzinfo=None) + _DAY
    walls = croniter(schedule.cron, after.astimezone(zone).replace(tzinfo=None) - _DAY)
    found: set[dt.datetime] = set()
    while (wall := walls.get_next(dt.datetime)) <= last:
        for fold in (0, 1):
            at = wall.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC)
            if after < at <= until and is_due(schedule, at):
                found.add(at)
    yield from sorted(found)


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
