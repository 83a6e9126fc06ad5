"""What the database tells of all syncs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.dispatch import Trigger
from drivetrain.sheets.registry import RunRecord
from drivetrain.state.alert_tables import metadata
from drivetrain.state.standings import runs_of_the_last_hour, sync_standings
from drivetrain.state.syncs import PostgresRegistry
from tests.support.alerts import DAY, HOUR, MINUTE, NOON
from tests.support.sheets import sync_spec

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy.engine import Engine


def ended(sync: str, at: dt.datetime, outcome: str = "written", due_at: dt.datetime | None = None) -> RunRecord:
    return RunRecord(
        sync=sync,
        job_key=f"{sync}@{at.isoformat()}",
        due_at=due_at or at,
        trigger=Trigger.SCHEDULE,
        attempt=1,
        started_at=at - MINUTE,
        finished_at=at,
        outcome=outcome,
        is_final=True,
        error="" if outcome == "written" else "it broke",
    )


def test_standings_and_runs_are_what_was_recorded(engine: Engine) -> None:
    registry = PostgresRegistry(engine)
    specs = [("aa", "retail"), ("bb", "retail"), ("cc", "lending"), ("gone", "lending")]
    syncs = [Sync(sync_spec(sync=name, team=team, schedule={"cron": "0 * * * *"}), "SELECT 1") for name, team in specs]
    registry.register(syncs, NOON - DAY)
    registry.record(
        [ended("aa", NOON - 2 * HOUR), ended("aa", NOON - HOUR / 2), ended("bb", NOON - HOUR / 2, "failed")]
    )
    registry.record([ended("cc", NOON - MINUTE, due_at=NOON - 3 * HOUR), ended("gone", NOON - MINUTE)])
    registry.register(syncs[:3], NOON)
    registry.pause("cc", by="somebody", now=NOON)
    aa, bb, cc = sync_standings(engine)
    assert (aa.sync, aa.fresh_at, aa.failures) == ("aa", NOON - HOUR / 2 - MINUTE, 0)
    assert (bb.fresh_at, bb.failures, bb.last_error) == (NOON - DAY, 1, "it broke"), "never synced: since it is known"
    assert (cc.is_paused, cc.team, cc.is_scheduled) == (True, "lending", True)
    assert runs_of_the_last_hour(engine, NOON) == {
        ("retail", "written"): 1,
        ("retail", "failed"): 1,
        ("lending", "written"): 1,
    }


def test_the_table_is_as_the_migration_makes_it(engine: Engine) -> None:
    def mine(_: Any, name: str | None, kind: str, *rest: Any) -> bool:
        return kind != "table" or str(name).startswith("alert")

    options = {"include_object": mine, "compare_server_default": True, "compare_type": True}
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
