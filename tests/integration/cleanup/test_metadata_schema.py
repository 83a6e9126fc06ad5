"""The clean-up's role in the database, and that the tables and states it knows are those of the installed Airflow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from drivetrain.cleanup.database import clean_database
from drivetrain.cleanup.tables import AGED, ALIVE, DAG_VERSIONS, FINISHED, RUN_PARTS
from drivetrain.errors import AccessDeniedError
from hooks.airflow_metadata import AirflowMetadataHook
from tests.integration.cleanup.history import GENTLE, OLD, everywhere, execute
from tests.support.airflow_history import NOON, airflow_settings, insert

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

ROLE = Path(__file__).parents[3] / "include" / "sql" / "cleanup" / "role.sql"


def test_the_role_of_its_own_can_clean_up_and_see_no_secret(
    history: Engine, airflow_database: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with history.begin() as connection:
        everywhere(connection)
        old = f"'{OLD.isoformat()}'::timestamptz"
        insert(connection, "session", expiry=old, session_id="'cookie'")
        insert(connection, "connection_test_request", updated_at=old, state="'success'")
    with history.begin() as connection:
        for _ in range(2):  # as often as you like
            connection.connection.driver_connection.execute(ROLE.read_text(encoding="utf-8"))
        connection.execute(sa.text("ALTER ROLE airflow_cleanup PASSWORD 'secret'"))
    settings = {**airflow_database, "login": "airflow_cleanup", "password": "secret"}
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_DB_CLEANUP", json.dumps(settings))
    hook = AirflowMetadataHook()
    try:
        report = clean_database(hook, GENTLE, NOON)
        assert report.rows["dag_run"] == 2 * 59 + 1
        assert (report.rows["session"], report.rows["connection_test_request"]) == (1, 1)
        assert hook.vacuum(["dag_run", "task_instance"]) == ["dag_run", "task_instance"]
        assert hook.database_bytes() > 0
        assert hook.alive_runs() == set()
        for table in ("connection", "variable", "ab_user", "slot_pool"):
            with pytest.raises(AccessDeniedError, match=r"permission denied .* give the role the grants"):
                hook._rows(f"SELECT 1 FROM {table}")
            with pytest.raises(AccessDeniedError):
                hook._rows(f"DELETE FROM {table}")
        for query in (
            "DELETE FROM dag",
            "SELECT session_id FROM session",
            "SELECT * FROM connection_test_request",
        ):
            with pytest.raises(AccessDeniedError):
                hook._rows(query)
    finally:
        hook.engine.dispose()
        with history.begin() as connection:
            connection.execute(sa.text("DROP OWNED BY airflow_cleanup"))
            connection.execute(sa.text("DROP ROLE airflow_cleanup"))


def test_a_role_that_may_not_vacuum_is_no_failure(
    history: Engine, airflow_database: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(history, "CREATE ROLE nobody_much LOGIN PASSWORD 'secret'")
    settings = {**airflow_database, "login": "nobody_much", "password": "secret"}
    monkeypatch.setenv("AIRFLOW_CONN_AIRFLOW_DB_CLEANUP", json.dumps(settings))
    hook = AirflowMetadataHook()
    assert hook.vacuum(["dag_run"]) == []
    hook.engine.dispose()
    execute(history, "DROP ROLE nobody_much")


# What goes by itself with its parent, few rows each, or that Postgres only forgets the parent in.
BY_ITSELF = {"backfill_dag_run", "deadline_alert", "asset_alias_asset_event"}


def test_every_table_that_refers_to_what_we_delete_is_known_to_us(engine: Engine) -> None:
    ours = {part.table for part in RUN_PARTS} | {aged.table for aged in (*AGED, DAG_VERSIONS)}
    ours |= {name for aged in (*AGED, DAG_VERSIONS) for name, _ in aged.parts}
    query = "SELECT conrelid::regclass::text FROM pg_constraint "
    query += "WHERE contype = 'f' AND confrelid::regclass::text = ANY(:ours)"
    with engine.connect() as connection:
        referring = set(connection.execute(sa.text(query), {"ours": sorted(ours)}).scalars())
    assert referring <= ours | BY_ITSELF, "a new table: add it to drivetrain.cleanup.tables"
    assert referring >= BY_ITSELF


# Why not: see drivetrain.cleanup.tables.
LEFT_TO_AIRFLOW = {"dag", "trigger", "import_error", "revoked_token"}
OTHER_EXECUTORS = {"celery_taskmeta", "celery_tasksetmeta", "_xcom_archive"}


def test_our_tables_and_states_are_those_of_the_installed_airflow(
    airflow_database: dict[str, object], tmp_path: Path
) -> None:
    script = (
        "import json; from airflow.utils.db_cleanup import config_dict; "
        "from airflow.utils.state import DagRunState, State, TaskInstanceState; "
        "print(json.dumps([sorted(config_dict), [s.value for s in TaskInstanceState if s not in State.finished],"
        " [s.value for s in State.finished_dr_states]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=airflow_settings(airflow_database, tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    tables, alive, finished = json.loads(done.stdout.splitlines()[-1])
    ours = {part.table for part in RUN_PARTS} | {aged.table for aged in (*AGED, DAG_VERSIONS)}
    assert set(tables) <= ours | LEFT_TO_AIRFLOW | OTHER_EXECUTORS
    assert sorted(alive) == sorted(ALIVE)
    assert sorted(finished) == sorted(FINISHED)
