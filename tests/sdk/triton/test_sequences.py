"""Requests of which a model keeps a state."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from drivetrain_triton import AsyncTritonClient, TensorSpec, TritonClient, errors
from drivetrain_triton.testing import FakeModel, FakeServer, Fault
from tests.sdk.triton.conftest import asker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drivetrain_triton.signature import Tensors


def add(state: dict[str, Any], given: Tensors) -> Tensors:
    state["sum"] = state.get("sum", 0) + given["x"]
    return {"sum": state["sum"]}


ADDER = FakeModel("adder", (TensorSpec("x", "INT32", (1,)),), (TensorSpec("sum", "INT32", (1,)),), step=add)


@pytest.fixture
def servers() -> Iterator[tuple[FakeServer, ...]]:
    with FakeServer(ADDER) as first, FakeServer(ADDER) as second:
        yield first, second


class Adder:
    """One sequence after the other by one client of the kind; each call is given as (number, is it the last)."""

    def __init__(self, kind: str, servers: tuple[FakeServer, ...]) -> None:
        self._client = asker(kind, *servers)

    def sums(self, *calls: tuple[int, bool], before: Callable[[int], None] = lambda number: None) -> list[int]:
        if not self._client.is_async:
            with TritonClient(*self._client.urls) as client:
                sequence = client.model("adder").sequence()
                found = []
                for at, (number, is_last) in enumerate(calls):
                    before(at)
                    found.append(int(sequence.infer({"x": [number]}, is_last=is_last)["sum"][0]))
                return found

        async def ask() -> list[int]:
            async with AsyncTritonClient(*self._client.urls) as client:
                sequence, found = client.model("adder").sequence(), []
                for at, (number, is_last) in enumerate(calls):
                    before(at)
                    found.append(int((await sequence.infer({"x": [number]}, is_last=is_last))["sum"][0]))
                return found

        return asyncio.run(ask())


def test_a_sequence_stays_on_one_server_that_keeps_its_state_until_its_last_request(
    kind: str, servers: tuple[FakeServer, ...]
) -> None:
    for _ in range(4):
        for one in servers:
            one.seen.clear()
        assert Adder(kind, servers).sums((1, False), (2, False), (3, True)) == [1, 3, 6]
        assert sorted(len(one.seen) for one in servers) == [0, 3]


def test_a_request_that_surely_has_not_run_is_made_again_on_the_same_server(
    kind: str, servers: tuple[FakeServer, ...]
) -> None:
    def trouble(at: int) -> None:
        if at == 1:
            for one in servers:
                one.fail(Fault(503))

    assert Adder(kind, servers).sums((1, False), (2, False), (3, True), before=trouble) == [1, 3, 6]
    assert sorted(len(one.seen) for one in servers) == [0, 4]


def test_a_sequence_that_may_have_lost_a_request_goes_no_further(kind: str) -> None:
    with FakeServer(ADDER) as server, TritonClient(*asker(kind, server).urls) as client:
        sequence = client.model("adder", may_run_twice=True).sequence()
        sequence.infer({"x": [1]})
        server.fail(Fault(hangs_up=True))
        with pytest.raises(errors.ConnectionLostError):
            sequence.infer({"x": [2]})
        with pytest.raises(errors.SequenceError, match=r"lost request 2 \(ConnectionLostError\): begin anew"):
            sequence.infer({"x": [3]})
        assert len(server.seen) == 2
        over = client.model("adder").sequence()
        over.infer({"x": [1]}, is_last=True)
        with pytest.raises(errors.SequenceError, match="has had its last request: begin another"):
            over.infer({"x": [1]})
        assert over.id != sequence.id


def test_the_fake_server_knows_no_sequence_that_has_not_begun(kind: str) -> None:
    with FakeServer(ADDER) as server, pytest.raises(errors.RefusedError, match="must specify the START flag"):
        asker(kind, server).infer("adder", {"x": np.ones(1, np.int32)})
