"""Locks on groups, and that they are the leases of the queue."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from drivetrain.jobs.locks import Settled
from drivetrain.jobs.postgres_locks import PostgresGroupLocks
from drivetrain.jobs.queue import LeaseLostError
from tests.support.jobs import job, keys

if TYPE_CHECKING:
    from drivetrain.jobs.locks import GroupLocks
    from tests.support.jobs import PostgresHarness


@pytest.fixture
def locks(postgres: PostgresHarness) -> GroupLocks:
    return PostgresGroupLocks(postgres.engine, kind=postgres.kind, clock=postgres.clock)


def test_of_many_who_want_a_group_one_gets_it(locks: GroupLocks) -> None:
    names = [f"book-{n}" for n in range(20)]
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: locks.take(names[n:] + names[:n], seconds=60), range(8)))
    assert sorted(name for some in taken for name in some) == sorted(names)
    assert len({lock.token for some in taken for lock in some.values()}) == len(names)


def test_a_lock_ends_with_its_time_and_its_holder_is_told(locks: GroupLocks, postgres: PostgresHarness) -> None:
    old = locks.take(["book"], seconds=60)["book"]
    old = locks.extend(old, seconds=90)
    postgres.pass_time(89)
    assert locks.check(old)
    assert locks.take(["book"], seconds=60) == {}
    postgres.pass_time(1)
    with pytest.raises(LeaseLostError):
        locks.check(old)
    new = locks.take(["book"], seconds=60)["book"]
    assert int(new.token) > int(old.token)
    for ask in (
        lambda: locks.check(old),
        lambda: locks.extend(old, seconds=60),
        lambda: locks.count(old, ["a"]),
        lambda: locks.settle(old, ["a"], Settled.DONE),
    ):
        with pytest.raises(LeaseLostError, match="group book: the lease has ended"):
            ask()
    assert locks.release(old) == frozenset()
    assert locks.check(new)


def test_what_is_released_is_free_at_once(locks: GroupLocks) -> None:
    lock = locks.take(["book"], seconds=60)["book"]
    assert locks.release(lock) == frozenset()
    assert locks.take(["book"], seconds=60).keys() == {"book"}
    assert locks.take([], seconds=60) == {}


def test_tries_outlive_those_who_try(locks: GroupLocks, postgres: PostgresHarness) -> None:
    lock = locks.take(["book"], seconds=60)["book"]
    assert locks.count(lock, ["a", "b", "c", "d"]) == {"a": 1, "b": 1, "c": 1, "d": 1}
    locks.settle(lock, ["a"], Settled.DONE)
    locks.settle(lock, ["b"], Settled.FAILED)
    locks.settle(lock, ["c"], Settled.UNTRIED)
    postgres.pass_time(60)
    lock = locks.take(["book"], seconds=60)["book"]
    assert locks.count(lock, ["a", "b", "c", "d"]) == {"a": 1, "b": 2, "c": 1, "d": 2}
    assert locks.release(lock) == {"a", "b", "c", "d"}
    lock = locks.take(["book"], seconds=60)["book"]
    assert locks.count(lock, ["a", "b", "c", "d"]) == {"a": 1, "b": 2, "c": 1, "d": 2}


def test_the_last_settled_job_ends_a_lock(locks: GroupLocks) -> None:
    lock = locks.take(["book"], seconds=60)["book"]
    locks.count(lock, ["a", "b"])
    locks.settle(lock, ["a"], Settled.DONE)
    assert locks.take(["book"], seconds=60) == {}
    locks.settle(lock, ["b"], Settled.FAILED)
    assert not locks.check(lock), "it ended by our own last word"
    locks.settle(lock, ["b"], Settled.FAILED)
    assert locks.take(["book"], seconds=60).keys() == {"book"}


def test_a_locked_group_is_not_leased_and_a_leased_one_is_not_locked(
    locks: GroupLocks, postgres: PostgresHarness
) -> None:
    queue = postgres.worker()
    queue.publish([job("a", "book-1", postgres.kind), job("b", "book-2", postgres.kind)])
    lock = locks.take(["book-1"], seconds=60)["book-1"]
    (lease,) = queue.lease(seconds=60, max_groups=9)
    assert lease.group == "book-2"
    assert locks.take(["book-2"], seconds=60) == {}
    queue.publish([job("c", "book-1", postgres.kind, priority=9)])
    assert queue.lease(seconds=60) == []
    locks.release(lock)
    assert keys(queue.lease(seconds=60)) == ["c", "a"]


def test_a_lock_after_a_lease_whose_worker_died_counts_that_try(locks: GroupLocks, postgres: PostgresHarness) -> None:
    queue = postgres.worker()
    queue.publish([job("a", "book", postgres.kind, attempts=2), job("b", "book", postgres.kind, attempts=1)])
    queue.lease(seconds=60)
    postgres.pass_time(60)
    lock = locks.take(["book"], seconds=60)["book"]
    assert [letter.key for letter in queue.dead_letters()] == ["b"]
    locks.release(lock)
    (lease,) = queue.lease(seconds=60)
    assert [(each.job.key, each.attempt) for each in lease.deliveries] == [("a", 2)]
