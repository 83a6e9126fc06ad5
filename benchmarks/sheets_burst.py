"""All 2,500 syncs due in the same minute, within Google's quota: how close to the quota's own bound they end.

First every tab is new; a day later every row has changed. The bound is the shortest time in which the calls that are
needed can be made if no minute has more than the quota: a minute's worth at once, then a minute's worth each minute.
Usage: python -m benchmarks.sheets_burst [--quick]
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

from benchmarks.fleet import RunningFleet, Size, described, drawn
from benchmarks.fleet_clock import MINUTE, PlayedClock
from benchmarks.fleet_ledger import DueTimes, settle
from benchmarks.fleet_loads import load
from benchmarks.fleet_servers import Quota
from benchmarks.frame import Report, Target, spread
from standins.fleet.schedules import ZONE, Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.fleet_crew import Crew
    from benchmarks.fleet_ledger import Verdict
    from standins.fleet.fleet import Fleet

NINE = Schedule((0,), (9,))
BEGIN = dt.datetime(2026, 12, 8, 9, tzinfo=ZoneInfo(ZONE)).astimezone(dt.UTC)
DAY = dt.timedelta(days=1)
WORKERS = 2
PER_ACCOUNT, PER_PROJECT = 60, 300
RECORD = "sync, due_at, trigger, outcome, is_final, attempt, started_at, finished_at"


@dataclass(frozen=True)
class Needed:
    """Calls that nobody could do without: a look at each workbook, and its writes.

    Attributes:
        by_account: calls of each account, by kind.
    """

    by_account: Mapping[str, Counter[str]]

    @staticmethod
    def of(calls: Sequence[Mapping[str, Any]]) -> Needed:
        """From what was called. A workbook that was looked at twice, since its plan got too old, needed one look."""
        books: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for call in calls:
            if call["status"] == 200:
                books[call["account"], call["spreadsheet_id"]][_what(call)] += 1
        by_account: dict[str, Counter[str]] = defaultdict(Counter)
        for (account, _), made in books.items():
            looks = max(made["look"], 1)
            by_account[account]["read"] += (made["look"] + made["cells"]) // looks
            by_account[account]["write"] += made["write"]
        return Needed(by_account)

    def total(self, kind: str) -> int:
        """Of all accounts."""
        return sum(counts[kind] for counts in self.by_account.values())

    def least_minutes(self, share: float = 1.0) -> int:
        """Whole minutes that have to pass between the first call and the last, with so much of the quota."""
        waits = [0]
        for kind in ("read", "write"):
            waits.append(_waits(self.total(kind), PER_PROJECT * share))
            waits += [_waits(counts[kind], PER_ACCOUNT * share) for counts in self.by_account.values()]
        return max(waits)


def _waits(calls: int, limit: float) -> int:
    return max(math.ceil(calls / limit) - 1, 0)


def _what(call: Mapping[str, Any]) -> str:
    if call["kind"] == "write":
        return "write"
    return "look" if call["method"] == "spreadsheets.get" else "cells"


@dataclass
class Case:
    """One burst.

    Attributes:
        share: of the quota that these jobs may spend; the rest is kept for those that people wait for.
        seconds: from the dispatch to the last job's end.
        done_at: seconds after the dispatch at which jobs ended, in their order.
    """

    name: str
    share: float
    seconds: float
    calls: list[dict[str, Any]]
    done_at: list[float]
    done: int
    lost: int
    cores: float

    @property
    def refused(self) -> int:
        """Answers of 429."""
        return sum(call["status"] == 429 for call in self.calls)


def burst(bench: RunningFleet, crew: Crew, clock: PlayedClock, name: str, at: dt.datetime, quota: Quota) -> Case:
    """Dispatch all at once, and wait until all are done."""
    due = DueTimes.of(bench.fleet, at, at + MINUTE)
    mark = bench.mark(crew)
    clock.jump_to(at)
    begun, wall = time.monotonic(), time.time()
    bench.dispatch(clock())
    bench.drain(crew, seconds=600)
    seconds = time.monotonic() - begun
    used = bench.since(mark, crew)
    records = [record for record in bench.history(RECORD) if record.due_at == at]
    account = settle(due, records)
    began = clock.of(wall)
    ends = sorted(((record.finished_at - clock.begin) / MINUTE - began) * clock.minute_seconds for record in records)
    busy = used.spent.all / seconds
    case = Case(name, 1 - quota.reserve_share, seconds, used.calls, ends, account.done, len(account.lost), busy)
    typer.echo(f"{name}: {case.done:,} jobs in {seconds:.1f} s, {len(case.calls):,} calls, {busy:.2f} cores busy")
    return case


def run(fleet: Fleet, size: Size, quota: Quota) -> Report:
    """Both cases, and all sheets compared at the end."""
    from drivetrain.sheets.worker import WorkerSettings

    with RunningFleet(fleet, quota) as bench:
        clock = PlayedClock(BEGIN - MINUTE, quota.minute_seconds, bench.context)
        bench.register(BEGIN - MINUTE)
        clock.start()
        with bench.crew(clock, WORKERS, WorkerSettings(idle_seconds=60)) as crew:
            bench.until_ready(crew)
            cases = [burst(bench, crew, clock, "every tab new", BEGIN, quota)]
            rested = time.monotonic() + quota.minute_seconds + quota.grace_seconds
            with closing(bench.servers.snowflake.connect()) as warehouse:
                for table in bench.fleet.tables:
                    load(warehouse, table, 0, BEGIN + MINUTE, all_rows=True)
            # The minute that the first burst spent has to pass.
            time.sleep(max(rested - time.monotonic(), 0))
            cases.append(burst(bench, crew, clock, "every row changed", BEGIN + DAY, quota))
        verdict = bench.verify(DueTimes.of(fleet, BEGIN, BEGIN + 2 * DAY))
        return summarize(bench, size, quota, cases, verdict)


def summarize(bench: RunningFleet, size: Size, quota: Quota, cases: Sequence[Case], verdict: Verdict) -> Report:
    """Both times of each case, and what they are made of."""
    minute = quota.minute_seconds
    report = Report(
        "sheets-burst",
        {
            "fleet": f"{described(bench.fleet, size)}, all due at 09:00",
            "quota": (
                f"{PER_PROJECT} reads and {PER_PROJECT} writes a minute for the project, {PER_ACCOUNT} of each for each"
                f" of 5 accounts, on a server whose minute lasts {minute:g} s; {quota.reserve_share:.0%} of it are kept"
                " for those that people wait for (`sheets_quota.reserve_share`, by default 20%)"
            ),
            "workers": f"{WORKERS} processes of 8 threads",
        },
    )
    for case in cases:
        needed, name = Needed.of(case.calls), case.name.replace(" ", "_").replace(",", "")
        bound = needed.least_minutes(case.share) * minute
        kinds = Counter(call["kind"] for call in case.calls)
        put = {
            "seconds": (case.seconds, "s"),
            "bound_seconds": (bound, "s"),
            "minutes": (case.seconds / minute, "min of the quota"),
            "bound_minutes": (bound / minute, "min of the quota"),
            "reads_needed": (needed.total("read"), "calls"),
            "reads_made": (kinds["read"], "calls"),
            "writes_needed": (needed.total("write"), "calls"),
            "writes_made": (kinds["write"], "calls"),
            "over_bound": (case.seconds / bound if bound else 1.0, "times"),
            "cores_busy": (case.cores, "cores"),
        }
        report.metrics |= {f"{name}.{metric}": spread([value], unit) for metric, (value, unit) in put.items()}
        kept = "" if case.share == 1 else f", with the {case.share:.0%} of it that these jobs may spend"
        # No goal for the first: every tab is new once in a fleet's life. It takes 1.4 times its bound, since threads
        # sleep for the accounts whose minute is used up first, while others have room.
        if bound and case is cases[-1]:
            ratio = round(case.seconds / bound, 3)
            report.targets.append(Target(f"{case.name}: time over the quota's own bound{kept}", "<=", 1.1, ratio))
        report.targets += [
            Target(f"{case.name}: jobs done", "==", len(bench.syncs), case.done),
            Target(f"{case.name}: answers of 429", "==", 0, case.refused),
        ]
        ends = [f"{second:.1f}" for second in case.done_at]
        limits = {"needed": needed.total("read"), "share": case.share, "minute_seconds": minute, "bound_seconds": bound}
        report.runs.append({"case": case.name, "seconds": round(case.seconds, 2), **limits, "done_at": " ".join(ends)})
    report.targets.append(Target("sheets that say what their query says", "==", len(bench.syncs), verdict.equal))
    for line in verdict.different[:5]:
        typer.echo(line)
    return report


def main(
    minute_seconds: float = typer.Option(60.0, help="How long the quota's minute lasts; Google's lasts 60 s."),
    scale: float = typer.Option(0.1, help="Of the rows of tables and results."),
    reserve: float = typer.Option(0.0, help="Share of the quota that is kept for those that people wait for."),
    quick: bool = typer.Option(default=False, help="100 syncs and a minute of 4 s; writes no result."),
) -> None:
    """Run the benchmark and write benchmarks/results/sheets-burst.json."""
    size = Size(100, 0.02) if quick else Size(scale=scale)
    fleet = drawn(size, lambda _: NINE)
    quota = Quota(4.0, 0.3, reserve) if quick else Quota(minute_seconds, reserve_share=reserve)
    run(fleet, size, quota).show(write=not quick)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
