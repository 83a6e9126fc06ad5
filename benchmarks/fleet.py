"""A fleet of sheet syncs that runs: its files, tables and workbooks on local servers, and the product on top of them.

What the benchmarks of the day, the burst and the chaos share. The product is asked by its public entry points only:
`dispatch` decides, `Worker` processes drain, the connections are Airflow's.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from benchmarks.fleet_crew import Crew, Duty
from benchmarks.fleet_ledger import verify
from benchmarks.fleet_servers import Servers
from benchmarks.processes import servers_cpu_seconds
from drivetrain.errors import DrivetrainError
from standins.fleet.fleet import draw_fleet
from standins.fleet.tables import statements
from standins.fleet.write import write_fleet

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy.engine import Engine

    from benchmarks.fleet_clock import PlayedClock
    from benchmarks.fleet_ledger import DueTimes, Verdict
    from benchmarks.fleet_servers import Quota
    from drivetrain.jobs.queue import JobQueue
    from drivetrain.sheets.catalog import Sync
    from drivetrain.sheets.dispatch import Trigger
    from drivetrain.sheets.registry import SyncRegistry
    from drivetrain.sheets.worker import WorkerSettings
    from standins.fleet.fleet import Fleet
    from standins.fleet.schedules import Schedule

SEED = 7
DRAIN_SECONDS = 300


@dataclass(frozen=True)
class Size:
    """How large a fleet is.

    Attributes:
        syncs: how many.
        scale: of the rows of tables and results: at 1.0 a result has 20 to 50,000.
        seed: of everything.
    """

    syncs: int = 2_500
    scale: float = 1.0
    seed: int = SEED


def drawn(size: Size, schedule: Callable[[int], Schedule] | None = None) -> Fleet:
    """The fleet, with schedules of its own or, by a sync's number, others."""
    fleet = draw_fleet(size.syncs, size.seed, size.scale)
    if schedule is None:
        return fleet
    syncs = tuple(replace(sync, schedule=schedule(number)) for number, sync in enumerate(fleet.syncs))
    return replace(fleet, syncs=syncs)


def described(fleet: Fleet, size: Size) -> str:
    """The fleet in a line."""
    rows = [sync.query.rows for sync in fleet.syncs]
    return (
        f"{len(fleet.syncs):,} syncs in {len(fleet.workbooks)} workbooks, results of {min(rows):,} to {max(rows):,} "
        f"rows, {sum(sync.cells for sync in fleet.syncs):,} cells in all (scale {size.scale:g}, seed {size.seed})"
    )


@dataclass
class Rounds:
    """What dispatching took.

    Attributes:
        failed: rounds in which the registry or the queue was away.
    """

    rounds: int = 0
    failed: int = 0
    published: int = 0
    late: int = 0
    cpu_seconds: float = 0.0
    longest_ms: float = 0.0


@dataclass(frozen=True)
class Spent:
    """CPU seconds.

    Attributes:
        workers: of all worker processes, those that are gone included.
        dispatcher: of dispatching.
        servers: of each server, by processes.SERVERS.
    """

    workers: float
    dispatcher: float
    servers: Mapping[str, float]

    def __sub__(self, before: Spent) -> Spent:
        servers = {name: value - before.servers.get(name, 0.0) for name, value in self.servers.items()}
        return Spent(self.workers - before.workers, self.dispatcher - before.dispatcher, servers)

    @property
    def of_servers(self) -> float:
        """Of all servers together."""
        return sum(self.servers.values())

    @property
    def all(self) -> float:
        """Of everything."""
        return self.workers + self.dispatcher + self.of_servers


@dataclass(frozen=True)
class Mark:
    """How much had been used at a moment: the number of Google Sheets' last call, see RunningFleet for the others."""

    call: int
    statements: Counter[str]
    spent: Spent


@dataclass(frozen=True)
class Used:
    """What was used since a mark: calls of Google Sheets as the server logged them, see RunningFleet for the others."""

    calls: list[dict[str, Any]]
    statements: Counter[str]
    spent: Spent


@dataclass
class RunningFleet:
    """Servers with a fleet on them, its tables loaded and its workbooks made. Registers nothing by itself.

    Args:
        fleet: what runs.
        quota: None: none.
        pubsub: see Servers.
        timeout_seconds: see Servers.
    """

    fleet: Fleet
    quota: Quota | None = None
    pubsub: bool = False
    timeout_seconds: float = 180
    rounds: Rounds = field(default_factory=Rounds, init=False)

    def __enter__(self) -> Self:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # an orderly end, which stops the servers
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fleet-")))
            self.folder.chmod(0o755)  # Postgres runs as another user
            self.include, self.log = self.folder / "fleet" / "include", self.folder / "workers.log"
            write_fleet(self.fleet, self.folder / "fleet")
            self.servers = stack.enter_context(
                Servers(self.folder, quota=self.quota, pubsub=self.pubsub, timeout_seconds=self.timeout_seconds)
            )
            # Airflow reads it at its import, and so do the processes that are started later.
            os.environ |= {"AIRFLOW_HOME": str(self.folder / "airflow"), **self.servers.environment()}
            self.context = multiprocessing.get_context("forkserver")
            self.context.set_forkserver_preload(["benchmarks.fleet_preload"])
            self._make_tables()
            self._make_workbooks()
            self._connect(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def register(self, now: dt.datetime) -> None:
        """Take over the specs, as the first round of dispatching does."""
        from drivetrain.sheets.catalog import load_syncs, specs_version

        self.syncs: tuple[Sync, ...] = load_syncs(self.include)
        begun = time.perf_counter()
        self.version = specs_version(self.include)
        self.version_ms = (time.perf_counter() - begun) * 1000
        self.registry.register(self.syncs, now, version=self.version)

    def crew(
        self,
        clock: PlayedClock,
        size: int,
        settings: WorkerSettings,
        *,
        environment: Mapping[str, str] | None = None,
        look_again_seconds: float = 1.0,
    ) -> Crew:
        """Worker processes, see Crew and Duty.

        Args:
            clock: of their records.
            size: how many.
            settings: of each.
            environment: on top of ours.
            look_again_seconds: see Duty.
        """
        known = {**os.environ, **(environment or {})}
        return Crew(self.context, Duty(self.include, known, settings, self.log, look_again_seconds), clock, size)

    def until_ready(self, crew: Crew) -> None:
        """Wait until all workers have begun to look for jobs: a process imports Airflow for seconds before that."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while not crew.is_ready:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no worker is ready after {DRAIN_SECONDS} s, see {self.log}")
            time.sleep(0.05)

    def dispatch(self, now: dt.datetime) -> int:
        """One round, as SheetsDispatchOperator makes it; how many jobs are new.

        The version of the files was read once, not in every round: nobody pushes during a benchmark.
        """
        from drivetrain.sheets.dispatcher import dispatch

        begun, cpu = time.perf_counter(), time.thread_time()
        self.rounds.rounds += 1
        try:
            done = dispatch(lambda: self.syncs, self.version, self.registry, self.queue, now)
        except DrivetrainError:  # a task that fails; the next round is a task of its own
            self.rounds.failed += 1
            return 0
        finally:
            self.rounds.cpu_seconds += time.thread_time() - cpu
            self.rounds.longest_ms = max(self.rounds.longest_ms, (time.perf_counter() - begun) * 1000)
        self.rounds.published += done.new
        self.rounds.late += done.late
        return done.new

    def publish_all(self, at: dt.datetime) -> None:
        """A job for every sync, as for one that is beyond its objective."""
        from drivetrain.sheets.dispatch import Trigger

        self._publish([(sync.spec.sync, at) for sync in self.syncs], Trigger.FRESHNESS)

    def publish(self, due: Sequence[tuple[str, dt.datetime]]) -> None:
        """Jobs for due times: the same ones that the dispatcher made, by their keys."""
        from drivetrain.sheets.dispatch import Trigger

        self._publish(due, Trigger.SCHEDULE)

    def _publish(self, due: Sequence[tuple[str, dt.datetime]], trigger: Trigger) -> None:
        from drivetrain.sheets.dispatch import Due

        specs = {sync.spec.sync: sync.spec for sync in self.syncs}
        jobs = []
        for name, at in due:
            spec = specs[name]
            jobs.append(Due(name, spec.target.spreadsheet_id, at, trigger, spec.priority, spec.attempts).job)
        self.queue.publish(jobs)

    def waiting(self) -> int:
        """Jobs in the queue, in workers' hands included. Only Postgres can tell."""
        depth = self.queue.depth()
        return (depth.ready or 0) + (depth.delayed or 0) + (depth.leased or 0)

    def drain(self, crew: Crew, seconds: float = DRAIN_SECONDS) -> None:
        """Wait until the queue is empty.

        Raises:
            TimeoutError: it is not within so long.
        """
        deadline = time.monotonic() + seconds
        while left := self.waiting():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} jobs still wait after {seconds:.0f} s, see {self.log}")
            crew.look_after()
            time.sleep(0.05)

    def spent(self, crew: Crew) -> Spent:
        """CPU seconds up to now."""
        return Spent(crew.spent(), self.rounds.cpu_seconds, servers_cpu_seconds())

    def statements(self) -> Counter[str]:
        """What the warehouse was asked up to now, by the statement's first word; CATALOG: of INFORMATION_SCHEMA."""
        return Counter(self.servers.snowflake.stats())

    def mark(self, crew: Crew) -> Mark:
        """How much was used up to now."""
        return Mark(self.last_call(), self.statements(), self.spent(crew))

    def since(self, mark: Mark, crew: Crew) -> Used:
        """What was used since a mark."""
        return Used(self.calls(mark.call), self.statements() - mark.statements, self.spent(crew) - mark.spent)

    def last_call(self) -> int:
        """The number of Google Sheets' last call."""
        return max((call["n"] for call in self.servers.sheets.calls()), default=0)

    def calls(self, since: int) -> list[dict[str, Any]]:
        """Reads and writes of Google Sheets after the one of that number, as the server logged them."""
        return [call for call in self.servers.sheets.calls(since) if call["kind"] in ("read", "write")]

    def verify(self, due: DueTimes) -> Verdict:
        """Compare every sheet with its query, with Google's quotas off.

        Args:
            due: what an append should have added the rows of; runs that were asked for besides count too.
        """
        self.servers.sheets.quotas(project_reads=0, project_writes=0, user_reads=0, user_writes=0)
        runs = {sync: list(times) for sync, times in due.by_sync.items()}
        for record in self.history("sync, due_at"):
            runs[record.sync].append(record.due_at)
        return verify(self.context, self.include, self.syncs, runs)

    def run_sql(self, lines: Iterable[str]) -> None:
        """Statements for the warehouse."""
        with closing(self.servers.snowflake.connect()) as connection, closing(connection.cursor()) as cursor:
            for line in lines:
                cursor.execute(line)

    def history(self, columns: str, where: str = "true") -> list[Any]:
        """Of the table sheet_runs."""
        with self.engine.connect() as connection:
            return list(connection.execute(sa.text(f"SELECT {columns} FROM sheet_runs WHERE {where}")))

    def _make_tables(self) -> None:
        self.run_sql(statements(self.fleet.tables))

    def _make_workbooks(self) -> None:
        for book in self.fleet.workbooks:
            self.servers.sheets.create_spreadsheet(
                id=book.spreadsheet_id, title=book.title, share_with=self.servers.account_names
            )

    def _connect(self, stack: ExitStack) -> None:
        from drivetrain.sheets.dispatch import KIND
        from hooks.job_queue import job_queue
        from hooks.state import StateHook

        state = StateHook()
        state.migrate()
        self.engine: Engine = state.engine
        stack.callback(self.engine.dispose)
        self.registry: SyncRegistry = state.registry
        self.queue: JobQueue = job_queue(KIND, state=state)
        self.ensure_queue()

    def ensure_queue(self) -> None:
        """Make what Pub/Sub needs, as `drivetrain queue ensure` does. The emulator keeps messages for a week only."""
        if self.pubsub:
            from drivetrain.jobs.postgres_locks import PostgresGroupLocks
            from drivetrain.sheets.dispatch import KIND
            from hooks.job_queue import QUEUE_CONN_ID
            from hooks.pubsub_queue import PubSubQueue

            locks = PostgresGroupLocks(self.engine, kind=KIND)
            PubSubQueue(kind=KIND, locks=locks, gcp_conn_id=QUEUE_CONN_ID, keep_days=7).ensure()
