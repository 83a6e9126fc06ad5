from __future__ import annotations

import datetime as dt
from typing import Any

from drivetrain.sheets.dispatch import MAX_CATCH_UP, KnownSync, Trigger, decide
from drivetrain.sheets.spec import CatchUp, Priority
from drivetrain.spec_types import Schedule

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
HOURLY = Schedule(cron="0 * * * *")


def known(**changes: Any) -> KnownSync:
    fields: dict[str, Any] = {
        "sync": "leads",
        "spreadsheet_id": "1" * 44,
        "schedule": HOURLY,
        "freshness": DAY,
        "catch_up": CatchUp.LATEST,
        "priority": Priority.NORMAL,
        "attempts": 5,
        "dispatched_until": NOON - MINUTE,
    }
    return KnownSync(**fields | changes)


def test_a_due_time_is_one_job_whose_key_is_the_sync_and_the_time() -> None:
    decision = decide(known(), NOON)
    (due,) = decision.due
    assert due.job.key == "leads@2026-11-24T12:00:00+00:00"
    assert due.job.group == "1" * 44
    assert due.job.payload == {"sync": "leads", "due_at": "2026-11-24T12:00:00+00:00", "trigger": "schedule"}
    assert decision.next_due_at == NOON + HOUR
    again = decide(known(dispatched_until=decision.dispatched_until), NOON + 30 * dt.timedelta(seconds=1))
    assert again.due == ()
    late = decide(known(), NOON + 17 * MINUTE)
    assert late.due[0].job.key == due.job.key, "a dispatcher that comes late names the due time, not its own"


def test_after_a_downtime_the_latest_all_or_none_of_the_missed_times_run() -> None:
    asleep = NOON - 5 * HOUR
    at = NOON + 20 * MINUTE
    assert [due.at for due in decide(known(dispatched_until=asleep), at).due] == [NOON]
    every = decide(known(dispatched_until=asleep, catch_up=CatchUp.ALL), at)
    assert [due.at.hour for due in every.due] == [8, 9, 10, 11, 12]
    assert decide(known(dispatched_until=asleep, catch_up=CatchUp.SKIP), at).due == ()
    assert len(decide(known(dispatched_until=asleep, catch_up=CatchUp.SKIP), NOON + MINUTE).due) == 1, "not missed"


def test_catching_up_goes_on_in_the_next_decision_where_one_is_not_enough() -> None:
    sync = known(schedule=Schedule(cron="* * * * *"), catch_up=CatchUp.ALL, dispatched_until=NOON - 600 * MINUTE)
    first = decide(sync, NOON)
    assert len(first.due) == MAX_CATCH_UP
    second = decide(known(schedule=sync.schedule, catch_up=CatchUp.ALL, dispatched_until=first.dispatched_until), NOON)
    assert len(second.due) == 600 - MAX_CATCH_UP
    assert second.due[0].at == first.due[-1].at + MINUTE
    assert second.dispatched_until == NOON


def test_a_long_downtime_of_a_frequent_sync_is_no_long_decision() -> None:
    sync = known(schedule=Schedule(cron="* * * * *"), dispatched_until=NOON - 3_000 * DAY)
    assert [due.at for due in decide(sync, NOON).due] == [NOON]


def test_a_sync_whose_job_was_given_up_and_which_is_late_runs_once_more() -> None:
    daily = Schedule(cron="0 1 * * *")
    late = {"schedule": daily, "freshness": 6 * HOUR, "last_success_at": NOON - 7 * HOUR}
    failed = decide(known(**late, last_attempt_at=NOON - HOUR), NOON)
    assert [(due.trigger, due.at) for due in failed.due] == [(Trigger.FRESHNESS, NOON)]
    assert decide(known(**late, last_attempt_at=NOON - HOUR, pending=True), NOON).due == (), "one is on its way"
    assert decide(known(**late, last_attempt_at=NOON - 10 * MINUTE), NOON).due == (), "just tried"
    assert decide(known(schedule=daily, last_success_at=NOON - HOUR, last_attempt_at=NOON - HOUR), NOON).due == ()


def test_a_sync_without_a_schedule_never_runs_by_itself() -> None:
    decision = decide(known(schedule=None, last_success_at=NOON - 9 * DAY, last_attempt_at=NOON - 9 * DAY), NOON)
    assert (decision.due, decision.next_due_at) == ((), None)


def test_priorities_are_the_queue_s() -> None:
    by = {p: decide(known(priority=p), NOON).due[0].job.priority for p in Priority}
    assert by[Priority.LOW] < by[Priority.NORMAL] < by[Priority.HIGH]


def test_a_job_s_deadline_is_when_its_tab_grows_older_than_it_may() -> None:
    every_hour = Schedule(cron="0 * * * *")

    def deadline(**facts: Any) -> dt.datetime | None:
        (due,) = decide(known(schedule=every_hour, dispatched_until=NOON - MINUTE, **facts), NOON).due
        return due.job.deadline

    assert deadline(last_success_at=NOON - HOUR, freshness=HOUR + 30 * MINUTE) == NOON + 30 * MINUTE
    assert deadline(last_success_at=NOON - 9 * DAY, freshness=HOUR) == NOON, "late, but not ahead of all"
    assert deadline(last_success_at=None) == NOON
