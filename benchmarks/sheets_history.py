"""The dispatch decision with a year of history: 2,500 syncs, 15,000 runs a day, 5.5 million rows.

An ordinary minute and the minute in which every sync is due, each from asking the registry to remembering what was
published. Usage: python -m benchmarks.sheets_history [--days N] [--repeats N]
"""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import typer

from benchmarks.frame import Report, Target, spread
from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.sheets.catalog import load_syncs, specs_version
from drivetrain.sheets.dispatch import KIND, decide_all
from drivetrain.sheets.dispatcher import dispatch
from drivetrain.sheets.schedule import last_due, next_due
from drivetrain.state.migrate import migrate
from drivetrain.state.partitions import ensure_months
from drivetrain.state.syncs import PostgresRegistry
from tests.support.postgres import database_url, running_postgres

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Engine

    from drivetrain.sheets.catalog import Sync

RUNS_A_DAY = 15_000
BUSY = dt.datetime(2026, 11, 24, 3, 30, tzinfo=dt.UTC)  # Tuesday, 09:00 in Kolkata: the fleet's busiest minute
MINUTE = dt.timedelta(minutes=1)

FILL = """
INSERT INTO sheet_runs
SELECT t.sync || '@' || t.at::text, t.at, t.sync, 'schedule', 1, t.at + interval '3 s', t.at + interval '4 s',
  CASE WHEN t.n % 97 = 0 THEN 'failed' WHEN t.n % 3 = 0 THEN 'written' ELSE 'unchanged' END, true, '',
  500, 0, 5, 0, 0, (t.n % 3 = 0)::int, 1, 2000
FROM (
  SELECT n, names[n % cardinality(names) + 1] AS sync, CAST(:day AS timestamptz) + n * interval '1 day' / :runs AS at
  FROM generate_series(0, :runs - 1) AS n, (SELECT array_agg(sync ORDER BY sync) AS names FROM sheet_syncs) s
) t
"""


def fill(engine: Engine, days: int) -> int:
    """A history of so many days up to BUSY; how many runs it has."""
    with engine.begin() as connection:
        ensure_months(connection, "sheet_runs", [BUSY - dt.timedelta(days=day) for day in range(days + 1)])
        # Indexes are made after the rows: five times as fast, and the same in the end.
        connection.execute(sa.text("ALTER TABLE sheet_runs DROP CONSTRAINT sheet_runs_pkey"))
        connection.execute(sa.text("DROP INDEX sheet_runs_by_sync"))
        for day in range(days, 0, -1):
            connection.execute(sa.text(FILL), {"day": BUSY - dt.timedelta(days=day), "runs": RUNS_A_DAY})
        connection.execute(sa.text("ALTER TABLE sheet_runs ADD PRIMARY KEY (job_key, due_at)"))
        connection.execute(sa.text("CREATE INDEX sheet_runs_by_sync ON sheet_runs (sync, due_at)"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
        return int(connection.execute(sa.text("SELECT count(*) FROM sheet_runs")).scalar() or 0)


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds, and the result."""
    begun = time.perf_counter()
    result = function()
    return (time.perf_counter() - begun) * 1000, result


class Bench:
    """One database with one fleet."""

    def __init__(self, engine: Engine, syncs: tuple[Sync, ...], version: str) -> None:
        self.engine, self.syncs, self.version = engine, syncs, version
        self.now = BUSY
        self.registry = PostgresRegistry(engine)
        self.queue = PostgresQueue(engine, kind=KIND, clock=lambda: self.now)
        self.next_due = {
            sync.spec.sync: next_due(sync.spec.schedule, BUSY - MINUTE) if sync.spec.schedule else None
            for sync in syncs
        }

    def reset(self, *, due_all: bool) -> None:
        """As a minute before BUSY, the queue empty; `due_all`: every sync has its time in that minute."""
        # A dispatcher that has just started: its process is a new one every minute.
        for cached in (next_due, last_due):
            cached.cache_clear()
        with self.engine.begin() as connection:
            connection.execute(sa.text("TRUNCATE jobs, job_groups"))
            if due_all:
                connection.execute(sa.text("UPDATE sheet_syncs SET cron = '30 3 * * *', timezone = 'UTC'"))
            values = "dispatched_until = :then, pending_since = NULL, next_due_at = :next"
            query = f"UPDATE sheet_syncs SET {values} WHERE sync = :sync"
            rows = [
                {
                    "then": BUSY - MINUTE,
                    "next": BUSY if due_all else self.next_due[sync.spec.sync],
                    "sync": sync.spec.sync,
                }
                for sync in self.syncs
            ]
            connection.execute(sa.text(query), rows)

    def round(self) -> dict[str, float]:
        """One round of dispatching."""
        ms, done = timed(lambda: dispatch(lambda: self.syncs, self.version, self.registry, self.queue, self.now))
        return {"round_ms": ms, "jobs": float(done.new)}

    def decision(self) -> dict[str, float]:
        """Asking and deciding alone."""
        asked, known = timed(lambda: self.registry.due(self.now))
        decided, _ = timed(lambda: decide_all(known, self.now))
        return {"ask_ms": asked, "decide_ms": decided}


def explained(bench: Bench) -> list[str]:
    """Postgres' own plan of what the decision asks, and its timing, in the minute in which all are due."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    bench.reset(due_all=True)
    sa.event.listen(bench.engine, "before_cursor_execute", note)
    try:
        bench.registry.due(bench.now)
    finally:
        sa.event.remove(bench.engine, "before_cursor_execute", note)
    (statement, parameters) = next(one for one in asked if "sheet_syncs" in one[0])
    with bench.engine.connect() as connection:
        return list(connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters).scalars())


def measure(bench: Bench, repeats: int) -> list[dict[str, Any]]:
    """Every case, several times; one round before as a warm-up."""
    runs = []
    for case in ("minute", "burst"):
        for repeat in range(-1, repeats):
            bench.reset(due_all=case == "burst")
            row = bench.decision() | bench.round()
            if repeat >= 0:
                runs.append({"case": case, "repeat": repeat, **row})
                typer.echo(f"{case:<8}" + "  ".join(f"{name} {value:8.1f}" for name, value in row.items()))
    return runs


def main(days: int = typer.Option(367, help="Of history, 15,000 runs each."), repeats: int = typer.Option(5)) -> None:
    """Run the benchmark and write benchmarks/results/sheets-history.json."""
    with tempfile.TemporaryDirectory() as folder, running_postgres(Path(folder) / "state") as connection:
        fleet = Path(folder) / "fleet"
        command = [sys.executable, "-m", "standins.fleet", "--out", str(fleet), "--syncs", "2500", "--seed", "7"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        syncs, version = load_syncs(fleet / "include"), specs_version(fleet / "include")
        engine = sa.create_engine(database_url(connection))
        migrate(engine)
        bench = Bench(engine, syncs, version)
        registered, _ = timed(lambda: bench.registry.register(syncs, BUSY - MINUTE, version=version))
        filled, rows = timed(lambda: fill(engine, days))
        typer.echo(
            f"{len(syncs)} syncs registered in {registered:.0f} ms, {rows:,} runs written in {filled / 1000:.0f} s"
        )
        runs = measure(bench, repeats)
        plan = explained(bench)
        typer.echo("\n".join(plan))
        prune_ms, months = timed(lambda: bench.registry.prune(before=BUSY - dt.timedelta(days=days - 62)))
        engine.dispose()
    report = Report(
        "sheets-history", {"minute": f"what of {len(syncs):,} syncs is due at 09:00", "burst": "all of them"}
    )
    report.runs = runs
    report.notes = ["Postgres on what the decision asks: " + "; ".join(line.strip() for line in plan if "Time" in line)]
    units = {"ask_ms": "ms", "decide_ms": "ms", "round_ms": "ms", "jobs": "jobs"}
    for case in ("minute", "burst"):
        for name, unit in units.items():
            report.metrics[f"{case}.{name}"] = spread([run[name] for run in runs if run["case"] == case], unit)
    report.metrics["history.rows"] = spread([float(rows)], "runs")
    report.metrics["prune.ms_a_month"] = spread([prune_ms / max(months, 1)], "ms")
    for case in ("minute", "burst"):
        value = report.metrics[f"{case}.ask_ms"]["value"] + report.metrics[f"{case}.decide_ms"]["value"]
        report.targets.append(
            Target(f"{case}: the dispatch decision with {rows:,} runs of history, ms", "<=", 500, value)
        )
    typer.echo(f"wrote {report.write()}" if days >= 367 else "a short history: not written")
    for target in report.targets:
        typer.echo(f"{'met    ' if target.met else 'NOT MET'} {target.metric}: {target.value:.1f} (<= {target.goal:g})")


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
