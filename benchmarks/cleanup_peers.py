"""Our clean-up and `airflow db clean` on copies of a database, while a scheduler's statements go on beside them."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import typer

from benchmarks.airflow_history import DAGS, fill
from benchmarks.frame import percentile
from tests.support.airflow_history import add_runs, airflow_settings, running_airflow_database
from tests.support.postgres import database_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEEP_DAYS = 90
NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
QUIET_SECONDS = 5.0
PAUSE_SECONDS = 0.02

# As the scheduler looks for work, see airflow.jobs.scheduler_job_runner and airflow.models.dagrun.
FIND_TASKS = (
    "SELECT i.id FROM task_instance i JOIN dag_run r ON r.dag_id = i.dag_id AND r.run_id = i.run_id "
    "JOIN dag d ON d.dag_id = i.dag_id WHERE r.state = 'running' AND NOT d.is_paused AND i.state = 'scheduled' "
    "ORDER BY -i.priority_weight, r.run_after, i.map_index LIMIT 512 FOR UPDATE OF i SKIP LOCKED"
)
END_TASKS = "UPDATE task_instance SET state = 'success', end_date = now(), updated_at = now() WHERE id = ANY(:ids)"
FIND_RUNS = (
    "SELECT r.id FROM dag_run r JOIN dag d ON d.dag_id = r.dag_id WHERE r.state = 'running' "
    "ORDER BY r.last_scheduling_decision NULLS FIRST, r.run_after LIMIT 20 FOR UPDATE OF r SKIP LOCKED"
)
END_RUNS = "UPDATE dag_run SET state = 'success', end_date = now() WHERE id = ANY(:ids)"
PEER = (
    "import sys; from airflow.utils.db_cleanup import run_cleanup; import pendulum; "
    "run_cleanup(clean_before_timestamp=pendulum.parse(sys.argv[1]), table_names=['dag_run', 'log'], confirm=False, "
    "skip_archive=True, error_on_cleanup_failure=True, batch_size=int(sys.argv[2]) or None)"
)
COUNT = "SELECT (SELECT count(*) FROM task_instance), (SELECT count(*) FROM dag_run)"


@dataclass
class Scheduler:
    """Does again and again what a scheduler does, and notes how long each took."""

    engine: sa.Engine
    find: list[float] = field(default_factory=list)
    create: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `stop`: make a run with its tasks, find them, end them."""
        number = 0
        while not self.stop.wait(PAUSE_SECONDS):
            number += 1
            begun = time.perf_counter()
            with self.engine.begin() as connection:
                name = f"'probe_{id(self)}_{number}'"
                where = f"dag_id = 'history_{number % DAGS + 1}'"
                now = dt.datetime.now(dt.UTC)
                add_runs(connection, where, 1, tasks=2, until=now, rendered=False, run_id=name, state="'running'")
                connection.exec_driver_sql(f"UPDATE task_instance SET state = 'scheduled' WHERE run_id = {name}")
            created = time.perf_counter()
            with self.engine.begin() as connection:
                tasks = connection.execute(sa.text(FIND_TASKS)).scalars().all()
                connection.execute(sa.text(END_TASKS), {"ids": list(tasks)})
                runs = connection.execute(sa.text(FIND_RUNS)).scalars().all()
                connection.execute(sa.text(END_RUNS), {"ids": list(runs)})
            self.create.append((created - begun) * 1000)
            self.find.append((time.perf_counter() - created) * 1000)


@dataclass
class Watch:
    """Looks how long transactions of the clean-up are open, and at what the longest is, from outside."""

    engine: sa.Engine
    application: str
    longest: float = 0.0
    statement: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `stop`."""
        query = sa.text(
            "SELECT EXTRACT(epoch FROM clock_timestamp() - xact_start)::float AS seconds, query FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE :name "
            "AND query NOT LIKE 'VACUUM%' AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1"
        )
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not self.stop.wait(0.1):
                found = connection.execute(query, {"name": self.application}).first()
                if found is not None and found.seconds > self.longest:
                    self.longest, self.statement = found.seconds, " ".join(found.query.split())[:300]


@contextmanager
def going(*loops: Any) -> Iterator[None]:
    """Each in a thread."""
    threads = [threading.Thread(target=loop.run, daemon=True) for loop in loops]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.stop.set()
        for thread in threads:
            thread.join()


def ours(connection: dict[str, object]) -> dict[str, Any]:
    """Our clean-up, as the task calls it."""
    os.environ["AIRFLOW_CONN_AIRFLOW_DB_CLEANUP"] = json.dumps(connection)
    from drivetrain.cleanup.database import clean_database
    from drivetrain.cleanup.retention import Keep, Retention, Tables
    from hooks.airflow_metadata import AirflowMetadataHook

    days = f"{KEEP_DAYS}d"
    retention = Retention(default=Keep(runs=days), tables=Tables(log=days), latest_runs=1)
    hook = AirflowMetadataHook(batch_seconds=retention.batches.seconds)
    report = clean_database(hook, retention, NOW)
    hook.engine.dispose()
    return asdict(report)


def peer(connection: dict[str, object], home: Path, batch_size: int) -> dict[str, Any]:
    """`airflow db clean`, without its archive tables: its fastest way."""
    before = (NOW - dt.timedelta(days=KEEP_DAYS)).isoformat()
    env = {**airflow_settings(connection, home), "PGAPPNAME": "peer"}
    done = subprocess.run(
        [sys.executable, "-c", PEER, before, str(batch_size)], env=env, capture_output=True, text=True, check=False
    )
    return {"exit_code": done.returncode, "error": done.stderr[-300:] if done.returncode else ""}


def measure(
    name: str, database: dict[str, object], application: str, clean: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """One way on one copy: first nothing but a scheduler, then the clean-up beside it."""
    engine = sa.create_engine(database_url(database), pool_size=5)
    with engine.connect() as connection:
        before = connection.execute(sa.text(COUNT)).one()
    quiet, busy, watch = Scheduler(engine), Scheduler(engine), Watch(engine, application)
    with going(quiet):
        time.sleep(QUIET_SECONDS)
    begun = time.perf_counter()
    with going(busy, watch):
        told = clean()
    seconds = time.perf_counter() - begun
    with engine.connect() as connection:
        after = connection.execute(sa.text(COUNT)).one()
    engine.dispose()
    probes = len(quiet.create) + len(busy.create)
    tasks = before[0] - after[0] + 2 * probes
    row: dict[str, Any] = {
        "way": name,
        "seconds": seconds,
        "task_instances": tasks,
        "tasks_per_second": tasks / seconds,
    }
    row |= {"runs_left": after[1] - probes, "longest_transaction_s": watch.longest, "told": told}
    for kind in ("find", "create"):
        for when, probe in (("quiet", quiet), ("busy", busy)):
            values = getattr(probe, kind)
            row |= {f"{kind}_{when}_p{p}_ms": percentile(values, p) for p in (50, 99, 100)}
    typer.echo(
        f"{name:<24} {tasks:>9,} task instances in {seconds:7.1f} s, {tasks / seconds:8,.0f}/s; "
        f"longest transaction {watch.longest:6.2f} s; a scheduler's query p99 {row['find_busy_p99_ms']:7.1f} ms "
        f"(quiet {row['find_quiet_p99_ms']:.1f}), a new run p99 {row['create_busy_p99_ms']:7.1f} ms "
        f"(quiet {row['create_quiet_p99_ms']:.1f})"
    )
    return row


@contextmanager
def copied(connection: dict[str, object], name: str) -> Iterator[dict[str, object]]:
    """A copy of the database, for as long as it is needed."""
    engine = sa.create_engine(database_url({**connection, "schema": "postgres"}), isolation_level="AUTOCOMMIT")
    with engine.connect() as plain:
        plain.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE airflow STRATEGY file_copy')
        try:
            yield {**connection, "schema": name}
        finally:
            plain.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    engine.dispose()


def compare(tasks: int) -> list[dict[str, Any]]:
    """Each way on a copy of its own of a database with so many task instances; ours is the first."""
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # Postgres runs as somebody else, and passes through here
        with running_airflow_database(Path(folder) / "postgres") as connection:
            fill(database_url(connection), task_instances=tasks, until=NOW)
            os.environ.setdefault("AIRFLOW_HOME", folder)
            with copied(connection, "ours") as database:
                runs.append(measure("ours", database, "drivetrain%", partial(ours, database)))
            for name, size in (("db clean", 0), ("db clean, batches of 5,000", 5_000)):
                with copied(connection, "peer") as database:
                    clean = partial(peer, database, Path(folder) / "airflow", size)
                    runs.append(measure(name, database, "peer", clean))
    return runs
