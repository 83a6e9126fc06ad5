"""Queues of both kinds over real servers, and how time passes for each."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy.engine import Engine

from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.jobs.postgres_locks import PostgresGroupLocks
from drivetrain.jobs.queue import Job, JobQueue, Lease
from drivetrain.retry import RetryPolicy
from hooks.pubsub_client import PubSubClient
from hooks.pubsub_queue import PubSubQueue

PROJECT = "drivetrain-test"
NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
T = TypeVar("T")


def job(key: str, group: str = "book", kind: str = "", **fields: Any) -> Job:
    return Job(key=key, group=group, kind=kind, **fields)


def keys(leases: Lease | Sequence[Lease]) -> list[str]:
    return [each.job.key for lease in ([leases] if isinstance(leases, Lease) else leases) for each in lease.deliveries]


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, now: dt.datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


class Harness(Protocol):
    """A queue under test.

    Attributes:
        kind: of its jobs; no other test's.
        short_seconds: a lease, or a delay, whose end a test waits for.
        is_exact: it knows what it has: duplicates, priorities, depth.
    """

    kind: str
    short_seconds: float
    is_exact: bool
    child: dict[str, Any]

    def worker(self) -> JobQueue:
        """The queue as another worker sees it."""

    def now(self) -> dt.datetime:
        """The queue's time."""

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass, or at least let it be waited for by `until`."""

    def until(self, look: Callable[[], T]) -> T:
        """Look until there is something."""


class PostgresHarness:
    """Time is a fake clock's, so nothing is waited for."""

    short_seconds = 60.0
    is_exact = True

    def __init__(self, engine: Engine, kind: str) -> None:
        self.engine, self.kind, self.clock = engine, kind, FakeClock()
        self.child = {"url": engine.url.render_as_string(hide_password=False), "kind": kind}

    def worker(self) -> PostgresQueue:
        return PostgresQueue(self.engine, kind=self.kind, clock=self.clock)

    def now(self) -> dt.datetime:
        return self.clock()

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def until(self, look: Callable[[], T]) -> T:
        return look()


class PubSubHarness:
    """The emulator's time can't be set, so it is looked again and again, for half a minute."""

    short_seconds = 3.0
    is_exact = False

    def __init__(self, engine: Engine, kind: str) -> None:
        self.engine, self.kind = engine, kind
        self.client = PubSubClient(retry=RetryPolicy(attempts=3, initial_wait_seconds=0.1))
        self.locks = PostgresGroupLocks(engine, kind=kind)
        self.worker().ensure()
        self.child = {"url": engine.url.render_as_string(hide_password=False), "kind": kind, "pubsub": True}

    def worker(self) -> PubSubQueue:
        return pubsub_queue(self.engine, self.kind, self.client)

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def pass_time(self, seconds: float) -> None:
        pass

    def until(self, look: Callable[[], T]) -> T:
        deadline = time.monotonic() + 30
        while not (found := look()):
            assert time.monotonic() < deadline, "nothing came within 30 s"
        return found


def pubsub_queue(engine: Engine, kind: str, client: PubSubClient) -> PubSubQueue:
    return PubSubQueue(
        kind=kind,
        locks=PostgresGroupLocks(engine, kind=kind),
        client=client,
        wait_seconds=0.5,
        ack_deadline_seconds=10,
        busy_seconds=0.2,
        keep_days=7,
    )


class Busy:
    """Who is at which group, to catch two at one."""

    def __init__(self) -> None:
        self._now: set[str] = set()
        self._lock = threading.Lock()
        self.clashes: list[str] = []

    def enter(self, group: str) -> None:
        with self._lock:
            if group in self._now:
                self.clashes.append(group)
            self._now.add(group)

    def leave(self, group: str) -> None:
        with self._lock:
            self._now.discard(group)
