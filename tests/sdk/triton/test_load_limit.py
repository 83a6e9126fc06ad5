"""How many requests a server is given."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from drivetrain_triton import TensorSpec, TritonClient, errors
from drivetrain_triton.attempts import Attempts, Kind, RetryRules
from drivetrain_triton.breaker import BreakerRules
from drivetrain_triton.deadlines import Deadline
from drivetrain_triton.load_limit import LoadLimit
from drivetrain_triton.replicas import Replicas
from drivetrain_triton.retry_budget import RetryBudget
from drivetrain_triton.testing import FakeModel, FakeServer
from tests.sdk.triton.clocks import Clock

if TYPE_CHECKING:
    from drivetrain_triton.signature import Tensors


def test_a_limit_grows_by_one_with_each_round_of_answers_and_only_if_it_is_met() -> None:
    limit = LoadLimit(Clock())
    for _ in range(100):
        limit.answered(under_way=1)
    assert limit.value == 16
    for _ in range(16):
        limit.answered(under_way=16)
    assert limit.value == pytest.approx(17, abs=0.1)


def test_a_limit_shrinks_once_for_all_that_was_sent_before_and_never_to_nothing() -> None:
    clock = Clock()
    limit = LoadLimit(clock)
    clock.now += 1
    for _ in range(10):
        limit.late(usual_seconds=0.5)
    assert limit.value == pytest.approx(11.2)
    for _ in range(50):
        clock.now += 1
        limit.late(usual_seconds=0.5)
    assert limit.value == 2


def test_calls_beyond_the_limit_of_all_servers_end_at_once() -> None:
    clock = Clock()
    replicas = Replicas("ab", BreakerRules(), clock, is_limited=True)
    kind = Kind(replicas, RetryBudget(), RetryRules(), "it")
    under_way = [Attempts(kind, Deadline(1, clock)) for _ in range(32)]
    asked = [one.next() for one in under_way]
    assert [one.under_way for one in replicas.all] == [16, 16]
    with pytest.raises(errors.OverloadedError, match="all servers have as many requests under way") as caught:
        Attempts(kind, Deadline(1, clock)).next()
    assert caught.value.is_surely_not_run
    under_way[0].succeeded(asked[0])
    Attempts(kind, Deadline(1, clock)).next()


class OneByOne:
    """A model that takes ten milliseconds, one request after the other, and counts those that began."""

    def __init__(self) -> None:
        self.runs, self._lock = 0, threading.Lock()
        spec = TensorSpec("x", "FP32", (1,))
        self.model = FakeModel("m", (spec,), (spec,), self._run)

    def _run(self, given: Tensors) -> Tensors:
        with self._lock:
            self.runs += 1
            time.sleep(0.01)  # what it does; nobody waits for it
        return dict(given)


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_in_an_overload_what_is_sent_is_answered_and_the_rest_is_told_at_once(kind: str) -> None:
    slow = OneByOne()
    ended: list[tuple[str, float]] = []
    with (
        FakeServer(slow.model) as server,
        TritonClient(
            server.grpc_url if kind == "grpc" else server.http_url, limits_load=True, attempts=1, timeout_seconds=2
        ) as client,
        ThreadPoolExecutor(200) as pool,
    ):
        model = client.model("m")
        model.signature()

        def ask(_: int) -> None:
            began = time.monotonic()
            try:
                model.infer({"x": np.ones(1, np.float32)})
                ended.append(("answered", time.monotonic() - began))
            except errors.OverloadedError:
                ended.append(("shed", time.monotonic() - began))

        list(pool.map(ask, range(200)))
    answered = [seconds for what, seconds in ended if what == "answered"]
    assert len(ended) == 200
    assert 16 <= len(answered) < 150
    assert slow.runs == len(answered), "nothing that was sent was of no use"
