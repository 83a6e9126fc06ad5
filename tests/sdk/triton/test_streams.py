"""Models that give any number of answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from drivetrain_triton import AsyncTritonClient, TensorSpec, errors
from drivetrain_triton.testing import FakeModel, FakeServer, Fault
from tests.support.tcp_proxy import TcpProxy, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from drivetrain_triton.signature import Tensors

NUMBER = (TensorSpec("n", "INT32", (1,)),)


class Countdown:
    """Counts from n down to 1; where n is below 0 forever, and says how far it has come."""

    def __init__(self) -> None:
        self.given, self.is_stopped = 0, threading.Event()
        self.model = FakeModel("countdown", NUMBER, NUMBER, answers=self.answers)

    def answers(self, given: Tensors) -> Iterator[Mapping[str, Any]]:
        left = int(given["n"][0])
        try:
            while left:
                self.given += 1
                yield {"n": [left]}
                left -= 1
        finally:
            self.is_stopped.set()


@pytest.fixture
def countdown() -> Countdown:
    return Countdown()


@pytest.fixture
def server(countdown: Countdown) -> Iterator[FakeServer]:
    with FakeServer(countdown.model) as running:
        yield running


async def streamed(*urls: str, n: int = 3, **given: Any) -> list[int]:
    async with AsyncTritonClient(*urls) as client:
        return [int(one["n"][0]) async for one in client.model("countdown").stream({"n": [n]}, **given)]


def test_all_answers_come_in_order_and_there_may_be_none(server: FakeServer) -> None:
    assert asyncio.run(streamed(server.grpc_url, n=3)) == [3, 2, 1]
    assert asyncio.run(streamed(server.grpc_url, n=0)) == []


def test_what_cannot_stream_says_what_can(server: FakeServer) -> None:
    with pytest.raises(errors.ConfigurationError, match="can't stream: use its grpc:// address"):
        asyncio.run(streamed(server.http_url))

    async def infer() -> None:
        async with AsyncTritonClient(server.grpc_url) as client:
            await client.model("countdown").infer({"n": [1]})

    with pytest.raises(errors.InputError, match=r"is decoupled.*: use AsyncModel\.stream"):
        asyncio.run(infer())
    with pytest.raises(errors.InputError, match="needs n INT32"):
        asyncio.run(_wrong(server.grpc_url))


async def _wrong(url: str) -> None:
    async with AsyncTritonClient(url) as client:
        async for _ in client.model("countdown").stream({}):
            raise AssertionError("nothing is sent")


def test_who_stops_listening_stops_the_model(server: FakeServer, countdown: Countdown) -> None:
    async def first_two() -> list[int]:
        async with AsyncTritonClient(server.grpc_url) as client:
            found: list[int] = []
            async with contextlib.aclosing(client.model("countdown").stream({"n": [-1]})) as answers:
                async for one in answers:
                    found.append(int(one["n"][0]))
                    if len(found) == 2:
                        break
            return found

    assert asyncio.run(first_two()) == [-1, -2]
    assert countdown.is_stopped.wait(10)


def test_a_stream_that_never_ends_costs_no_more_than_the_time_for_the_call(
    server: FakeServer, countdown: Countdown
) -> None:
    began = time.monotonic()
    with pytest.raises(errors.DeadlineError):
        asyncio.run(streamed(server.grpc_url, n=-1, timeout_seconds=0.5))
    assert time.monotonic() - began < 5
    assert countdown.is_stopped.wait(10)


def test_a_server_that_is_away_is_passed_over(server: FakeServer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        away = f"grpc://127.0.0.1:{closed.getsockname()[1]}"
        for _ in range(4):
            assert asyncio.run(streamed(away, server.grpc_url)) == [3, 2, 1]


def test_what_the_server_says_instead_of_an_answer_is_its_error_and_is_not_asked_for_again(server: FakeServer) -> None:
    server.fail(Fault(message="the model failed"))
    with pytest.raises(errors.ServerError, match="the model failed") as caught:
        asyncio.run(streamed(server.grpc_url))
    assert (caught.value.model, caught.value.server) == ("countdown", server.grpc_url)
    assert len(server.seen) == 1


def test_a_stream_that_is_cut_off_says_so_after_what_came(server: FakeServer) -> None:
    found: list[int] = []

    async def listen(proxy: TcpProxy) -> None:
        async with AsyncTritonClient(f"grpc://127.0.0.1:{proxy.port}") as client:
            async for one in client.model("countdown", may_run_twice=True).stream({"n": [-1]}):
                found.append(int(one["n"][0]))
                proxy.trouble = Trouble(resets_after=0)

    with TcpProxy(urlsplit(server.grpc_url).port or 0) as proxy, pytest.raises(errors.ConnectionLostError):
        asyncio.run(listen(proxy))
    assert found[0] == -1
    assert found == sorted(found, reverse=True), "none came twice"
