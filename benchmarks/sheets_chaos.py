"""Several rounds of due times while everything that can fail does, and at the end every sheet as its query says.

Workers are killed, Valkey and the queue are killed and started again, a tenth of all calls of Google Sheets fails and
for two minutes all of them do. Once with the queue in Postgres, once in Google's Pub/Sub emulator.
Usage: python -m benchmarks.sheets_chaos [--queue postgres|pubsub] [--seed N] [--quick]
"""

from __future__ import annotations

import datetime as dt
import heapq
import random
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
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
    from collections.abc import Sequence

    from benchmarks.fleet_crew import Crew
    from benchmarks.fleet_ledger import Account, Verdict

BEGIN = dt.datetime(2026, 12, 8, 9, tzinfo=ZoneInfo(ZONE)).astimezone(dt.UTC)
MINUTES = 25
MINUTE_SECONDS = 5.0
GRACE_SECONDS = 0.4
EVERY = 5  # minutes between two due times of a sync, and between two loads of a table
WORKERS = 3
TIMEOUT_SECONDS = 3.0  # for an answer of Google Sheets
KILL_EVERY = (4.0, 9.0)  # seconds between two kills, drawn from this range
AWAY_SECONDS = 3.0  # how long Valkey and Pub/Sub are away
DOWN_MINUTES = 2
# Of all calls; together a tenth.
FAULTS = {
    "429": 0.03,
    "503": 0.03,
    "500": 0.01,
    "timeout_before": 0.01,
    "timeout_after": 0.01,
    "reset_after": 0.01,
}
RECORD = "sync, due_at, trigger, outcome, is_final, attempt, started_at, finished_at"
QUIET_SECONDS = 75.0  # longer than Pub/Sub keeps a message of a worker that died from the others
DRAIN_SECONDS = 240.0


@dataclass
class Havoc:
    """What was done to whom, and when.

    Attributes:
        events: (seconds after the beginning, what).
        revived: dead letters that were put back at the end, as the runbook says.
        lost_with_the_queue: due times whose jobs were in Pub/Sub's emulator when it was restarted: it keeps nothing.
            They were published again at the end.
        different_before: sheets that were not as their query says until then. Of the others later due times had done
            the work.
    """

    events: list[tuple[float, str]] = field(default_factory=list)
    revived: int = 0
    lost_with_the_queue: int = 0
    different_before: int = 0

    def count(self, what: str) -> int:
        """How often it happened."""
        return sum(name == what for _, name in self.events)


def schedule(number: int) -> Schedule:
    """Every five minutes, each fifth of the syncs at another minute."""
    return Schedule(tuple(range(number % EVERY, 60, EVERY)), tuple(range(24)))


def plan(seed: int, seconds: float, *, pubsub: bool) -> list[tuple[float, str]]:
    """What happens when, in seconds."""
    draw = random.Random(f"{seed}/havoc")
    queue = "pubsub" if pubsub else "postgres"
    at, found = draw.uniform(*KILL_EVERY), []
    while at < seconds:
        found.append((at, "worker"))
        at += draw.uniform(*KILL_EVERY)
    for share, what in ((0.15, "valkey"), (0.3, queue), (0.45, "sheets"), (0.65, "valkey"), (0.8, queue)):
        found.append((seconds * (share + draw.uniform(-0.04, 0.04)), what))
    return sorted(found)


class Chaos:
    """One run."""

    def __init__(self, bench: RunningFleet, crew: Crew, clock: PlayedClock, seed: int, minutes: int) -> None:
        self.bench, self.crew, self.clock, self.seed, self.minutes = bench, crew, clock, seed, minutes
        self.draw = random.Random(f"{seed}/victims")
        self.havoc = Havoc()
        self.looks = range(0)  # numbers of calls that compared sheets with queries, which are nobody's work
        self._began = 0.0
        self._later: list[tuple[float, str]] = []

    def play(self) -> None:
        """Let the rounds go by. Loads end a round before the due times do, so that the last one sees all of them."""
        bench, clock = self.bench, self.clock
        for number, (kind, share) in enumerate(FAULTS.items()):
            bench.servers.sheets.fault(kind, share=share, seed=self.seed + number)
        with closing(bench.servers.snowflake.connect()) as warehouse, ThreadPoolExecutor(1) as dispatcher:
            clock.start()
            self._began = time.monotonic()
            self._later = plan(self.seed, self.minutes * clock.minute_seconds, pubsub=bench.pubsub)
            round_: Future[int] | None = None
            for minute in range(self.minutes):
                self._havoc_until(minute * clock.minute_seconds)
                at = BEGIN + minute * MINUTE
                if minute < self.minutes - EVERY:
                    for table in bench.fleet.tables[minute % EVERY :: EVERY]:
                        load(warehouse, table, minute // EVERY, at)
                # One round at a time, as Airflow makes them: where the queue is away a round waits for it.
                if round_ is None or round_.done():
                    if round_ is not None:
                        round_.result()  # raises what it should not have
                    round_ = dispatcher.submit(bench.dispatch, at)
                typer.echo(f"  minute {minute + 1:2} of {self.minutes}: {self._said()}")
            self._havoc_until(self.minutes * clock.minute_seconds)
            while self._later:
                self._strike(heapq.heappop(self._later)[1])
        bench.servers.sheets.clear_faults()
        bench.dispatch(BEGIN + (self.minutes - 1) * MINUTE)

    def _havoc_until(self, seconds: float) -> None:
        while True:
            self.crew.look_after()
            now = time.monotonic() - self._began
            upto = min(seconds, self._later[0][0]) if self._later else seconds
            if upto > now:
                time.sleep(min(upto - now, 0.25))
            elif self._later and self._later[0][0] <= now:
                self._strike(heapq.heappop(self._later)[1])
            else:
                return

    def _strike(self, what: str) -> None:
        servers, now = self.bench.servers, time.monotonic() - self._began
        self.havoc.events.append((round(now, 1), what))
        if what == "worker":
            self.crew.kill_one(self.draw)
        elif what == "postgres":
            servers.postgres.kill()
            servers.postgres.start()
        elif what == "sheets":
            servers.sheets.down(DOWN_MINUTES * self.clock.minute_seconds)
        elif what == "valkey" and servers.valkey is not None:
            servers.valkey.kill()
            heapq.heappush(self._later, (now + AWAY_SECONDS, "valkey is back"))
        elif what == "valkey is back" and servers.valkey is not None:
            servers.valkey.start()
        elif what == "pubsub" and servers.pubsub is not None:
            servers.pubsub.stop()
            heapq.heappush(self._later, (now + AWAY_SECONDS, "pubsub is back"))
        elif what == "pubsub is back" and servers.pubsub is not None:
            servers.pubsub.start()
            self.bench.ensure_queue()

    def _said(self) -> str:
        counted = Counter(name for _, name in self.havoc.events)
        return ", ".join(f"{name} {count}" for name, count in sorted(counted.items())) or "nothing yet"

    def settle(self, due: DueTimes) -> Account:
        """Wait until nothing is left to do, and put back what was given up."""
        account = self._wait(due)
        while letters := self.bench.queue.dead_letters(limit=1_000):
            self.havoc.revived += self.bench.queue.revive([letter.key for letter in letters])
            account = self._wait(due)
        if account.lost and self.bench.pubsub:
            self.havoc.lost_with_the_queue = len(account.lost)
            first = self.bench.last_call() + 1
            self.havoc.different_before = len(self.bench.verify(due).different)
            self.looks = range(first, self.bench.last_call() + 1)
            self.bench.publish(account.lost)
            account = self._wait(due)
        return account

    def _wait(self, due: DueTimes) -> Account:
        """Until the queue is empty. Pub/Sub can't tell: until all is done, or nothing has ended for QUIET_SECONDS."""
        moved, done, deadline = time.monotonic(), -1, time.monotonic() + DRAIN_SECONDS
        while True:
            self.crew.look_after()
            is_empty = not self.bench.pubsub and not self.bench.waiting()
            account, now = settle(due, self.bench.history(RECORD)), time.monotonic()
            if account.done > done:
                moved, done = now, account.done
            is_quiet = self.bench.pubsub and (not account.lost or now - moved > QUIET_SECONDS)
            if is_empty or is_quiet or now > deadline:
                return account
            time.sleep(0.25)


@dataclass
class Outcome:
    """What is known after a run.

    Attributes:
        drained_seconds: from the last due time until nothing was left to do.
    """

    queue: str
    havoc: Havoc
    account: Account
    verdict: Verdict
    calls: list[dict[str, Any]]
    failed_rounds: int
    crashed: list[int]
    drained_seconds: float
    timeline: dict[str, str]


def run(size: Size, seed: int, minutes: int, *, pubsub: bool) -> Outcome:
    """Play the rounds, let all end, and compare all sheets with their queries."""
    from drivetrain.sheets.worker import WorkerSettings

    fleet = drawn(size, schedule)
    due = DueTimes.of(fleet, BEGIN, BEGIN + minutes * MINUTE)
    quota = Quota(MINUTE_SECONDS, GRACE_SECONDS)
    with RunningFleet(fleet, quota, pubsub=pubsub, timeout_seconds=TIMEOUT_SECONDS) as bench:
        clock = PlayedClock(BEGIN, MINUTE_SECONDS, bench.context)
        bench.register(BEGIN - MINUTE)
        settings = WorkerSettings(
            threads=6,
            lease_seconds=20,
            write_seconds=2 * TIMEOUT_SECONDS,
            first_retry_seconds=15 / clock.factor,
            max_retry_seconds=60 / clock.factor,
            idle_seconds=5,
            poll_seconds=0.2,
        )
        mark_call = bench.last_call()
        with bench.crew(clock, WORKERS, settings, look_again_seconds=1 / clock.factor) as crew:
            chaos = Chaos(bench, crew, clock, seed, minutes)
            chaos.play()
            ended = time.monotonic()
            account = chaos.settle(due)
            drained = time.monotonic() - ended
            calls = [call for call in bench.calls(mark_call) if call["n"] not in chaos.looks]
            verdict = bench.verify(due)
        timeline = _timeline(bench, due, clock, calls, minutes)
        for line in (*verdict.different[:5], *map(str, account.lost[:5])):
            typer.echo(line)
        return Outcome(
            "pubsub" if pubsub else "postgres",
            chaos.havoc,
            account,
            verdict,
            calls,
            bench.rounds.failed,
            crew.crashed,
            drained,
            timeline,
        )


def _timeline(
    bench: RunningFleet, due: DueTimes, clock: PlayedClock, calls: Sequence[dict[str, Any]], minutes: int
) -> dict[str, str]:
    """By second of the run: jobs that were due and not done yet, calls that were answered, and calls that failed."""
    length = int(minutes * clock.minute_seconds * 1.5)
    change = Counter(int((at - due.begin) / MINUTE * clock.minute_seconds) for _, at in due)
    for record in bench.history(RECORD):
        if record.trigger == "schedule":
            change[int((record.finished_at - due.begin) / MINUTE * clock.minute_seconds)] -= 1
    waiting, left = [], 0
    for second in range(length):
        left += change[second]
        waiting.append(left)
    found = {"waiting": waiting}
    for name, is_good in (("answered", True), ("failed", False)):
        made = Counter(
            int(clock.of(dt.datetime.fromisoformat(call["at"]).timestamp()) * clock.minute_seconds)
            for call in calls
            if (call["status"] == 200) is is_good
        )
        found[name] = [made[second] for second in range(length)]
    return {name: " ".join(map(str, values)) for name, values in found.items()}


def summarize(size: Size, seed: int, minutes: int, outcomes: Sequence[Outcome]) -> Report:
    """What was done to each run, and what became of it."""
    report = Report(
        "sheets-chaos",
        {
            "fleet": f"{described(drawn(size), size)}, each due every {EVERY} minutes for {minutes} minutes",
            "clock": (
                f"a minute lasts {MINUTE_SECONDS:g} s, {60 / MINUTE_SECONDS:.0f} times as fast, Google's minute, leases"
                " and waits before a retry likewise"
            ),
            "havoc": (
                f"by seed {seed}. One of {WORKERS} workers is killed every {KILL_EVERY[0]:g} to {KILL_EVERY[1]:g} s; "
                f"Valkey is away for {AWAY_SECONDS:g} s twice; Postgres is killed twice, or Pub/Sub's emulator is away"
                f" for {AWAY_SECONDS:g} s twice and has lost everything then; Google Sheets is down for {DOWN_MINUTES}"
                " minutes, and of all other calls fail: "
                + ", ".join(f"{kind} for {share:.0%}" for kind, share in FAULTS.items())
            ),
        },
    )
    for one in outcomes:
        faults = Counter(call["fault"] or "down" for call in one.calls if call["fault"] or not call["status"])
        lost = {
            "jobs_lost_with_the_emulator": (one.havoc.lost_with_the_queue, "jobs"),
            "sheets_different_until_these_were_published_again": (one.havoc.different_before, "sheets"),
        }
        put = {
            "workers_killed": (one.havoc.count("worker"), "kills"),
            "valkey_killed": (one.havoc.count("valkey"), "kills"),
            f"{one.queue}_killed": (one.havoc.count(one.queue), "kills"),
            "jobs": (one.account.done, "jobs"),
            "jobs_tried_again": (one.account.attempts, "tries"),
            "jobs_superseded": (one.account.outcomes["superseded"], "jobs"),
            "dead_letters_revived": (one.havoc.revived, "jobs"),
            **(lost if one.queue == "pubsub" else {}),
            "dispatch_rounds_failed": (one.failed_rounds, "rounds"),
            "calls": (len(one.calls), "calls"),
            **{f"calls_struck_by.{kind}": (count, "calls") for kind, count in sorted(faults.items())},
            "drained_after": (one.drained_seconds, "s"),
            "cells_compared": (one.verdict.cells, "cells"),
        }
        report.metrics |= {f"{one.queue}.{name}": spread([value], unit) for name, (value, unit) in put.items()}
        report.targets += [
            Target(f"queue in {one.queue}: {what}", "==", goal, value)
            for what, goal, value in (
                ("due times without a good end", 0, len(one.account.lost)),
                ("rows that an append added twice", 0, one.verdict.doubled),
                ("rows that an append did not add", 0, one.verdict.missing),
                ("sheets that say what their query says", size.syncs, one.verdict.equal),
            )
        ]
        events = " ".join(f"{at:g}:{what.replace(' ', '_')}" for at, what in one.havoc.events)
        report.runs.append({"queue": one.queue, "events": events, **one.timeline})
        if one.queue == "pubsub":
            report.notes.append(
                "Pub/Sub's emulator keeps nothing over a restart, which the service does not do to anybody. The "
                "dispatcher has remembered what it published and does not publish it again. A sync's next due time does"
                " the work of those that were lost; or the rule for late syncs does, an hour or the objective later. An"
                " append of an interval has a gap until its due time is published again, and so has this run until then"
            )
        if one.crashed:
            report.notes.append(
                f"queue in {one.queue}: {len(one.crashed)} workers ended by themselves and were replaced"
            )
    return report


def main(
    queue: str = typer.Option("both", help="postgres, pubsub or both."),
    seed: int = typer.Option(1, help="Of what happens when, and of which calls fail."),
    quick: bool = typer.Option(default=False, help="60 syncs, 12 minutes; writes no result."),
) -> None:
    """Run the benchmark and write benchmarks/results/sheets-chaos.json."""
    size, minutes = (Size(60, 0.02), 12) if quick else (Size(300, 0.05), MINUTES)
    chosen = ("postgres", "pubsub") if queue == "both" else (queue,)
    typer.echo(f"seed {seed}")
    outcomes = []
    for name in chosen:
        typer.echo(f"queue in {name}")
        outcomes.append(run(size, seed, minutes, pubsub=name == "pubsub"))
    summarize(size, seed, minutes, outcomes).show(write=not quick and queue == "both")


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
