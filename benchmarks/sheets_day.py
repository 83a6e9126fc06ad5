"""A day of 2,500 sheets and 15,000 jobs, played in minutes: nothing lost, doubled or late, within Google's quota.

The schedule goes by a clock that is faster than the machine's (benchmarks.fleet_clock); Google's minute is as much
shorter. Everything else is real: workers, sockets, Postgres, Valkey. Between due times the warehouse's tables change.
Minutes in which nothing is due or waiting are not waited for.
Usage: python -m benchmarks.sheets_day [--quick]
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import typer

from benchmarks.fleet import RunningFleet, Size, described, drawn
from benchmarks.fleet_clock import MINUTE, PlayedClock
from benchmarks.fleet_ledger import DueTimes, ages, settle
from benchmarks.fleet_loads import ASSUMPTION, cadences, load
from benchmarks.fleet_servers import Quota
from benchmarks.frame import Report, Target, percentile, spread
from standins.fleet.schedules import ZONE

if TYPE_CHECKING:
    from benchmarks.fleet import Used
    from benchmarks.fleet_crew import Crew
    from benchmarks.fleet_ledger import Account, Age, Verdict
    from standins.fleet.fleet import Fleet

HOUR = 60 * MINUTE
# A Tuesday. The tables' first rows end two weeks before, so that no interval of this day has any of them.
DAY = dt.datetime(2026, 12, 8, tzinfo=ZoneInfo(ZONE)).astimezone(dt.UTC)
MINUTE_SECONDS = 1.2
# A call's way from its permission to Google's count takes what it takes, however short the minute is.
GRACE_SECONDS = 0.3
WORKERS = 2
RECORD = "sync, due_at, trigger, outcome, is_final, attempt, started_at, finished_at, read_calls, write_calls"


@dataclass
class Played:
    """What was seen while the day went by, a value a minute.

    Attributes:
        due: jobs that were due.
        waiting: jobs in the queue at the minute's beginning.
        behind: how many minutes late its round of dispatching was.
    """

    due: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)
    loads: int = 0
    skipped: int = 0
    seconds: float = 0.0


@dataclass
class Evidence:
    """What is known after the day.

    Attributes:
        records: of the registry, RECORD.
        ages: of the syncs' tabs, at their oldest.
    """

    played: Played
    account: Account
    records: list[Any]
    ages: list[Age]
    used: Used
    verdict: Verdict

    @property
    def late(self) -> list[Age]:
        """Those that were older than their objective."""
        return [age for age in self.ages if age.is_late]


def play(bench: RunningFleet, crew: Crew, clock: PlayedClock, due: DueTimes, seed: int) -> Played:
    """Let the day go by: minute by minute what is loaded, and what is due."""
    plan, played, begun = cadences(bench.fleet.tables, seed), Played(), time.monotonic()
    first = (due.begin - DAY) // MINUTE
    due_in = Counter((at - due.begin) // MINUTE for _, at in due)
    with closing(bench.servers.snowflake.connect()) as warehouse:
        clock.start()
        for minute in range((due.end - due.begin) // MINUTE):
            at = due.begin + minute * MINUTE
            loads = [(each.table, number) for each in plan if (number := each.number_at(first + minute)) is not None]
            if due_in[minute] or bench.waiting():
                clock.wait_until(at)
            else:
                clock.jump_to(at)
                played.skipped += 1
            for table, number in loads:
                load(warehouse, table, number, at)
            played.waiting.append(bench.waiting())
            played.behind.append((clock() - at) / MINUTE)
            # About that minute, even if it is later by now: what is loaded later is not for what is due before.
            bench.dispatch(at)
            crew.look_after()
            played.due.append(due_in[minute])
            played.loads += len(loads)
            if minute % 60 == 0:
                hour = f"{(first + minute) // 60:02}:00"
                typer.echo(f"{hour} after {time.monotonic() - begun:4.0f} s, {played.waiting[-1]} waiting")
        clock.wait_until(due.end)
        bench.drain(crew)
    played.seconds = time.monotonic() - begun
    return played


def run(fleet: Fleet, size: Size, minute_seconds: float, workers: int, hours: range) -> Report:
    """Fill the tabs, play these hours of the day, and compare all sheets with their queries."""
    from drivetrain.sheets.worker import WorkerSettings

    due = DueTimes.of(fleet, DAY + hours.start * HOUR, DAY + hours.stop * HOUR)
    with RunningFleet(fleet, Quota(minute_seconds, GRACE_SECONDS)) as bench:
        clock = PlayedClock(due.begin, minute_seconds, bench.context)
        bench.register(due.begin - MINUTE)
        settings = WorkerSettings(
            first_retry_seconds=15 / clock.factor,
            max_retry_seconds=600 / clock.factor,
            idle_seconds=60,
        )
        with bench.crew(clock, workers, settings) as crew:
            bench.publish_all(due.begin - MINUTE)
            bench.drain(crew)
            typer.echo(f"{len(bench.syncs):,} tabs are filled, {len(due):,} jobs are due from {due.begin} on")
            _look_long_ago(bench, size.seed)
            mark = bench.mark(crew)
            played = play(bench, crew, clock, due, size.seed)
            used, records = bench.since(mark, crew), bench.history(RECORD)
            objectives = {sync.spec.sync: sync.spec.freshness_objective for sync in bench.syncs}
            # What was loaded after a sync's last due time is still to come: one more run of each, then all is compared.
            bench.publish_all(clock())
            bench.drain(crew)
            oldest = ages(objectives, due.end, records)
            evidence = Evidence(played, settle(due, records), records, oldest, used, bench.verify(due))
        report = Report("sheets-day", _load_text(bench, clock, size, workers, due))
        report.runs = series(evidence, clock, due)
        _metrics(report, bench, crew, clock, evidence)
        _targets(report, bench, crew, due, evidence)
    return report


def _look_long_ago(bench: RunningFleet, seed: int) -> None:
    """As if the tabs had been looked at last at any time of the day before, and not all right before the day."""
    earlier = "UPDATE sheet_memory SET checked_at = checked_at - random() * interval '24 hours'"
    with bench.engine.begin() as connection:
        connection.execute(sa.text(f"SELECT setseed({seed / 1_000})"))
        connection.execute(sa.text(earlier))


def series(evidence: Evidence, clock: PlayedClock, due: DueTimes) -> list[dict[str, Any]]:
    """For the plot: numbers of each minute of the day, in one text a series."""
    found = {"due": evidence.played.due, "waiting": evidence.played.waiting}
    ended = Counter(
        (record.finished_at - due.begin) // MINUTE for record in evidence.records if record.trigger == "schedule"
    )
    minutes = range((due.end - due.begin) // MINUTE)
    found["done"] = [ended[minute] for minute in minutes]
    for kind in ("read", "write"):
        made = Counter(
            int(clock.of(dt.datetime.fromisoformat(call["at"]).timestamp()))
            for call in evidence.used.calls
            if call["kind"] == kind
        )
        found[f"{kind}s"] = [made[minute] for minute in minutes]
    return [{"series": name, "by_minute": " ".join(map(str, values))} for name, values in found.items()]


def _load_text(bench: RunningFleet, clock: PlayedClock, size: Size, workers: int, due: DueTimes) -> dict[str, Any]:
    return {
        "fleet": f"{described(bench.fleet, size)}, {len(due):,} due times",
        "clock": (
            f"a minute of the day lasts {clock.minute_seconds:g} s, {clock.factor:.0f} times as fast, and so does "
            "Google's minute of 300 calls a project and 60 an account, 5 accounts; minutes with nothing due or waiting"
            " are skipped"
        ),
        "changes": ASSUMPTION,
        "workers": f"{workers} processes of 8 threads",
    }


def _metrics(report: Report, bench: RunningFleet, crew: Crew, clock: PlayedClock, evidence: Evidence) -> None:
    account, played = evidence.account, evidence.played
    done, lags = max(account.done, 1), account.lags or [0.0]
    calls = Counter(call["kind"] for call in evidence.used.calls)
    spent, statements = evidence.used.spent, evidence.used.statements

    def put(name: str, value: float, unit: str) -> None:
        report.metrics[name] = spread([value], unit)

    for outcome, count in sorted(account.outcomes.items()):
        put(f"jobs.{outcome}", count, "jobs")
    put("jobs.tried_again", account.attempts, "tries")
    for share in (50, 99, 100):
        put(f"lag.p{share}", percentile(lags, share), "min of the day")
        put(f"lag.p{share}_real", percentile(lags, share) * clock.minute_seconds, "s")
    put("age.oldest_of_its_objective", max(age.share for age in evidence.ages), "of 1")
    put("calls.reads", calls["read"], "calls")
    put("calls.writes", calls["write"], "calls")
    put("queries.results_per_job", (statements["SELECT"] + statements["WITH"]) / done, "queries")
    put("queries.catalog_per_job", statements["CATALOG"] / done, "queries")
    for name, seconds in (
        ("workers", spent.workers),
        ("dispatcher", spent.dispatcher),
        ("local_servers", spent.of_servers),
    ):
        put(f"cpu.{name}_per_1000_jobs", seconds / done * 1000, "s")
    put("cpu.share_of_the_machine", spent.all / played.seconds / (os.cpu_count() or 1), "of 1")
    put("memory.peak_of_a_worker", crew.peak_mib, "MiB")
    put("dispatch.longest_round", bench.rounds.longest_ms, "ms")
    put("dispatch.latest_round", max(played.behind), "min of the day")
    put("dispatch.reading_the_files", bench.version_ms, "ms")
    put("play.seconds", played.seconds, "s")
    put("play.minutes_skipped", played.skipped, "min of the day")
    put("play.loads", played.loads, "loads")
    put("sheets.cells_compared", evidence.verdict.cells, "cells")


def _targets(report: Report, bench: RunningFleet, crew: Crew, due: DueTimes, evidence: Evidence) -> None:
    account, verdict = evidence.account, evidence.verdict
    refused = sum(call["status"] == 429 for call in evidence.used.calls)
    per_job = round(len(evidence.used.calls) / max(account.done, 1), 3)
    report.targets = [
        Target("jobs done of those that were due", "==", len(due), account.done),
        Target("jobs lost", "==", 0, len(account.lost)),
        Target("runs that nobody was due for", "==", 0, len(account.unasked)),
        Target("rows that an append added twice", "==", 0, verdict.doubled),
        Target("syncs late beyond their objective", "==", 0, len(evidence.late)),
        Target("answers of 429", "==", 0, refused),
        Target("API calls per job", "<=", 1.3, per_job),
        Target("sheets that say what their query says", "==", len(bench.syncs), verdict.equal),
        Target("workers that crashed", "==", 0, len(crew.crashed)),
    ]
    for line in (*verdict.different[:5], *evidence.late[:5], *account.lost[:5]):
        typer.echo(str(line))


def main(
    minute_seconds: float = typer.Option(MINUTE_SECONDS, help="How long a minute of the day lasts."),
    scale: float = typer.Option(0.1, help="Of the rows of tables and results."),
    workers: int = typer.Option(WORKERS, help="Processes of 8 threads."),
    quick: bool = typer.Option(default=False, help="100 syncs, small tables, three hours; writes no result."),
) -> None:
    """Run the benchmark and write benchmarks/results/sheets-day.json."""
    size = Size(100, 0.02) if quick else Size(scale=scale)
    hours = range(9, 12) if quick else range(24)
    report = run(drawn(size), size, minute_seconds, workers, hours)
    report.show(write=not quick)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
