"""Networks and servers that fail in the middle of a call."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
import pytest

from drivetrain_triton import AsyncTritonClient, TritonClient, errors
from drivetrain_triton.testing import FakeServer
from tests.sdk.triton.conftest import MODELS, Asker, asker
from tests.support.tcp_proxy import TcpProxy, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

CAR = {"car": np.ones((1, 3), np.float32)}


class Line:
    """One client that is kept, over a proxy, to one server; and how long a call took."""

    def __init__(self, client: Asker, proxy: TcpProxy) -> None:
        self.client, self.proxy = client, proxy
        scheme = urlsplit(client.urls[0]).scheme
        self.direct = client.urls
        client.urls = (f"{scheme}://127.0.0.1:{proxy.port}",)


@pytest.fixture
def line(kind: str, server: FakeServer) -> Iterator[Line]:
    client = asker(kind, server)
    with TcpProxy(urlsplit(client.urls[0]).port or 0) as proxy:
        yield Line(client, proxy)


def took(began: float) -> float:
    return time.monotonic() - began


def test_latency_alone_changes_nothing(line: Line) -> None:
    line.proxy.trouble = Trouble(latency_seconds=0.02)
    assert line.client.infer("price", CAR)["price"].tolist() == [[3.0]]


def test_a_network_that_drips_holds_nobody_up_beyond_the_deadline(line: Line) -> None:
    line.proxy.trouble = Trouble(latency_seconds=0.05, drips=True)
    began = time.monotonic()
    with pytest.raises((errors.DeadlineError, errors.UnreachableError)):
        line.client.infer("price", CAR, timeout_seconds=0.7)
    assert took(began) < 3


def test_a_server_that_takes_connections_and_says_nothing_holds_nobody_up_beyond_the_deadline(line: Line) -> None:
    line.proxy.trouble = Trouble(is_half_open=True)
    began = time.monotonic()
    with pytest.raises((errors.DeadlineError, errors.UnreachableError)):
        line.client.infer("price", CAR, timeout_seconds=0.5)
    assert took(began) < 3


def kept_open(line: Line, trouble: Trouble, *, may_run_twice: bool) -> float:
    """The price, asked for once in peace and once in trouble, by one client."""
    urls = (*line.client.urls, *line.direct) if may_run_twice else line.client.urls
    if not line.client.is_async:
        with TritonClient(*urls, timeout_seconds=5) as client:
            model = client.model("price", may_run_twice=may_run_twice)
            for _ in range(4):
                model.infer(CAR)
            line.proxy.trouble = trouble
            for _ in range(4):
                answer = model.infer(CAR)
            return float(answer["price"][0, 0])

    import asyncio

    async def ask() -> float:
        async with AsyncTritonClient(*urls, timeout_seconds=5) as client:
            model = client.model("price", may_run_twice=may_run_twice)
            for _ in range(4):
                await model.infer(CAR)
            line.proxy.trouble = trouble
            for _ in range(4):
                answer = await model.infer(CAR)
            return float(answer["price"][0, 0])

    return asyncio.run(ask())


def test_an_answer_that_is_cut_off_is_lost_and_is_not_asked_for_again_unless_that_does_no_harm(
    line: Line, server: FakeServer
) -> None:
    cut = Trouble(resets_after=10)
    with pytest.raises(errors.ConnectionLostError):
        kept_open(line, cut, may_run_twice=False)
    assert len(server.seen) == 5, "four in peace and one in trouble"
    line.proxy.trouble = Trouble()
    assert kept_open(line, cut, may_run_twice=True) == 3.0


def test_a_server_that_is_killed_in_the_middle_of_calls_costs_none_of_those_that_may_run_twice(kind: str) -> None:
    with FakeServer(*MODELS) as stays:
        first = FakeServer(*MODELS)
        with first:
            client = asker(kind, first, stays)
            with TritonClient(*client.urls, timeout_seconds=5) as both:
                model = both.model("price", may_run_twice=True)
                found = [float(model.infer(CAR)["price"][0, 0]) for _ in range(20)]
                first.__exit__()
                found += [float(model.infer(CAR)["price"][0, 0]) for _ in range(20)]
            assert found == [3.0] * 40
            first.__enter__()
