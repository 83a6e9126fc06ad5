"""Jobs a second with the quotas off: worker processes that drain a queue, against one Airflow task a job.

Syncs of 500 x 10 cells, ten tabs a workbook, three rounds: the first fills every tab, the second finds 1 % of all rows
changed, the third finds that nothing changed. The usual way, SQLToGoogleSheetsOperator in a task of its own for each
sync, runs afterwards on a real Airflow of this machine. The local servers share the two cores with what they serve.
Usage: python -m benchmarks.sheets_throughput [--syncs N] [--repeats N]
"""

from __future__ import annotations

import datetime as dt
import itertools
import time
from typing import TYPE_CHECKING, Any

import typer

from benchmarks import sheets_naive
from benchmarks.fleet import RunningFleet
from benchmarks.fleet_clock import PlayedClock
from benchmarks.fleet_loads import load
from benchmarks.fleet_uniform import COLUMNS, uniform
from benchmarks.frame import Report, Target, spread

if TYPE_CHECKING:
    from benchmarks.fleet_crew import Crew

ROWS, TABS = 500, 10
PROCESSES = 2
SETTLED_SECONDS = 3  # a table that has just changed is no table whose version is known, see hooks.snowflake_versions
STEPS = ("first", "changed", "unchanged")
BEGIN = dt.datetime(2026, 11, 24, 3, 30, tzinfo=dt.UTC)


def ours(syncs: int, threads: int, repeats: int) -> list[dict[str, Any]]:
    """Every step: jobs a second, calls and CPU a job."""
    from drivetrain.sheets.worker import WorkerSettings

    rows = []
    with RunningFleet(uniform(syncs, rows=ROWS, tabs=TABS)) as fleet:
        clock = PlayedClock(BEGIN, 60, fleet.context)
        clock.start()
        fleet.register(clock())
        settings = WorkerSettings(threads=threads, budget_seconds=5, idle_seconds=1, poll_seconds=0.05)
        with fleet.crew(clock, PROCESSES, settings) as crew:
            loads = itertools.count()
            for repeat in range(repeats):
                for step in STEPS if not repeat else STEPS[1:]:
                    if step == "changed":
                        number = next(loads)
                        for table in fleet.fleet.tables:
                            with fleet.servers.snowflake.connect() as connection:
                                load(connection, table, number, clock())
                        time.sleep(SETTLED_SECONDS)
                    row = {"repeat": repeat, "step": step, **_round(fleet, crew, clock())}
                    typer.echo(
                        f"{repeat} {step:<10}{row['jobs_per_second']:8.1f} jobs/s  "
                        + "  ".join(f"{name} {row[name]:.2f}" for name in PER_JOB)
                    )
                    rows.append(row)
    return rows


SERVERS = {"snowflake_ms": "standins.snowflake", "sheets_ms": "standins.sheets", "postgres_ms": "postgres"}
PER_JOB = ("worker_ms", *SERVERS, "calls", "queries")


def _round(fleet: RunningFleet, crew: Crew, at: dt.datetime) -> dict[str, Any]:
    """A job for every sync, from the publication to the last acknowledgement."""
    jobs, mark = len(fleet.syncs), fleet.mark(crew)
    begun = time.perf_counter()
    fleet.publish_all(at)
    fleet.drain(crew)
    seconds = time.perf_counter() - begun
    used = fleet.since(mark, crew)
    servers = {name: used.spent.servers.get(process, 0.0) * 1000 / jobs for name, process in SERVERS.items()}
    ended = fleet.history("outcome, count(*)", f"due_at = '{at.isoformat()}' GROUP BY outcome")
    return {
        "jobs": jobs,
        "seconds": seconds,
        "jobs_per_second": jobs / seconds,
        "outcomes": dict(ended),
        "worker_ms": used.spent.workers * 1000 / jobs,
        **servers,
        "calls": sum(call["kind"] in ("read", "write") for call in used.calls) / jobs,
        "queries": used.statements["SELECT"] / jobs,
    }


def main(
    syncs: int = typer.Option(1_200),
    threads: int = typer.Option(2, help="Of each of the two processes; on two cores more wait for each other."),
    repeats: int = typer.Option(3),
    naive_jobs: int = typer.Option(60),
    naive_parallel: int = typer.Option(8, help="Tasks at a time: as many as the local platform has places for."),
) -> None:
    """Run the benchmark and write benchmarks/results/sheets-throughput.json."""
    report = Report(
        "sheets-throughput",
        {
            "ours": f"{syncs:,} syncs of {ROWS} x {len(COLUMNS) + 1}, {TABS} tabs a workbook, {PROCESSES} worker "
            f"processes of {threads} threads",
            "naive": f"{naive_jobs} tasks of SQLToGoogleSheetsOperator, {naive_parallel} at a time, LocalExecutor",
        },
    )
    report.runs = ours(syncs, threads, repeats)
    naive = sheets_naive.measure(naive_jobs, naive_parallel) if naive_jobs else None
    for step in STEPS:
        rows = [row for row in report.runs if row["step"] == step]
        report.metrics[f"{step}.jobs_per_second"] = spread([row["jobs_per_second"] for row in rows], "jobs/s")
        for name in PER_JOB:
            unit = "ms of CPU a job" if name.endswith("_ms") else "a job"
            report.metrics[f"{step}.{name}"] = spread([row[name] for row in rows], unit)
    changed = report.metrics["changed.jobs_per_second"]["value"]
    report.targets = [Target("jobs a second of which 1 % of the rows changed", ">=", 60, changed)]
    if naive is not None:
        typer.echo(f"naive {naive['jobs_per_second']:.2f} jobs/s ({naive['jobs']} in {naive['seconds']:.0f} s)")
        report.peers["one Airflow task a job"] = {
            "version": "SQLToGoogleSheetsOperator, LocalExecutor",
            "metrics": {"jobs_per_second": spread([naive["jobs_per_second"]], "jobs/s")},
        }
        report.runs.append({"contender": "one Airflow task a job", **naive})
        ratio = round(changed / naive["jobs_per_second"], 1)
        report.targets.append(Target("times as many jobs a second as one Airflow task a job", ">=", 30, ratio))
        typer.echo(f"wrote {report.write()}")
    for target in report.targets:
        typer.echo(
            f"{'met    ' if target.met else 'NOT MET'} {target.metric}: {target.value} ({target.op} {target.goal})"
        )


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
