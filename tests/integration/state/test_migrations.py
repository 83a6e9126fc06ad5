"""Migrations of a database that is in use."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import sqlalchemy as sa

from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.jobs.queue import Job
from drivetrain.state.migrate import migrate
from tests.support.postgres import database_url, running_postgres

if TYPE_CHECKING:
    from pathlib import Path

NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
JOB = sa.text(
    "INSERT INTO jobs (kind, key, group_name, payload, priority, attempts, published_at, not_before)"
    " VALUES ('k', :key, :key, '{}', 0, 5, :at, :at)"
)
GROUP = sa.text(
    "INSERT INTO job_groups (kind, group_name, ready_priority, ready_id)"
    " SELECT kind, group_name, priority, id FROM jobs WHERE key = :key"
)


def test_jobs_that_wait_while_deadlines_come_keep_their_order_and_nothing_is_lost(tmp_path: Path) -> None:
    with running_postgres(tmp_path) as connection:
        engine = sa.create_engine(database_url(connection))
        migrate(engine, "0006")
        with engine.begin() as before:
            for key, minutes in (("second", 5), ("first", 9)):
                before.execute(JOB, {"key": key, "at": NOON - dt.timedelta(minutes=minutes)})
                before.execute(GROUP, {"key": key})
        migrate(engine)
        queue = PostgresQueue(engine, kind="k", clock=lambda: NOON)
        queue.publish([Job(key="last", group="last", kind="k", deadline=NOON + dt.timedelta(hours=1))])
        assert [lease.group for lease in queue.lease(seconds=60, max_groups=9)] == ["first", "second", "last"]
        with engine.begin() as old:  # a dispatcher of the version before, which names no deadline
            old.execute(JOB, {"key": "old", "at": NOON})
            assert old.execute(sa.text("SELECT deadline IS NOT NULL FROM jobs WHERE key = 'old'")).scalar()
        engine.dispose()
