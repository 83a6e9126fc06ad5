"""A day of the platform through the real scheduler: 75 DAGs, 1,000 runs, 3,800 tasks of the real families.

The day is played faster than it is: runs are triggered by REST at their times, tasks are real ones (sheets are written,
the queue is drained, nothing is a no-op), LocalExecutor runs eight at a time. The same day again with 3,000,000 task
instances in the metadata database. One squad has a broken spec: its task has to fail in each run, and nothing else may.
Usage: python -m benchmarks.platform_day [--seconds N] [--history N] [--quick]
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import typer

from benchmarks.airflow_history import fill
from benchmarks.frame import Report, Target, percentile
from benchmarks.platform_bundle import DAGS, squads_files, squads_fleet
from benchmarks.platform_mix import FAILING, MINUTES, RUNS, TASKS, Mix, injected
from benchmarks.platform_watch import PARTS, Watch
from benchmarks.statsd_timers import StatsdTimers
from standins.fleet.tables import statements
from standins.platform.airflow_env import sql_uri
from standins.platform.connections import SHEETS_ACCOUNTS
from standins.platform.secrets import Secrets
from standins.platform.testing import LocalPlatform
from standins.supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from standins.fleet.fleet import Fleet

LOOP, CRITICAL = "scheduler.scheduler_loop_duration", "scheduler.critical_section_duration"
END_SECONDS = 3_600  # after the last trigger: clean-ups of leftover tabs wait for their quota, one run behind the other
UNFINISHED = "SELECT count(*) FROM dag_run WHERE run_id LIKE :runs AND state IN ('queued', 'running')"
TASKS_OF = """
SELECT ti.dag_id, ti.task_id, ti.state, ti.try_number, ti.scheduled_dttm, ti.queued_dttm, ti.start_date, ti.end_date
FROM task_instance ti JOIN dag_run r ON r.dag_id = ti.dag_id AND r.run_id = ti.run_id
WHERE r.start_date >= :since OR r.queued_at >= :since
"""


@dataclass
class Played:
    """One day as it was: rows of task instances, values of timers in ms, peaks of memory in MiB, CPU seconds."""

    name: str
    begun: dt.datetime
    triggered: int
    runs: Counter[str]
    failed: Counter[str]
    tasks: Sequence[Any]
    timers: dict[str, list[float]]
    mib: dict[str, float]
    cpu: dict[str, float]

    def figures(self) -> dict[str, tuple[float, str]]:
        """What docs/BENCHMARKS.md shows of it: value and unit, by metric."""
        started = [row for row in self.tasks if row.start_date is not None]
        ended = [row.end_date for row in self.tasks if row.end_date is not None]
        waits = [(row.start_date - row.scheduled_dttm).total_seconds() for row in started if row.scheduled_dttm]
        queued = [(row.start_date - row.queued_dttm).total_seconds() for row in started if row.queued_dttm]
        minutes = Counter(int((end - self.begun).total_seconds() // 60) for end in ended)
        seconds = (max(ended) - self.begun).total_seconds()
        bad = [row for row in self.tasks if row.state not in ("success", "skipped")]
        return {
            "runs": (self.triggered, "runs triggered"),
            "tasks": (len(self.tasks), "task instances"),
            "seconds": (seconds, "s"),
            "tasks_per_second": (len(ended) / seconds, "tasks/s"),
            "busiest_minute_tasks_per_second": (max(minutes.values()) / 60, "tasks/s"),
            "failures_injected": (sum(injected(row.dag_id, row.task_id) for row in bad), "tasks"),
            "failures_not_injected": (sum(not injected(row.dag_id, row.task_id) for row in bad), "tasks"),
            "tries_again": (sum(row.try_number > 1 for row in self.tasks), "tasks"),
            **_percentiles("scheduled_to_start", waits, "s"),
            **_percentiles("queued_to_start", queued, "s"),
            **_percentiles("scheduler_loop", self.timers.get(LOOP, []), "ms"),
            **_percentiles("critical_section", self.timers.get(CRITICAL, []), "ms"),
            **{f"memory.{part.removeprefix('airflow-')}": (self.mib[part], "MiB, peak") for part in PARTS},
            **{f"cpu.{part.removeprefix('airflow-')}": (self.cpu[part], "CPU s") for part in PARTS},
        }


def _percentiles(name: str, values: Sequence[float], unit: str) -> dict[str, tuple[float, str]]:
    return {
        f"{name}_p50": (percentile(values, 50), unit),
        f"{name}_p99": (percentile(values, 99), unit),
        f"{name}_max": (max(values), unit),
    }


class Day:
    """A platform with the day's bundle, tables and workbooks on it."""

    def __init__(self, platform: LocalPlatform, mix: Mix, timers: StatsdTimers) -> None:
        self.platform, self.mix, self.timers = platform, mix, timers
        secrets = Secrets.of(platform.layout.secrets_file)
        self.url = sql_uri(platform.layout, secrets, "airflow", "postgresql+psycopg")
        self.engine = sa.create_engine(self.url, pool_size=1)

    def prepare(self, folder: Path) -> None:
        """Push the bundle, make tables and workbooks, let all DAGs run."""
        fleet = squads_fleet(self.mix.squads, self.mix.workbooks)
        _make(self.platform, fleet)
        sha = self.platform.push(squads_files(fleet, folder, broken=FAILING))
        self.platform.wait_for_version(sha, timeout_seconds=300)
        found = [dag["dag_id"] for dag in self.platform.api.items("dags", "dags")]
        if len(found) != DAGS:
            raise SupervisorError(f"the bundle has {len(found)} DAGs and not {DAGS}: {', '.join(sorted(found))}")
        for dag_id in found:
            self.platform.api.write("PATCH", f"dags/{dag_id}", {"is_paused": False})

    def play(self, name: str, seconds: float) -> Played:
        """Trigger every run at its time, wait until all have ended."""
        self.timers.clear()
        runs, begun, triggered = self.mix.runs(), dt.datetime.now(dt.UTC), 0
        start = time.monotonic()
        with Watch(self.platform.supervisor) as watch:
            for number, run in enumerate(runs):
                time.sleep(max(0.0, start + run.minute / MINUTES * seconds - time.monotonic()))
                body = {"dag_run_id": f"{name}__{number:05}", "logical_date": None, "conf": run.conf}
                self.platform.api.write("POST", f"dags/{run.dag_id}/dagRuns", body)
                triggered += 1
            self._end(name)
            timers = dict(self.timers.values)
        with self.engine.connect() as connection:
            tasks = connection.execute(sa.text(TASKS_OF), {"since": begun}).all()
            query = "SELECT dag_id, state FROM dag_run WHERE start_date >= :since OR queued_at >= :since"
            ended = connection.execute(sa.text(query), {"since": begun}).all()
        failed = Counter(row.dag_id for row in ended if row.state != "success")
        states = Counter(str(row.state) for row in ended)
        return Played(name, begun, triggered, states, failed, tasks, timers, watch.mib, watch.cpu)

    def _end(self, name: str) -> None:
        deadline = time.monotonic() + END_SECONDS
        while True:
            with self.engine.connect() as connection:
                left = connection.execute(sa.text(UNFINISHED), {"runs": f"{name}\\_\\_%"}).scalar_one()
            if not left:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} runs have not ended {END_SECONDS} s after the last trigger")
            time.sleep(1)


def _make(platform: LocalPlatform, fleet: Fleet) -> None:
    import httpx
    import snowflake.connector

    login = {"user": "drivetrain", "password": "drivetrain", "account": "drivetrain"}
    port = platform.layout.ports.snowflake
    with closing(snowflake.connector.connect(**login, host="127.0.0.1", port=port, protocol="http")) as connection:
        for statement in statements(fleet.tables):
            connection.cursor().execute(statement)
    with httpx.Client(base_url=f"{platform.sheets_url}/_control/", trust_env=False, timeout=60) as sheets:
        # A day's calls in minutes: its quotas are another benchmark's matter.
        off = dict.fromkeys(("project_reads", "project_writes", "user_reads", "user_writes"), 0)
        sheets.post("quotas", json=off).raise_for_status()
        for book in fleet.workbooks:
            body = {"spreadsheet_id": book.spreadsheet_id, "title": book.title, "share_with": list(SHEETS_ACCOUNTS)}
            sheets.post("spreadsheets", json=body).raise_for_status()


def main(
    seconds: float = typer.Option(2_400, help="How long the day lasts."),
    history: int = typer.Option(3_000_000, help="Task instances that the second day finds; 0: no second day."),
    quick: bool = typer.Option(False, help="A tenth of it; nothing is written."),
) -> None:
    """Run the benchmark and write benchmarks/results/platform.json."""
    mix = Mix(0.1 if quick else 1.0)
    seconds, history = (seconds / 10, min(history, 60_000)) if quick else (seconds, history)
    report = Report(
        "platform",
        {
            "day": f"{DAGS} DAGs, {len(mix.runs()):,} runs, played in {seconds:,.0f} s ({86_400 / seconds:.0f} times "
            "as fast), LocalExecutor with 8 places, tasks are those of the repository's DAGs on local servers",
            "injected": f"a broken spec of one squad, which fails in each of its {mix.failing_runs} runs",
            "history": f"{history:,} task instances in the metadata database before the second day",
        },
    )
    days: list[Played] = []
    with tempfile.TemporaryDirectory(prefix="platform-") as name, StatsdTimers(LOOP, CRITICAL) as timers:
        settings = timers.environment()
        with LocalPlatform(airflow=settings) as platform:
            day = Day(platform, mix, timers)
            typer.echo("preparing")
            day.prepare(Path(name) / "fleet")
            typer.echo(f"the day: {seconds:.0f} s")
            days.append(day.play("first", seconds))
            _tell(days[-1])
            if history:
                began = time.monotonic()
                fill(day.url, task_instances=history)
                typer.echo(f"{history:,} task instances made in {time.monotonic() - began:.0f} s; the day again")
                days.append(day.play("full", seconds))
                _tell(days[-1])
            day.engine.dispose()
    _summarize(report, mix, days)
    report.show(write=not quick)


def _tell(day: Played) -> None:
    for metric, (value, unit) in day.figures().items():
        typer.echo(f"  {metric:<36} {value:>10,.3f} {unit}")
    typer.echo(f"  runs by state: {dict(day.runs)}; not succeeded: {dict(day.failed)}")
    for row in day.tasks:
        if row.state not in ("success", "skipped") and not injected(row.dag_id, row.task_id):
            typer.echo(f"  {row.dag_id}.{row.task_id}: {row.state} at try {row.try_number}")


def _summarize(report: Report, mix: Mix, days: Sequence[Played]) -> None:
    for day in days:
        prefix = "" if day is days[0] else "with_history."
        figures = day.figures()
        report.metrics |= {
            f"{prefix}{name}": {"value": round(value, 3), "unit": unit} for name, (value, unit) in figures.items()
        }
        report.runs.append({"day": day.name, "runs_by_state": dict(day.runs), "failed_runs": dict(day.failed)})
        suffix = ", with the history" if prefix else ""
        goals = (("runs", ">=", round(RUNS * mix.share)), ("tasks", ">=", round(TASKS * mix.share)))
        report.targets += [Target(f"{name}{suffix}", op, goal, figures[name][0]) for name, op, goal in goals]
        unwanted = figures["failures_not_injected"][0]
        report.targets.append(Target(f"failures that were not injected{suffix}", "==", 0, unwanted))
        failed = sum(count for dag_id, count in day.failed.items() if dag_id != f"sheets_sync_{FAILING}")
        report.targets.append(Target(f"runs that failed without it{suffix}", "==", 0, failed))
        injected_failures = figures["failures_injected"][0]
        report.targets.append(Target(f"injected failures{suffix}", "==", mix.failing_runs, injected_failures))
    if len(days) > 1:
        loop = report.metrics["with_history.scheduler_loop_p50"]["value"]
        ratio = round(loop / report.metrics["scheduler_loop_p50"]["value"], 2)
        report.targets.append(Target("times as long a scheduler loop with the history, p50", "<=", 2, ratio))


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
