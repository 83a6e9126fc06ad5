"""The registry's contract, over a real Postgres."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from drivetrain.errors import UnavailableError
from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.dispatch import Trigger, decide_all
from drivetrain.sheets.registry import Changes, RunRecord
from drivetrain.state.syncs import PostgresRegistry
from tests.support.sheets import sync_spec

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from drivetrain.sheets.dispatch import Decision
    from drivetrain.sheets.registry import SyncRegistry

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
HOURLY = {"cron": "0 * * * *"}


@pytest.fixture
def registry(engine: Engine) -> SyncRegistry:
    return PostgresRegistry(engine)


def sync(name: str, sql: str = "SELECT 1", **changes: Any) -> Sync:
    return Sync(sync_spec(sync=name, **({"schedule": HOURLY, "freshness": "2h"} | changes)), sql)


def record(name: str, due_at: dt.datetime = NOON, **changes: Any) -> RunRecord:
    fields: dict[str, Any] = {
        "sync": name,
        "job_key": f"{name}@{due_at.isoformat()}",
        "due_at": due_at,
        "trigger": Trigger.SCHEDULE,
        "attempt": 1,
        "started_at": due_at + MINUTE,
        "finished_at": due_at + 2 * MINUTE,
        "outcome": "written",
        "is_final": True,
    }
    return RunRecord(**fields | changes)


def decided(registry: SyncRegistry, now: dt.datetime) -> list[Decision]:
    decisions = decide_all(registry.due(now), now)
    registry.dispatched(decisions, now)
    return [decision for decision in decisions if decision.due]


def test_a_registration_says_what_changed(registry: SyncRegistry) -> None:
    assert registry.register([sync("aa"), sync("bb")], NOON) == Changes(("aa", "bb"), (), ())
    assert registry.register([sync("aa"), sync("bb")], NOON) == Changes((), (), ())
    changed = registry.register([sync("aa", "SELECT 2"), sync("cc")], NOON)
    assert changed == Changes(added=("cc",), changed=("aa",), removed=("bb",))
    assert registry.register([sync("bb")], NOON).added == ("bb",), "it came back"


def test_a_due_time_is_decided_on_once_and_a_new_sync_is_due_from_now_on(registry: SyncRegistry) -> None:
    registry.register([sync("aa"), sync("bb", schedule=None)], NOON - 30 * MINUTE)
    assert decided(registry, NOON - MINUTE) == []
    (decision,) = decided(registry, NOON)
    assert (decision.sync, [due.at for due in decision.due]) == ("aa", [NOON])
    assert decided(registry, NOON) == []
    assert len(decided(registry, NOON + HOUR)) == 1


def test_another_schedule_counts_from_now_and_another_query_changes_no_due_time(registry: SyncRegistry) -> None:
    registry.register([sync("aa")], NOON - 90 * MINUTE)
    registry.register([sync("aa", "SELECT 2")], NOON - 30 * MINUTE)
    assert [due.at for due in decided(registry, NOON - MINUTE)[0].due] == [NOON - HOUR]
    registry.register([sync("aa", schedule={"cron": "45 * * * *"})], NOON)
    assert decided(registry, NOON + MINUTE) == []
    assert [due.at for due in decided(registry, NOON + HOUR)[0].due] == [NOON + 45 * MINUTE]


def test_what_is_paused_or_gone_is_not_due_and_what_is_resumed_is_due_from_then_on(registry: SyncRegistry) -> None:
    registry.register([sync("aa"), sync("bb")], NOON - 30 * MINUTE)
    assert registry.pause("aa", by="somebody", now=NOON - 20 * MINUTE)
    registry.register([sync("aa")], NOON - 10 * MINUTE)
    assert decided(registry, NOON) == []
    assert registry.resume("aa", NOON + 10 * MINUTE)
    assert decided(registry, NOON + 20 * MINUTE) == [], "what it missed while it was paused was not wanted"
    assert [due.at for due in decided(registry, NOON + HOUR)[0].due] == [NOON + HOUR]
    assert not registry.pause("nobody", by="somebody", now=NOON)
    assert not registry.resume("nobody", NOON)


def test_a_job_that_ended_well_is_finished_and_one_that_failed_is_not(registry: SyncRegistry) -> None:
    registry.register([sync("aa"), sync("bb")], NOON - HOUR)
    good, bad = record("aa"), record("bb", outcome="failed", is_final=False, error="sync bb: quota used up")
    registry.record([good, bad])
    assert registry.finished([good.job_key, bad.job_key, "other"]) == {good.job_key}
    registry.record([record("bb", attempt=2)])
    assert registry.finished([bad.job_key]) == {bad.job_key}
    registry.record([record("bb", attempt=3, outcome="unchanged")])


def test_one_job_has_one_record_and_a_good_end_stays(registry: SyncRegistry, engine: Engine) -> None:
    registry.register([sync("aa")], NOON - HOUR)
    registry.record([record("aa", rows=7, write_calls=1)])
    registry.record([record("aa", attempt=2, outcome="unchanged", rows=7)])
    registry.record([record("aa", attempt=3, outcome="failed", error="late and wrong")])
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT outcome, attempt, write_calls FROM sheet_runs")).all()
    assert [tuple(row) for row in rows] == [("written", 1, 1)]


def test_runs_before_a_sync_was_registered_count(registry: SyncRegistry, engine: Engine) -> None:
    registry.record([record("aa", NOON - HOUR, rows=5), record("aa", rows=7), record("old", NOON - 60 * DAY)])
    registry.register([sync("aa"), sync("bb"), sync("old")], NOON + HOUR)
    query = sa.text("SELECT sync, last_outcome, last_success_at, rows FROM sheet_syncs ORDER BY sync")
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(query)]
    assert found == [("aa", "written", NOON + MINUTE, 7), ("bb", None, None, None), ("old", None, None, None)]


def test_people_s_edits_stand_in_the_history(registry: SyncRegistry, engine: Engine) -> None:
    registry.register([sync("aa")], NOON - HOUR)
    registry.record([record("aa", rows_edited=2, warning="people edited rows: B7 said 'sold'")])
    with engine.connect() as connection:
        (row,) = connection.execute(sa.text("SELECT rows_edited, warning FROM sheet_runs"))
    assert tuple(row) == (2, "people edited rows: B7 said 'sold'")


def test_a_sync_whose_job_was_given_up_and_that_is_late_is_due_again(registry: SyncRegistry) -> None:
    daily = {"cron": "0 1 * * *"}
    registry.register([sync("aa", schedule=daily)], NOON - 2 * DAY)
    decided(registry, NOON - DAY)
    registry.record([record("aa", NOON - DAY)])
    (decision,) = decided(registry, NOON - 11 * HOUR)
    assert decided(registry, NOON - 10 * HOUR) == [], "its job is on its way"
    failed = record("aa", decision.due[0].at, outcome="failed", error="no", attempt=5)
    registry.record([failed])
    (again,) = decided(registry, NOON)
    assert [(due.trigger, due.at) for due in again.due] == [(Trigger.FRESHNESS, NOON)]


def test_runs_lie_in_months_and_old_months_go(registry: SyncRegistry, engine: Engine) -> None:
    registry.register([sync("aa")], NOON - HOUR)
    times = [dt.datetime(2026, month, 28, 23, 59, tzinfo=dt.UTC) for month in (8, 9, 10, 11)]
    registry.record([record("aa", at) for at in times])
    assert registry.prune(before=dt.datetime(2026, 10, 1, tzinfo=dt.UTC)) == 2
    assert registry.prune(before=dt.datetime(2026, 10, 1, tzinfo=dt.UTC)) == 0
    with engine.connect() as connection:
        left = connection.execute(sa.text("SELECT due_at FROM sheet_runs ORDER BY 1")).scalars().all()
    assert left == times[2:]


def test_a_database_that_is_away_is_no_mystery() -> None:
    away = sa.create_engine("postgresql+psycopg://x@127.0.0.1:9/x", connect_args={"connect_timeout": 2})
    with pytest.raises(UnavailableError, match="the state database: "):
        PostgresRegistry(away).due(NOON)


def test_a_tab_is_as_fresh_as_its_source_was_known_to_be_when_its_query_was_not_asked(
    registry: SyncRegistry, engine: Engine
) -> None:
    registry.register([sync("aa")], NOON - DAY)
    seen = []
    for due_at, read_at in ((NOON, None), (NOON + HOUR, NOON + HOUR - MINUTE), (NOON + 2 * HOUR, NOON)):
        registry.record([record("aa", due_at, outcome="unchanged", source="skipped", source_read_at=read_at)])
        with engine.connect() as connection:
            fresh = connection.execute(sa.text("SELECT last_success_at FROM sheet_syncs")).scalar_one()
        seen.append(fresh)
    assert seen == [NOON + MINUTE, NOON + HOUR - MINUTE, NOON + HOUR - MINUTE], "never back"
    with engine.connect() as connection:
        query = sa.text("SELECT source, source_read_at FROM sheet_runs ORDER BY due_at DESC LIMIT 1")
        assert connection.execute(query).one() == ("skipped", NOON)
