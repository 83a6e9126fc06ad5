"""Which syncs have to run now: pure, from what is known of them and a time.

A due time becomes one job, whose key is the sync and that time: however often the decision is made, it is one job.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drivetrain.jobs.queue import Job
from drivetrain.sheets.schedule import due_times, last_due, next_due
from drivetrain.sheets.spec import CatchUp, Priority
from drivetrain.spec_types import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable

KIND = "sheet_sync"
MAX_CATCH_UP = 500  # due times of one sync that one decision makes up for; the next decision goes on
NOT_MISSED = dt.timedelta(minutes=5)  # a due time so long ago is no time that was missed
_PRIORITIES = {Priority.LOW: -10, Priority.NORMAL: 0, Priority.HIGH: 10}


class Trigger(StrEnum):
    """Why a sync runs."""

    SCHEDULE = "schedule"
    FRESHNESS = "freshness"
    DEMAND = "demand"


@dataclass(frozen=True)
class KnownSync:
    """What the dispatcher has to know of a sync.

    Attributes:
        schedule: None: on demand only.
        freshness: how old the tab may become.
        dispatched_until: due times up to here have been decided on; a new sync's is when it was first seen.
        last_success_at: None: never.
        last_attempt_at: when it last ended, well or not; None: never.
        pending: a job of it is on its way as far as we know.
    """

    sync: str
    spreadsheet_id: str
    schedule: Schedule | None
    freshness: dt.timedelta
    catch_up: CatchUp
    priority: Priority
    attempts: int
    dispatched_until: dt.datetime
    last_success_at: dt.datetime | None = None
    last_attempt_at: dt.datetime | None = None
    pending: bool = False


@dataclass(frozen=True)
class Due:
    """One run that has to happen.

    Attributes:
        deadline: from when on its tab is older than it may become; None: nothing is known of that.
    """

    sync: str
    spreadsheet_id: str
    at: dt.datetime
    trigger: Trigger
    priority: Priority
    attempts: int
    deadline: dt.datetime | None = None

    @property
    def job(self) -> Job:
        """As the queue takes it."""
        return Job(
            key=f"{self.sync}@{self.at.isoformat(timespec='seconds')}",
            group=self.spreadsheet_id,
            kind=KIND,
            payload={"sync": self.sync, "due_at": self.at.isoformat(), "trigger": self.trigger.value},
            priority=_PRIORITIES[self.priority],
            deadline=self.deadline,
            attempts=self.attempts,
        )


@dataclass(frozen=True)
class Decision:
    """What to publish for one sync, and what to remember of it once that is done.

    Attributes:
        next_due_at: when to ask again; None: never by schedule.
    """

    sync: str
    due: tuple[Due, ...]
    dispatched_until: dt.datetime
    next_due_at: dt.datetime | None


def decide(sync: KnownSync, now: dt.datetime) -> Decision:
    """What has to run of one sync.

    Due times since the last decision follow the sync's catch-up policy. A sync that is late beyond its objective,
    although nothing is due or on its way, because its last job was given up, gets another one.
    """
    due, until = _by_schedule(sync, now)
    if not due and _is_neglected(sync, now):
        due = [_due(sync, now.replace(second=0, microsecond=0), Trigger.FRESHNESS)]
    return Decision(
        sync=sync.sync,
        due=tuple(due),
        dispatched_until=until,
        next_due_at=next_due(sync.schedule, until) if sync.schedule else None,
    )


def decide_all(syncs: Iterable[KnownSync], now: dt.datetime) -> list[Decision]:
    """Decisions for several syncs, in their order."""
    return [decide(sync, now) for sync in syncs]


def _by_schedule(sync: KnownSync, now: dt.datetime) -> tuple[list[Due], dt.datetime]:
    if sync.schedule is None:
        return [], now
    since = sync.dispatched_until
    if sync.catch_up is CatchUp.ALL:
        times = list(itertools.islice(due_times(sync.schedule, since, now), MAX_CATCH_UP))
        return [_due(sync, at, Trigger.SCHEDULE) for at in times], times[-1] if len(times) == MAX_CATCH_UP else now
    if sync.catch_up is CatchUp.SKIP:
        since = max(since, now - NOT_MISSED)
    latest = last_due(sync.schedule, since, now)
    return [_due(sync, latest, Trigger.SCHEDULE)] if latest else [], now


def _is_neglected(sync: KnownSync, now: dt.datetime) -> bool:
    if sync.schedule is None or sync.pending or sync.last_attempt_at is None:
        return False
    late = sync.last_success_at is None or now - sync.last_success_at > sync.freshness
    # A tenth of the objective between tries: what fails for good is not tried every minute.
    return late and now - sync.last_attempt_at > max(sync.freshness / 10, dt.timedelta(minutes=5))


def _due(sync: KnownSync, at: dt.datetime, trigger: Trigger) -> Due:
    # Never before it is due: what has been late for days, as it fails, does not push all others aside each time.
    deadline = at if sync.last_success_at is None else max(sync.last_success_at + sync.freshness, at)
    return Due(sync.sync, sync.spreadsheet_id, at, trigger, sync.priority, sync.attempts, deadline)
