"""Calls that ask a second server if the first one is slow."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from drivetrain_triton import AsyncTritonClient, TensorSpec, TritonClient, errors
from drivetrain_triton.testing import FakeModel, FakeServer
from tests.sdk.triton.conftest import asker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivetrain_triton.signature import Tensors
    from drivetrain_triton.telemetry.outcome import Outcome

X = {"x": np.ones(2, np.float32)}


class Pair:
    """Two servers of a model that does not answer the first so many times that it runs, whichever server that is on."""

    def __init__(self, slow: int) -> None:
        self.runs, self._slow, self._lock, self.go_on = 0, slow, threading.Lock(), threading.Event()
        self.told: list[Outcome] = []
        model = FakeModel("m", (TensorSpec("x", "FP32", (2,)),), (TensorSpec("y", "FP32", (2,)),), self._run)
        self.servers = FakeServer(model), FakeServer(model)

    def __enter__(self) -> Pair:
        for one in self.servers:
            one.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        for one in self.servers:
            one.__exit__()

    def _run(self, given: Tensors) -> Tensors:
        with self._lock:
            self.runs += 1
            run = self.runs
        if run <= self._slow:
            self.go_on.wait(30)
        return {"y": given["x"] * run}

    def ask(self, kind: str, calls: int = 1, **given: Any) -> list[float]:
        """By one client, hedged after 50 ms."""
        client = asker(kind, *self.servers)
        if not client.is_async:
            with TritonClient(*client.urls, observers=[self.told.append]) as one:
                model = one.model("m", may_run_twice=True, hedge_after_seconds=0.05)
                return [float(model.infer(X, **given)["y"][0]) for _ in range(calls)]

        async def all_of_them() -> list[float]:
            async with AsyncTritonClient(*client.urls, observers=[self.told.append]) as one:
                model = one.model("m", may_run_twice=True, hedge_after_seconds=0.05)
                return [float((await model.infer(X, **given))["y"][0]) for _ in range(calls)]

        return asyncio.run(all_of_them())

    def results(self) -> list[str]:
        """Of what was told of runs of the model, in their order."""
        return [one.result for one in self.told if one.what == "infer"]


@pytest.fixture
def one_slow() -> Iterator[Pair]:
    with Pair(slow=1) as pair:
        yield pair


def test_a_server_that_is_slow_costs_the_wait_for_the_other_and_no_more(kind: str, one_slow: Pair) -> None:
    began = time.monotonic()
    assert one_slow.ask(kind) == [2.0], "the second server's answer"
    assert time.monotonic() - began < 5, "of ten"
    assert one_slow.results() == ["ok", "abandoned"]
    assert {len(one.seen) for one in one_slow.servers} == {1}


def test_servers_that_answer_soon_are_asked_once(kind: str) -> None:
    with Pair(slow=0) as pair:
        assert pair.ask(kind, 5) == [1.0, 2.0, 3.0, 4.0, 5.0]
        assert pair.results() == ["ok"] * 5


def test_where_both_are_slow_the_call_ends_with_its_time(kind: str) -> None:
    with Pair(slow=2) as pair:
        began = time.monotonic()
        with pytest.raises(errors.DeadlineError):
            pair.ask(kind, timeout_seconds=0.6)
        assert 0.5 < time.monotonic() - began < 5


def test_a_model_that_must_not_run_twice_is_not_hedged() -> None:
    with FakeServer() as server, TritonClient(server.http_url) as client:
        with pytest.raises(errors.ConfigurationError, match="it needs may_run_twice=True"):
            client.model("m", hedge_after_seconds=0.05)
        with pytest.raises(errors.ConfigurationError, match="a time from 0"):
            client.model("m", may_run_twice=True, hedge_after_seconds=-1)


def test_a_caller_who_gives_up_leaves_nothing_under_way() -> None:
    with Pair(slow=2) as pair:

        async def give_up() -> None:
            client = asker("grpc-aio", *pair.servers)
            async with AsyncTritonClient(*client.urls, observers=[pair.told.append]) as one:
                model = one.model("m", may_run_twice=True, hedge_after_seconds=0.05)
                await model.signature()
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.3):
                        await model.infer(X)
                assert {task.get_coro().__name__ for task in asyncio.all_tasks()} == {"give_up"}  # type: ignore[union-attr]

        asyncio.run(give_up())
        assert pair.results() == ["abandoned", "abandoned"]
