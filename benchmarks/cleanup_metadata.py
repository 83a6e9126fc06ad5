"""Clean-up of 3,000,000 task instances by the real DAG, while the real scheduler goes on; then `airflow db clean`.

The local platform runs. A DAG with one task that does nothing is triggered every second and a half: on the empty
database, after the history was made, while `platform_cleanup` deletes (by REST, as a person would), and after it. The
peers work at a tenth of the size, each on a copy of one database, since they are slower.

Usage: python -m benchmarks.cleanup_metadata [--tasks N] [--quick] [--peers/--no-peers]
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import typer

from benchmarks.airflow_history import DAGS, SPAN, TASKS_A_RUN, fill
from benchmarks.cleanup_peers import KEEP_DAYS, Watch, compare, going
from benchmarks.frame import Report, Target, percentile, spread
from benchmarks.statsd_timers import StatsdTimers
from standins.platform.airflow_env import sql_uri
from standins.platform.demo import connect
from standins.platform.secrets import Secrets
from standins.platform.testing import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOP = "scheduler.scheduler_loop_duration"
PHASES = ("before", "with_history", "meanwhile", "after")
EVERY_SECONDS = 1.5
PHASE_SECONDS = 60.0
SETTLE_SECONDS = 180.0
BUDGET_SECONDS = 40 * 60  # of the DAG: what is left then is the next night's
CLEANUP = "platform_cleanup"
PROBE = """
from airflow.sdk import dag, task

@dag(schedule=None, max_active_runs=100, tags=["team:platform"])
def probe():
    @task
    def nothing():
        pass

    nothing()

probe()
"""
LATENCIES = """
SELECT r.state, EXTRACT(epoch FROM i.start_date - i.queued_dttm)::float AS queued_to_start,
  EXTRACT(epoch FROM i.start_date - r.queued_at)::float AS triggered_to_start
FROM dag_run r JOIN task_instance i ON i.dag_id = r.dag_id AND i.run_id = r.run_id
WHERE r.dag_id = 'probe' AND starts_with(r.run_id, :phase)
"""
UNFINISHED = (
    "SELECT count(*) FROM dag_run WHERE dag_id = :dag AND starts_with(run_id, :run) AND state IN ('queued', 'running')"
)
# Lending keeps its runs for 400 days.
OLD = """
SELECT count(*) FROM dag_run r WHERE r.run_after < now() - make_interval(days => :days) AND NOT EXISTS
  (SELECT 1 FROM dag_tag t WHERE t.dag_id = r.dag_id AND t.name = 'team:lending')
"""
TOOK = """
SELECT EXTRACT(epoch FROM end_date - start_date)::float FROM task_instance
WHERE dag_id = :dag AND run_id = :run AND task_id = 'metadata'
"""


@dataclass
class Probe:
    """Triggers a DAG again and again."""

    platform: LocalPlatform
    phase: str
    triggered: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `stop`."""
        with connect(self.platform.layout) as api:
            while not self.stop.wait(EVERY_SECONDS):
                name = f"{self.phase}__{self.triggered:04}"
                api.write("POST", "dags/probe/dagRuns", {"dag_run_id": name, "logical_date": None})
                self.triggered += 1


class Bench:
    """A running platform, its database, and how its scheduler does."""

    def __init__(self, platform: LocalPlatform, timers: StatsdTimers) -> None:
        self.platform, self.timers = platform, timers
        self.url = sql_uri(platform.layout, Secrets.of(platform.layout.secrets_file), "airflow", "postgresql+psycopg")
        self.engine = sa.create_engine(self.url, pool_size=3)
        self.phases: dict[str, dict[str, list[float]]] = {}
        self.failed = 0

    def ask(self, query: str, **given: Any) -> Any:
        """One value."""
        with self.engine.connect() as connection:
            return connection.execute(sa.text(query), given).scalar_one()

    def size(self) -> dict[str, int]:
        """Of the database."""
        return {
            "task_instances": self.ask("SELECT count(*) FROM task_instance"),
            "old_runs": self.ask(OLD, days=KEEP_DAYS),
            "database_bytes": self.ask("SELECT pg_database_size(current_database())"),
        }

    @contextmanager
    def probing(self, phase: str) -> Iterator[None]:
        """Trigger the probe meanwhile; afterwards its latencies are in `phases`."""
        probe = Probe(self.platform, phase)
        self.timers.clear()
        with going(probe):
            yield
        self.wait("probe", phase, SETTLE_SECONDS)
        with self.engine.connect() as connection:
            rows = connection.execute(sa.text(LATENCIES), {"phase": phase}).all()
        self.failed += sum(row.state != "success" for row in rows) + probe.triggered - len(rows)
        values = {
            "queued_to_start": [row.queued_to_start for row in rows if row.queued_to_start is not None],
            "triggered_to_start": [row.triggered_to_start for row in rows if row.triggered_to_start is not None],
            "scheduler_loop": [value / 1000 for value in self.timers.values[LOOP]],
        }
        self.phases[phase] = values
        told = ", ".join(
            f"{name} p50 {percentile(one, 50):.2f} s, p99 {percentile(one, 99):.2f} s" for name, one in values.items()
        )
        typer.echo(f"{phase:<13} {len(rows)} runs: {told}")

    def wait(self, dag: str, run: str, seconds: float) -> None:
        """Until the runs of a DAG whose ids start so have ended."""
        deadline = time.monotonic() + seconds
        while self.ask(UNFINISHED, dag=dag, run=run):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{dag} {run}: has not ended within {seconds:.0f} s")
            time.sleep(0.5)

    def clean(self, run: str, *, dry_run: bool) -> dict[str, Any]:
        """Trigger the clean-up and follow it; what its task told, and how many seconds it took."""
        path = f"dags/{CLEANUP}/dagRuns"
        body = {"dag_run_id": run, "logical_date": None, "conf": {"dry_run": dry_run}}
        self.platform.api.write("POST", path, body)
        self.wait(CLEANUP, run, BUDGET_SECONDS)
        told = self.platform.api.read(f"{path}/{run}/taskInstances/metadata/xcomEntries/return_value")["value"]
        return {**told, "task_seconds": self.ask(TOOK, dag=CLEANUP, run=run)}


def on_the_platform(tasks: int, phase_seconds: float) -> dict[str, Any]:
    """The four phases; everything that was seen."""
    seen: dict[str, Any] = {}
    with StatsdTimers(LOOP) as timers, LocalPlatform(without=("snowflake",), airflow=timers.environment()) as platform:
        bench = Bench(platform, timers)
        platform.wait_for_version(platform.push({"dags/probe.py": PROBE}))
        for dag in ("probe", CLEANUP):
            platform.api.write("PATCH", f"dags/{dag}", {"is_paused": False})
        with bench.probing("before"):
            time.sleep(phase_seconds)
        begun = time.perf_counter()
        fill(bench.url, task_instances=tasks)
        seen["fill_seconds"] = time.perf_counter() - begun
        seen["full"] = bench.size()
        typer.echo(f"{seen['full']} in {seen['fill_seconds']:.0f} s")
        with bench.probing("with_history"):
            time.sleep(phase_seconds)
        seen["dry_run"] = bench.clean("dry", dry_run=True)
        typer.echo(f"dry run: {seen['dry_run']}")
        watch = Watch(bench.engine, "drivetrain cleanup")
        with bench.probing("meanwhile"), going(watch):
            seen["real"] = bench.clean("real", dry_run=False)
        seen |= {"longest_seen": watch.longest, "longest_statement": watch.statement}
        typer.echo(f"clean-up: {seen['real']}")
        with bench.probing("after"):
            time.sleep(phase_seconds)
        seen |= {"left": bench.size(), "phases": bench.phases, "failed": bench.failed}
        bench.engine.dispose()
    return seen


def main(
    tasks: int = typer.Option(3_000_000, help="Task instances."),
    quick: bool = typer.Option(False, help="60,000 of them, shorter phases; writes no result."),
    peers: bool = typer.Option(True, help="Also run `airflow db clean`, at a tenth of the size."),
) -> None:
    """Run the benchmark and write benchmarks/results/cleanup.json."""
    tasks, phase_seconds = (60_000, 15.0) if quick else (tasks, PHASE_SECONDS)
    seen = on_the_platform(tasks, phase_seconds)
    contenders = compare(tasks // 10) if peers else []
    report = reported(tasks, seen)
    _add_peers(report, contenders)
    report.show(write=not quick)


def reported(tasks: int, seen: dict[str, Any]) -> Report:
    """The result's file, without peers."""
    report = Report(
        "cleanup",
        {
            "database": f"Airflow's own, {tasks:,} task instances in runs of {TASKS_A_RUN} over {SPAN.days} days, "
            f"{DAGS} DAGs, each task with an XCom and an audit row",
            "clean-up": f"the DAG {CLEANUP}, triggered by REST with dry_run false: runs older than {KEEP_DAYS} days "
            "(lending 400), the audit log after 180, then vacuum",
            "scheduler": f"the real one, LocalExecutor; a DAG with a task that does nothing every {EVERY_SECONDS} s",
        },
    )
    real, full, left = seen["real"], seen["full"], seen["left"]
    gone = sum(real["rows"].values())
    figures: dict[str, tuple[float, str]] = {
        "fill_seconds": (seen["fill_seconds"], "s"),
        "task_instances_before": (full["task_instances"], "rows"),
        "task_instances_after": (left["task_instances"], "rows"),
        "old_runs_before": (full["old_runs"], "rows"),
        "old_runs_after": (left["old_runs"], "rows"),
        "database_before": (full["database_bytes"] / 1e6, "MB"),
        "database_after": (left["database_bytes"] / 1e6, "MB"),
        "rows_deleted": (gone, "rows"),
        "seconds": (real["task_seconds"], "s"),
        "rows_per_second": (gone / real["task_seconds"], "rows/s"),
        "task_instances_per_second": (real["rows"]["task_instance"] / real["task_seconds"], "rows/s"),
        "transactions": (real["transactions"], "transactions"),
        "longest_transaction": (max(real["longest_seconds"], seen["longest_seen"]), "s"),
        "dry_run_seconds": (seen["dry_run"]["task_seconds"], "s"),
        "failed_runs": (seen["failed"], "runs"),
    }
    for phase in PHASES:
        for name, values in seen["phases"][phase].items():
            figures |= {f"{name}_{phase}_p{p}": (percentile(values, p), "s") for p in (50, 99)}
    report.metrics = {name: spread([float(value)], unit) for name, (value, unit) in figures.items()}
    report.runs = [{"phase": phase, "runs": len(one["queued_to_start"])} for phase, one in seen["phases"].items()]

    def longer(name: str) -> float:
        return round(figures[f"{name}_meanwhile_p99"][0] - figures[f"{name}_with_history_p99"][0], 3)

    report.targets = [
        Target("task instances before", ">=", tasks * 0.99, full["task_instances"]),
        Target("old runs that are left", "==", 0, left["old_runs"]),
        Target("seconds of the clean-up, of its budget", "<=", BUDGET_SECONDS, round(real["task_seconds"], 1)),
        Target("longest transaction, s", "<=", 1.0, round(figures["longest_transaction"][0], 3)),
        Target("runs of the scheduler that did not succeed", "==", 0, seen["failed"]),
        Target("queued to start, p99, s longer meanwhile", "<=", 1.0, longer("queued_to_start")),
        Target("triggered to start, p99, s longer meanwhile", "<=", 1.0, longer("triggered_to_start")),
    ]
    at = f"the longest transaction was at: {seen['longest_statement']}"
    report.notes = [f"told by the clean-up: {real}", f"told by the dry run: {seen['dry_run']}", at]
    return report


def _add_peers(report: Report, contenders: list[dict[str, Any]]) -> None:
    """What each did at a tenth of the size; ours as well, for the comparison."""
    units = {"seconds": "s", "tasks_per_second": "rows/s", "longest_transaction_s": "s"}
    units |= {"find_busy_p99_ms": "ms", "create_busy_p99_ms": "ms"}
    for run in contenders:
        metrics = {name: spread([float(run[name])], unit) for name, unit in units.items()}
        # A table of the report has one contender; the others' lines stand in it by their names.
        report.metrics |= {f"at a tenth, {run['way']}: {name}": metric for name, metric in metrics.items()}
        if run["way"] != "ours":
            report.peers[f"{run['way']}, at a tenth"] = {"version": "airflow 3.3", "metrics": metrics}
        report.notes.append(f"at a tenth, {run['way']}: {run['told']}")


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
