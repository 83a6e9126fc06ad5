from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from drivetrain.errors import QuotaExceededError
from drivetrain.quota.limits import Limits
from drivetrain.quota.local import LocalQuota
from drivetrain.quota.port import Kind, Priority, Quota, Unlimited

ME = "sync-1@project"


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def quota(time: Time, limits: Limits, processes: int = 1, patience_seconds: float = 120) -> LocalQuota:
    return LocalQuota(
        limits, processes=processes, patience_seconds=patience_seconds, clock=time.clock, sleep=time.sleep
    )


def test_a_call_within_the_limit_does_not_wait() -> None:
    assert [quota(Time(), Limits()).take(Kind.READ, ME) for _ in range(3)] == [0, 0, 0]


def test_a_wait_is_told_and_happens_once() -> None:
    time = Time()
    mine = quota(time, Limits(account_reads=2, reserve_share=0))
    waits = [mine.take(Kind.READ, ME) for _ in range(5)]
    assert waits == [0, 0, pytest.approx(62), 0, pytest.approx(62)]


def test_several_processes_get_a_part_each() -> None:
    mine = quota(Time(), Limits(reserve_share=0), processes=12)
    assert [mine.take(Kind.WRITE, ME) > 0 for _ in range(6)] == [False] * 5 + [True]


def test_beyond_the_patience_it_says_so_at_once_and_for_how_long() -> None:
    time = Time()
    mine = quota(time, Limits(account_writes=1), patience_seconds=10)
    mine.take(Kind.WRITE, ME)
    with pytest.raises(QuotaExceededError) as caught:
        mine.take(Kind.WRITE, ME)
    assert str(caught.value) == (
        f"quota of {ME} used up: no room for 1 write in the next 62 s, more than its patience of 10 s: spread the "
        "schedules, or give the connection more accounts"
    )
    assert caught.value.retry_after_seconds == pytest.approx(62)
    assert time.now == 1_000


def test_a_caller_may_be_less_patient_and_never_more() -> None:
    mine = quota(Time(), Limits(account_writes=1), patience_seconds=70)
    mine.take(Kind.WRITE, ME)
    with pytest.raises(QuotaExceededError, match="patience of 5 s"):
        mine.take(Kind.WRITE, ME, patience_seconds=5)
    mine.take(Kind.WRITE, ME, patience_seconds=1_000)
    mine.take(Kind.WRITE, "other@project")
    with pytest.raises(QuotaExceededError, match="patience of 0 s"):
        mine.take(Kind.WRITE, ME, patience_seconds=-1)


def test_held_calls_are_used_without_another_wait() -> None:
    time = Time()
    mine = quota(time, Limits(account_reads=4, account_writes=2, reserve_share=0))
    held = mine.hold({Kind.READ: 2, Kind.WRITE: 1}, ME, keep=True)
    assert held.waited_seconds == 0
    time.sleep(20)
    assert [held.use(Kind.READ), held.use(Kind.WRITE), held.use(Kind.READ)] == [True] * 3
    assert [held.use(Kind.READ), held.use(Kind.WRITE)] == [False, False], "there were no more"


def test_what_is_not_kept_is_good_for_a_second_only() -> None:
    time = Time()
    mine = quota(time, Limits(account_reads=2, reserve_share=0))
    held = mine.hold({Kind.READ: 2}, ME)
    time.sleep(0.9)
    assert held.use(Kind.READ)
    time.sleep(0.2)
    assert not held.use(Kind.READ)
    assert mine.take(Kind.READ, ME) == 0, "and is given back"


def test_kept_calls_lapse() -> None:
    time = Time()
    mine = quota(time, Limits())
    held = mine.hold({Kind.WRITE: 1}, ME, keep=True)
    time.sleep(30.1)
    assert not held.use(Kind.WRITE)


def test_a_refusal_is_waited_out() -> None:
    mine = quota(Time(), Limits())
    mine.refused(Kind.READ, ME, retry_after_seconds=17)
    assert mine.take(Kind.READ, ME) == pytest.approx(17)
    mine.refused(Kind.READ, ME, retry_after_seconds=None)
    assert mine.take(Kind.READ, ME, priority=Priority.HIGH) == pytest.approx(62 / 12 * 2, abs=0.01)


def test_threads_together_get_the_limit_and_not_one_more() -> None:
    started = threading.Barrier(16)
    mine = quota(Time(), Limits(account_reads=100, reserve_share=0), patience_seconds=0)

    def worker(_: int) -> int:
        started.wait()
        got = 0
        for _ in range(20):
            try:
                mine.take(Kind.READ, ME)
                got += 1
            except QuotaExceededError:
                break
        return got

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(worker, range(16))) == 100


def test_no_quota_is_a_quota_too() -> None:
    free: Quota = Unlimited()
    for _ in itertools.repeat(None, 1000):
        assert free.take(Kind.READ, ME) == 0
    held = free.hold({Kind.READ: 2}, ME)
    assert held.use(Kind.WRITE)
    held.give_back()
    free.refused(Kind.READ, ME, retry_after_seconds=5)
