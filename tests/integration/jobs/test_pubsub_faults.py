"""A worker of the queue in Pub/Sub that loses its answer at any call loses no job."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.errors import UnavailableError
from hooks.pubsub_queue import PubSubQueue
from tests.support.jobs import PubSubHarness, job

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivetrain.jobs.queue import Delivery, Lease


class Faults:
    """Fails the call of a number, among all calls of what it wraps: before it happens, or after."""

    def __init__(self, number: int, *, after: bool) -> None:
        self._left, self._after = number, after
        self.failed = False

    def wrap(self, inner: object) -> Any:
        return _Wrapped(self, inner)

    def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        now = self._left == -1
        if now and not self._after:
            self._fail()
        answer = method(*args, **kwargs)
        if now:
            self._fail()
        return answer

    def _fail(self) -> None:
        self.failed = True
        raise UnavailableError("the line is dead")


class _Wrapped:
    def __init__(self, faults: Faults, inner: object) -> None:
        self._faults, self._inner = faults, inner

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        return lambda *args, **kwargs: self._faults.call(method, *args, **kwargs)


def worker(pubsub: PubSubHarness, faults: Faults) -> PubSubQueue:
    return PubSubQueue(
        kind=pubsub.kind,
        locks=faults.wrap(pubsub.locks),
        client=faults.wrap(pubsub.client),
        wait_seconds=0.5,
        ack_deadline_seconds=10,
        busy_seconds=0.2,
    )


STEPS: dict[str, Callable[[PubSubQueue, Lease, Delivery], object]] = {
    "ack": lambda queue, lease, each: queue.ack(lease, [each]),
    "nack": lambda queue, lease, each: queue.nack(lease, each, retry_in_seconds=0, reason="no"),
    "bury": lambda queue, lease, each: queue.bury(lease, each, reason="no"),
    "postpone": lambda queue, lease, each: queue.postpone(lease, [each], seconds=0),
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_failed_at_any_call_is_repeated(pubsub: PubSubHarness, step: str, after: bool) -> None:
    calls = 0
    while True:
        key = f"job-{calls}"
        clean = pubsub.worker()
        clean.publish([job(key, f"book-{calls}", pubsub.kind)])
        (lease,) = pubsub.until(partial(clean.lease, seconds=60))
        faults = Faults(calls, after=after)
        queue = worker(pubsub, faults)
        if not _failed(partial(STEPS[step], queue, lease, lease.deliveries[0])):
            break
        STEPS[step](queue, lease, lease.deliveries[0])
        if step in ("nack", "postpone"):
            again = pubsub.until(partial(clean.lease, seconds=60))[0]
            assert (again.deliveries[0].job.key, again.deliveries[0].attempt) == (key, 2 if step == "nack" else 1)
            clean.ack(again, again.deliveries)
            for copy in clean.lease(seconds=60):  # of a copy whose answer was lost
                assert copy.deliveries[0].job.key == key
                clean.ack(copy, copy.deliveries)
        if step == "bury":
            found = pubsub.until(clean.dead_letters)
            assert [letter.key for letter in found].count(key) == 1
        assert clean.lease(seconds=60) == []
        calls += 1
    assert calls >= 3


@pytest.mark.slow
def test_a_lease_that_failed_at_any_call_comes_again(pubsub: PubSubHarness) -> None:
    left: list[tuple[PubSubHarness, set[str]]] = []
    calls = 0
    for after in (False, True):
        for number in range(20):
            mine = PubSubHarness(pubsub.engine, f"{pubsub.kind}_{number}_{after}".lower())
            work = [job("a", "book-1", mine.kind), job("b", "book-1", mine.kind), job("c", "book-2", mine.kind)]
            mine.worker().publish(work)
            faults = Faults(number, after=after)
            queue = worker(mine, faults)
            if not _failed(partial(mine.until, partial(queue.lease, seconds=5, max_groups=2))):
                break
            calls += 1
            left.append((mine, {"a", "b", "c"}))
    assert calls >= 8

    for mine, missing in left:
        queue = mine.worker()

        def look(queue: PubSubQueue = queue, missing: set[str] = missing) -> bool:
            for lease in queue.lease(seconds=60, max_groups=2):
                missing.difference_update(each.job.key for each in lease.deliveries)
                queue.ack(lease, lease.deliveries)
            return not missing

        mine.until(look)


def _failed(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except UnavailableError:
        return True
    return False
