"""The queries on the installed Airflow's own tables, with three months of history in them."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from drivetrain.errors import UnavailableError
from hooks.airflow_numbers import platform_facts
from tests.support.airflow_history import add_dags, add_runs, insert, running_airflow_database
from tests.support.postgres import database_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

pytestmark = pytest.mark.slow
# Of each DAG's latest run: a task that started after 40 s in the queue, one that is queued, one that is silent.
LATEST = (
    "state = 'success', queued_dttm = now() - interval '100 s', start_date = now() - interval '60 s'",
    "state = 'queued', pool = 'narrow', queued_dttm = now() - interval '50 s', start_date = NULL",
    "state = 'running', pool = 'narrow', last_heartbeat_at = now() - interval '3 min'",
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running_airflow_database(tmp_path_factory.mktemp("airflow")) as connection:
        engine = sa.create_engine(database_url(connection))
        now = dt.datetime.now(dt.UTC)
        with engine.begin() as rows:
            add_dags(rows, 20)
            add_runs(rows, "true", 500, tasks=4, until=now, every=dt.timedelta(hours=4), rendered=False)
            insert(rows, "job", job_type="'SchedulerJob'", state="'running'", latest_heartbeat="now() - interval '9 s'")
            rows.exec_driver_sql("UPDATE dag_bundle SET active = true, last_refreshed = now() - interval '20 s'")
            rows.exec_driver_sql("UPDATE dag SET is_stale = false, last_parsed_time = now() - interval '30 s'")
            for number, changed in enumerate(LATEST, start=1):
                rows.exec_driver_sql(
                    f"UPDATE task_instance i SET {changed} FROM dag_run r WHERE i.task_id = 'task_{number}' "
                    "AND r.dag_id = i.dag_id AND r.run_id = i.run_id AND r.run_after > now() - interval '1 h'"
                )
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
            plain.exec_driver_sql("ANALYZE")
        yield engine
        engine.dispose()


def test_a_look_finds_what_is_there(engine: Engine) -> None:
    facts = platform_facts(engine)
    assert facts.database_bytes > 10_000_000
    assert {table.name for table in facts.tables} >= {"task_instance", "dag_run"}
    assert next(table.rows for table in facts.tables if table.name == "task_instance") == 40_000
    beat = facts.heartbeats["SchedulerJob"]
    assert beat is not None
    assert 8 < (facts.at - beat).total_seconds() < 60
    assert facts.heartbeats["TriggererJob"] is None
    assert list(facts.refreshed) == ["test"]
    assert facts.pools == ("default_pool",)
    assert facts.silent_tasks == 20
    [queued] = [one for one in facts.live if one.state == "queued"]
    assert (queued.pool, queued.count) == ("narrow", 20)
    assert queued.since is not None
    assert 49 < (facts.at - queued.since).total_seconds() < 120
    [waited] = [one for one in facts.queued if one.p99 == pytest.approx(40)]
    assert waited.p50 == pytest.approx(40)


def test_it_is_cheap_with_history(engine: Engine) -> None:
    platform_facts(engine)
    began = time.perf_counter()
    platform_facts(engine)
    assert time.perf_counter() - began < 0.5


def test_a_database_that_is_busy_for_too_long_is_named_as_the_reason(engine: Engine) -> None:
    with engine.begin() as holder:
        holder.exec_driver_sql("LOCK TABLE task_instance IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(UnavailableError, match=r"Airflow's database: canceling statement"):
            platform_facts(engine, timeout_seconds=1)
