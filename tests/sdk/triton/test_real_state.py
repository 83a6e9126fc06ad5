"""Streams, sequences and hedged calls with a real Triton server, and what becomes of its view of shared memory."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from drivetrain_triton import AsyncTritonClient, TritonClient, errors
from tests.sdk.triton.conftest import asker
from tests.support.triton.real_triton import RealTriton

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = Path(__file__).with_name("models")


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[RealTriton, RealTriton]]:
    with RealTriton(MODELS) as one, RealTriton(MODELS) as another:
        yield one, another


async def countdown(url: str, n: int, **given: float) -> list[int]:
    async with AsyncTritonClient(url) as client:
        return [int(one["left"][0]) async for one in client.model("countdown").stream({"n": [n]}, **given)]


def test_a_decoupled_model_gives_as_many_answers_as_it_likes(pair: tuple[RealTriton, RealTriton]) -> None:
    assert asyncio.run(countdown(pair[0].grpc_url, 5)) == [4, 3, 2, 1, 0]
    assert asyncio.run(countdown(pair[0].grpc_url, 0)) == []


def test_a_model_that_fails_in_the_middle_says_so_after_what_it_gave(pair: tuple[RealTriton, RealTriton]) -> None:
    found: list[int] = []

    async def listen() -> None:
        async with AsyncTritonClient(pair[0].grpc_url) as client:
            async for one in client.model("countdown").stream({"n": [-2]}):
                found.append(int(one["left"][0]))

    with pytest.raises(errors.ServerError) as caught:
        asyncio.run(listen())
    assert len(found) == 2
    assert "\n" not in str(caught.value)
    assert caught.value.model == "countdown"


def test_many_sequences_keep_their_sums_apart_and_each_stays_on_one_of_two_servers(
    kind: str, pair: tuple[RealTriton, RealTriton]
) -> None:
    client = asker(kind, *pair)
    sums: dict[int, list[int]] = {}
    if client.is_async:

        async def ask_all() -> None:
            async with AsyncTritonClient(*client.urls, timeout_seconds=20) as one:
                model = one.model("adder")

                async def ask(number: int) -> None:
                    sequence = model.sequence()
                    sums[number] = [
                        int((await sequence.infer({"value": [[number]]}, is_last=at == 3))["sum"][0, 0])
                        for at in range(4)
                    ]

                await asyncio.gather(*map(ask, range(1, 9)))

        asyncio.run(ask_all())
    else:
        with TritonClient(*client.urls, timeout_seconds=20) as one:
            for number in range(1, 9):
                sequence = one.model("adder").sequence()
                sums[number] = [
                    int(sequence.infer({"value": [[number]]}, is_last=at == 3)["sum"][0, 0]) for at in range(4)
                ]
    assert sums == {number: [number * at for at in (1, 2, 3, 4)] for number in range(1, 9)}


def test_a_hedged_call_is_answered_by_the_server_that_has_time(kind: str, pair: tuple[RealTriton, RealTriton]) -> None:
    client = asker(kind, *pair)
    busy = asker("grpc-aio", *pair)

    async def occupy(url: str) -> None:
        async with AsyncTritonClient(url, timeout_seconds=20) as one:
            with contextlib.suppress(errors.DeadlineError):
                await one.model("slow").infer({"seconds": [2]}, timeout_seconds=0.3)

    asyncio.run(occupy(busy.urls[0]))
    began = time.monotonic()
    if client.is_async:

        async def ask() -> None:
            async with AsyncTritonClient(*client.urls, timeout_seconds=20) as one:
                model = one.model("slow", may_run_twice=True, hedge_after_seconds=0.1)
                for _ in range(3):
                    await model.infer({"seconds": [0]})

        asyncio.run(ask())
    else:
        with TritonClient(*client.urls, timeout_seconds=20) as one:
            model = one.model("slow", may_run_twice=True, hedge_after_seconds=0.1)
            for _ in range(3):
                model.infer({"seconds": [0]})
    assert time.monotonic() - began < 1.7, "the busy one needs two seconds"


def test_a_server_that_was_started_again_is_told_of_shared_memory_once_more(kind: str, tmp_path: Path) -> None:
    (tmp_path / "price").symlink_to(MODELS / "price")
    rows = np.ones((2, 3), np.float32)
    with RealTriton(tmp_path) as server:
        client = asker(kind, server)
        if client.is_async:

            async def ask() -> list[list[float]]:
                async with AsyncTritonClient(*client.urls, timeout_seconds=20) as one:
                    model = one.model("price", shared_memory=True, may_run_twice=True)
                    await model.infer({"car": rows}, outputs=["price"])
                    server.stop()
                    server.start()
                    found: list[list[float]] = (await model.infer({"car": rows}, outputs=["price"]))["price"].tolist()
                    return found

            again = asyncio.run(ask())
        else:
            with TritonClient(*client.urls, timeout_seconds=20) as one:
                model = one.model("price", shared_memory=True, may_run_twice=True)
                model.infer({"car": rows}, outputs=["price"])
                server.stop()
                server.start()
                again = model.infer({"car": rows}, outputs=["price"])["price"].tolist()
    assert again == [[3.0], [3.0]]
    assert not list(Path("/dev/shm").glob("drivetrain-triton-*"))
