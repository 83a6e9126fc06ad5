"""A round of dispatching, between a registry and a queue that only write down what they are told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from drivetrain.jobs.queue import Job
from drivetrain.sheets.dispatch import Decision, KnownSync
from drivetrain.sheets.dispatcher import dispatch
from drivetrain.sheets.spec import CatchUp, Priority
from drivetrain.spec_types import Schedule

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def known(sync: str, freshness: dt.timedelta, priority: Priority = Priority.NORMAL) -> KnownSync:
    return KnownSync(
        sync=sync,
        spreadsheet_id="1" * 44,
        schedule=Schedule(cron="0 12 * * *"),
        freshness=freshness,
        catch_up=CatchUp.LATEST,
        priority=priority,
        attempts=5,
        dispatched_until=NOON - HOUR,
        last_success_at=NOON - HOUR,
    )


class Told:
    """A registry and a queue."""

    def __init__(self, *syncs: KnownSync) -> None:
        self.syncs = syncs
        self.heard: list[Any] = []

    def specs_version(self) -> str:
        return "1"

    def due(self, now: dt.datetime) -> Sequence[KnownSync]:
        return self.syncs

    def dispatched(self, decisions: Sequence[Decision], now: dt.datetime) -> None:
        self.heard.append({decision.sync for decision in decisions})

    def publish(self, jobs: Sequence[Job]) -> int:
        self.heard.append([job.payload["sync"] for job in jobs])
        return len(jobs)


def test_what_is_urgent_is_published_first_and_remembered_once_all_is_published() -> None:
    told = Told(
        known("a_daily", 24 * HOUR),
        known("a_low", 2 * HOUR, Priority.LOW),
        known("an_hourly", 2 * HOUR),
        known("the_board", 48 * HOUR, Priority.HIGH),
    )
    done = dispatch(tuple, "1", told, told, NOON)  # type: ignore[arg-type]  # as much of both as a round asks for
    assert told.heard == [
        ["the_board", "an_hourly", "a_daily", "a_low"],
        {"a_daily", "a_low", "an_hourly", "the_board"},
    ]
    assert (done.due, done.new) == (4, 4)
