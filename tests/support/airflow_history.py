"""A database with Airflow's own tables, and years of runs in it."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tests.support.postgres import database_url, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Connection

DAY = dt.timedelta(days=1)
NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
_INITDB = (
    "from airflow.providers_manager import ProvidersManager; "
    "ProvidersManager().initialize_providers_configuration(); "
    "from airflow.utils import db; db.initdb()"
)
# What a column that must not be empty gets where a test does not care.
_FILLING = {
    "boolean": "false",
    "bytea": "''::bytea",
    "double precision": "0",
    "integer": "0",
    "json": "'{}'::json",
    "jsonb": "'{}'::jsonb",
    "timestamp with time zone": "now()",
    "uuid": "gen_random_uuid()",
}


def airflow_settings(connection: dict[str, object], home: Path) -> dict[str, str]:
    """The environment of an Airflow that has its tables there."""
    url = database_url(connection).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {
        **inherited,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    }


@contextmanager
def running_airflow_database(home: Path) -> Iterator[dict[str, object]]:
    """A server whose database `airflow` has the installed Airflow's tables; gives an Airflow connection's fields."""
    with running_postgres(home) as connection:
        connection = {**connection, "schema": "airflow"}
        settings = airflow_settings(connection, home / "airflow")
        subprocess.run([sys.executable, "-c", _INITDB], check=True, env=settings, capture_output=True)
        yield connection


def insert(connection: Connection, table: str, source: str = "(VALUES (1)) g", /, **values: str) -> int:
    """INSERT INTO ... SELECT: expressions by column, and something for each column that must not be empty; how many.

    Args:
        connection: to Airflow's database.
        table: which.
        source: what stands behind FROM.
        values: SQL.
    """
    query = (
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' "
        "AND table_name = :table AND is_nullable = 'NO' AND column_default IS NULL"
    )
    needed = {name: _FILLING.get(kind, "'x'") for name, kind in connection.execute(sa.text(query), {"table": table})}
    columns = {**needed, **values}
    names = ", ".join(f'"{name}"' for name in columns)
    statement = f"INSERT INTO {table} ({names}) SELECT {', '.join(columns.values())} FROM {source}"
    return connection.exec_driver_sql(statement.replace("%", "%%")).rowcount


def add_dags(connection: Connection, dags: int, *, versions: int = 1, team: str = "retail") -> None:
    """DAGs `dag_0`, `dag_1` ... of a team, each with versions that are two years old."""
    old = _at(NOON - 730 * DAY)
    insert(connection, "dag_bundle", name="'test'")
    each = f"generate_series(0, {dags - 1}) g"
    insert(connection, "dag", each, dag_id="'dag_' || g", bundle_name="'test'")
    insert(connection, "dag_tag", each, dag_id="'dag_' || g", name=f"'team:{team}'")
    each_version = f"dag d, generate_series(1, {versions}) v WHERE d.bundle_name = 'test'"
    insert(connection, "dag_version", each_version, dag_id="d.dag_id", version_number="v", created_at=old)
    for table in ("serialized_dag", "dag_code"):
        own = "dag_version v JOIN dag d ON d.dag_id = v.dag_id WHERE d.bundle_name = 'test'"
        insert(connection, table, own, dag_id="v.dag_id", dag_version_id="v.id")


def add_runs(
    connection: Connection,
    dag: str,
    runs: int,
    *,
    tasks: int = 3,
    until: dt.datetime = NOON,
    every: dt.timedelta = DAY,
    rendered: bool = True,
    **values: str,
) -> None:
    """Runs of a DAG, one each `every`, the last at `until`, with tasks, results and rendered fields.

    Args:
        connection: to Airflow's database.
        dag: SQL: a condition on the table dag.
        runs: of each.
        tasks: of each run.
        until: when the last one was.
        every: between two.
        rendered: with the rendered fields of each task, of which Airflow keeps those of the last 30 runs.
        values: columns of dag_run that differ, as SQL.
    """
    at = f"{_at(until)} - n * interval '{every.total_seconds()} s'"
    before = connection.execute(sa.text("SELECT COALESCE(max(id), 0) FROM dag_run")).scalar_one()
    newest = "ORDER BY version_number DESC LIMIT 1"
    given = {
        "dag_id": "d.dag_id",
        "run_id": f"'run_' || ({before} + n)",
        "run_type": "'scheduled'",
        "state": "'success'",
        "run_after": at,
        "start_date": at,
        "end_date": at,
        "created_dag_version_id": f"(SELECT v.id FROM dag_version v WHERE v.dag_id = d.dag_id {newest})",
    }
    insert(connection, "dag_run", f"dag d, generate_series({runs - 1}, 0, -1) n WHERE {dag}", **(given | values))
    key = {"dag_id": "r.dag_id", "run_id": "r.run_id", "map_index": "-1"}
    insert(
        connection,
        "task_instance",
        f"dag_run r, generate_series(1, {tasks}) k WHERE r.id > {before}",
        **key,
        # As Airflow's own: the newest at the end of the index.
        id="uuidv7(r.run_after - now())",
        task_id="'task_' || k",
        state="'success'",
        pool="'default_pool'",
        start_date="r.run_after",
        end_date="r.run_after",
        last_heartbeat_at="r.run_after",
        dag_version_id="r.created_dag_version_id",
    )
    each = f"task_instance i JOIN dag_run r ON r.dag_id = i.dag_id AND r.run_id = i.run_id WHERE r.id > {before}"
    insert(
        connection,
        "xcom",
        each,
        **key,
        dag_run_id="r.id",
        task_id="i.task_id",
        key="'return_value'",
        value="to_jsonb(i.task_id)",
    )
    if rendered:
        insert(connection, "rendered_task_instance_fields", each, **key, task_id="i.task_id")
    insert(connection, "log", each, dttm="r.run_after", dag_id="r.dag_id", event="'success'")


def _at(when: dt.datetime) -> str:
    return f"'{when.isoformat()}'::timestamptz"
