"""The clean-up in a real Airflow: by REST, with the role of its own, while the scheduler goes on."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from standins.platform.airflow_env import sql_uri
from standins.platform.secrets import Secrets
from tests.e2e.conftest import run_dag
from tests.support.airflow_history import DAY, add_dags, add_runs
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine

    from standins.platform.testing import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]

RUNS = 12_000
OLD = f"SELECT count(*) FROM dag_run WHERE run_after < now() - interval '{90 * 24 + 1} hours'"
STARTED = "SELECT start_date FROM task_instance WHERE dag_id = :dag AND run_id = :run AND task_id = :task"
ENDED = STARTED.replace("start_date", "end_date")
TABLES = ("serialized_dag", "dag_code", "log", "xcom", "task_instance", "dag_run", "dag_version", "dag_tag", "dag")


@pytest.fixture
def history(platform: LocalPlatform) -> Iterator[Engine]:
    """The platform's database with a year of runs of a DAG `dag_0` of retail that no file has any more."""
    engine = sa.create_engine(
        sql_uri(platform.layout, Secrets.of(platform.layout.secrets_file), "airflow", "postgresql+psycopg")
    )
    every = 365 * DAY / RUNS
    with engine.begin() as connection:
        add_dags(connection, 1)
        connection.execute(sa.text("UPDATE dag SET is_stale = true WHERE dag_id = 'dag_0'"))
        now = dt.datetime.now(dt.UTC)
        add_runs(connection, "dag_id = 'dag_0'", RUNS, until=now, every=every, rendered=False)
    yield engine
    with engine.begin() as connection:
        for table in TABLES:
            connection.execute(sa.text(f"DELETE FROM {table} WHERE dag_id = 'dag_0'"))
        connection.execute(sa.text("DELETE FROM dag_bundle WHERE name = 'test'"))
    engine.dispose()


def old_log(platform: LocalPlatform, dag: str) -> Path:
    """A log whose last line is 40 days old."""
    file = platform.layout.airflow_home / "logs" / f"dag_id={dag}" / "run_id=run_1" / "task_id=t" / "attempt=1.log"
    file.parent.mkdir(parents=True)
    file.write_text("line\n")
    at = (dt.datetime.now(dt.UTC) - 40 * DAY).timestamp()
    os.utime(file, (at, at))
    return file


def ask(engine: Engine, query: str, **given: str) -> object:
    with engine.connect() as connection:
        return connection.execute(sa.text(query), given).scalar()


def test_who_triggers_it_gets_a_plan_and_has_to_ask_for_more_while_other_dags_run_on(
    platform: LocalPlatform, history: Engine
) -> None:
    retail, lending = old_log(platform, "dag_0"), old_log(platform, "sheets_sync_lending")
    before = ask(history, OLD)
    assert isinstance(before, int)
    assert before > RUNS / 2

    dry = run_dag(platform, "platform_cleanup")
    assert {name: row["state"] for name, row in dry.items()} == {
        "metadata": "success",
        "task_logs": "success",
        "finished_pods": "skipped",
        "staging_tabs": "success",
    }
    assert dry["metadata"]["dry_run"]
    assert before <= dry["metadata"]["rows"]["dag_run"] <= before + 5
    assert dry["task_logs"]["local"]["files"] == {"retail": 1}
    assert ask(history, OLD) == before
    assert retail.exists()

    run = platform.api.write(
        "POST", "dags/platform_cleanup/dagRuns", {"logical_date": None, "conf": {"dry_run": False}}
    )["dag_run_id"]
    task = {"dag": "platform_cleanup", "run": run, "task": "metadata"}
    eventually("its start", lambda: ask(history, STARTED, **task), timeout_seconds=120)
    other = run_dag(platform, "state_maintenance", {"dry_run": True})["prune"]
    assert other["state"] == "success"
    eventually("its end", lambda: ask(history, ENDED, **task), timeout_seconds=300)
    began = ask(history, STARTED, dag="state_maintenance", run=other["run_id"], task="prune")
    assert began < ask(history, ENDED, **task), "the scheduler started it meanwhile"  # type: ignore[operator]

    path = f"dags/platform_cleanup/dagRuns/{run}/taskInstances"
    told = platform.api.read(f"{path}/metadata/xcomEntries/return_value")["value"]
    assert not told["dry_run"]
    assert told["is_complete"]
    # A try that met a lock is followed by another, which counts its own rows alone.
    if platform.api.read(f"{path}/metadata")["try_number"] == 1:
        assert told["rows"]["dag_run"] >= dry["metadata"]["rows"]["dag_run"]
    assert told["rows"]["task_instance"] == 3 * told["rows"]["dag_run"]
    assert "task_instance" in told["vacuumed"], "its own role may do that as well"
    assert told["longest_seconds"] < 2
    assert ask(history, OLD) == 0
    eventually("the old log is gone", lambda: not retail.exists(), timeout_seconds=120)
    assert lending.exists(), "its team keeps logs for longer"
