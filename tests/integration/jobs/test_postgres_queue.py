"""What Postgres' queue keeps beyond the contract, and under answers that are lost."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from drivetrain.errors import UnavailableError
from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.jobs.queue import Depth, LeaseLostError
from drivetrain.state.job_tables import job_groups, jobs, metadata
from tests.support.jobs import FakeClock, job, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection, Engine

    from drivetrain.jobs.queue import JobQueue, Lease
    from tests.support.jobs import PostgresHarness


class LosesAnswers:
    """An engine whose next transaction happens, or not, and whose caller does not learn which."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.lose: str | None = None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        lost, self.lose = self.lose, None
        error = sa.exc.OperationalError("COMMIT", {}, Exception("server closed the connection\nunexpectedly"))
        with self._engine.begin() as connection:
            yield connection
            if lost == "before":
                raise error
        if lost == "after":
            raise error


def test_it_tells_how_much_is_waiting(postgres: PostgresHarness) -> None:
    queue, clock = postgres.worker(), postgres.clock
    assert queue.depth() == Depth(ready=0, delayed=0, leased=0, dead=0, oldest_seconds=None)
    later = clock() + dt.timedelta(hours=1)
    queue.publish([job("a", "book-1", postgres.kind), job("b", "book-1", postgres.kind, not_before=later)])
    clock.advance(10)
    queue.publish([job("c", "book-2", postgres.kind), job("d", "book-3", postgres.kind)])
    assert queue.depth() == Depth(ready=3, delayed=1, leased=0, dead=0, oldest_seconds=10.0)
    first, second = queue.lease(seconds=60, max_groups=2)
    queue.bury(second, second.deliveries[0], reason="no")
    clock.advance(5)
    assert queue.depth() == Depth(ready=1, delayed=1, leased=1, dead=1, oldest_seconds=5.0)
    clock.advance(60)
    assert queue.depth() == Depth(ready=2, delayed=1, leased=0, dead=1, oldest_seconds=75.0), "the lease has ended"
    assert first.group == "book-1"


@pytest.mark.parametrize("lost", ["before", "after"])
@pytest.mark.parametrize("step", ["publish", "extend", "ack", "nack", "last nack", "bury", "postpone", "release"])
def test_what_lost_its_answer_can_be_asked_for_again(postgres: PostgresHarness, step: str, lost: str) -> None:
    engine = LosesAnswers(postgres.engine)
    queue = PostgresQueue(engine, kind=postgres.kind, clock=postgres.clock)  # type: ignore[arg-type]
    work = [job("a", "book", postgres.kind, attempts=1 if step == "last nack" else 3)]
    if step != "publish":
        queue.publish(work)
    lease: Any = queue.lease(seconds=60)[0] if step != "publish" else None
    steps: dict[str, Callable[[], Any]] = {
        "publish": lambda: queue.publish(work),
        "extend": lambda: queue.extend(lease, seconds=90),
        "ack": lambda: queue.ack(lease, lease.deliveries),
        "nack": lambda: queue.nack(lease, lease.deliveries[0], retry_in_seconds=5, reason="no"),
        "last nack": lambda: queue.nack(lease, lease.deliveries[0], retry_in_seconds=5, reason="no"),
        "bury": lambda: queue.bury(lease, lease.deliveries[0], reason="no"),
        "postpone": lambda: queue.postpone(lease, lease.deliveries, seconds=5),
        "release": lambda: queue.release(lease),
    }
    engine.lose = lost
    with pytest.raises(UnavailableError, match=r"^the state database: server closed the connection unexpectedly$"):
        steps[step]()
    steps[step]()
    ready, delayed, leased, dead = {
        "publish": (1, 0, 0, 0),
        "extend": (0, 0, 1, 0),
        "ack": (0, 0, 0, 0),
        "nack": (0, 1, 0, 0),
        "last nack": (0, 0, 0, 1),
        "bury": (0, 0, 0, 1),
        "postpone": (0, 1, 0, 0),
        "release": (1, 0, 0, 0),
    }[step]
    depth = queue.depth()
    assert (depth.ready, depth.delayed, depth.leased, depth.dead) == (ready, delayed, leased, dead)
    postgres.clock.advance(5)
    attempts = [each.attempt for again in queue.lease(seconds=60) for each in again.deliveries]
    assert attempts == {"publish": [1], "nack": [2], "postpone": [1], "release": [1]}.get(step, [])


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_lease_whose_answer_was_lost_is_nobody_s_until_it_ends(postgres: PostgresHarness, lost: str) -> None:
    engine = LosesAnswers(postgres.engine)
    queue = PostgresQueue(engine, kind=postgres.kind, clock=postgres.clock)  # type: ignore[arg-type]
    queue.publish([job("a", "book", postgres.kind)])
    engine.lose = lost
    with pytest.raises(UnavailableError):
        queue.lease(seconds=60)
    assert keys(queue.lease(seconds=60)) == (["a"] if lost == "before" else [])
    postgres.clock.advance(60)
    assert keys(queue.lease(seconds=60)) == ["a"]


def test_a_database_that_is_not_there_is_unavailable() -> None:
    nowhere = sa.create_engine("postgresql+psycopg://u:p@127.0.0.1:1/d")
    queue = PostgresQueue(nowhere, kind="test")
    for ask in (lambda: queue.publish([job("a", kind="test")]), lambda: queue.lease(seconds=1), queue.depth):
        with pytest.raises(UnavailableError, match=r"^the state database: .*refused.*$") as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_publishers_of_the_same_jobs_at_the_same_time_make_each_once(postgres: PostgresHarness) -> None:
    work = [job(f"{n}", f"book-{n % 40}", postgres.kind) for n in range(400)]
    shuffled = [work, work[::-1], work[200:] + work[:200], work[1::2] + work[::2]]
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda some: postgres.worker().publish(some), shuffled)) == 400
    leases = postgres.worker().lease(seconds=60, max_groups=100)
    assert sorted(keys(leases)) == sorted(each.key for each in work)


def test_a_worker_whose_clock_is_behind_leaves_what_is_not_due_by_it(postgres: PostgresHarness) -> None:
    queue = postgres.worker()
    queue.publish([job("a", "book", postgres.kind, not_before=postgres.now() + dt.timedelta(seconds=30))])
    ahead = FakeClock(postgres.now() + dt.timedelta(seconds=31))
    other = PostgresQueue(postgres.engine, kind=postgres.kind, clock=ahead)
    (lease,) = other.lease(seconds=60)
    other.release(lease)  # the group counts as ready from now on
    assert queue.lease(seconds=60) == []
    assert keys(other.lease(seconds=60)) == ["a"]


def test_a_job_whose_key_died_is_a_new_one_when_it_is_published_again(postgres: PostgresHarness) -> None:
    queue = postgres.worker()
    queue.publish([job("a", "book", postgres.kind)])
    (lease,) = queue.lease(seconds=60)
    queue.bury(lease, lease.deliveries[0], reason="no")
    assert queue.publish([job("a", "other-book", postgres.kind)]) == 1
    assert queue.dead_letters() == []
    assert [each.group for each in queue.lease(seconds=60)] == ["other-book"]


def test_what_nobody_needs_is_pruned_and_nothing_else(postgres: PostgresHarness) -> None:
    queue, clock = postgres.worker(), postgres.clock
    names = ["done", "old-dead", "dead", "waits", "delayed", "leased"]
    later = clock() + dt.timedelta(days=9)
    queue.publish([job(name, name, postgres.kind, not_before=later if name == "delayed" else None) for name in names])
    leases = {lease.group: lease for lease in queue.lease(seconds=10**6, max_groups=9)}
    queue.ack(leases["done"], leases["done"].deliveries)
    queue.bury(leases["old-dead"], leases["old-dead"].deliveries[0], reason="no")
    queue.release(leases["waits"])
    clock.advance(86_400)
    queue.bury(leases["dead"], leases["dead"].deliveries[0], reason="no")
    assert queue.prune(before=clock() - dt.timedelta(hours=1)) == 1
    assert [letter.key for letter in queue.dead_letters()] == ["dead"]
    left = sa.select(job_groups.c.group_name).where(job_groups.c.kind == postgres.kind)
    with postgres.engine.connect() as connection:
        assert sorted(connection.execute(left).scalars()) == ["delayed", "leased", "waits"]
    with pytest.raises(LeaseLostError):
        queue.ack(leases["done"], leases["done"].deliveries)
    queue.publish([job("again", "done", postgres.kind)])
    assert sorted(keys(queue.lease(seconds=60, max_groups=9))) == ["again", "waits"]


def test_done_jobs_leave_no_row(postgres: PostgresHarness) -> None:
    queue = postgres.worker()
    queue.publish([job(f"{n}", "book", postgres.kind) for n in range(5)])
    (lease,) = queue.lease(seconds=60)
    queue.ack(lease, lease.deliveries)
    with postgres.engine.connect() as connection:
        rows = connection.execute(sa.select(sa.func.count()).where(jobs.c.kind == postgres.kind)).scalar_one()
    assert rows == 0


def test_reasons_of_any_kind_are_kept(postgres: PostgresHarness) -> None:
    queue = postgres.worker()
    queue.publish([job("a", "book", postgres.kind)])
    (lease,) = queue.lease(seconds=60)
    queue.bury(lease, lease.deliveries[0], reason="nul \x00 half \ud83d " + "x" * 10_000)
    (letter,) = queue.dead_letters()
    assert letter.reason.startswith("nul ␀ half ? xxx")
    assert len(letter.reason) == 2_000


def test_queues_of_two_kinds_share_nothing(postgres: PostgresHarness) -> None:
    other = PostgresQueue(postgres.engine, kind=postgres.kind + "b", clock=postgres.clock)
    queue: JobQueue = postgres.worker()
    queue.publish([job("a", "book", postgres.kind)])
    other.publish([job("a", "book", postgres.kind + "b")])
    mine: Lease = queue.lease(seconds=60)[0]
    (theirs,) = other.lease(seconds=60)
    queue.ack(mine, mine.deliveries)
    with pytest.raises(LeaseLostError):
        queue.ack(theirs, theirs.deliveries)
    other.ack(theirs, theirs.deliveries)


def test_the_tables_are_as_the_migrations_make_them(engine: Engine) -> None:
    def mine(_: Any, name: str | None, kind: str, *rest: Any) -> bool:
        return kind != "table" or str(name).startswith("job")

    options = {"include_object": mine, "compare_server_default": True, "compare_type": True}
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
