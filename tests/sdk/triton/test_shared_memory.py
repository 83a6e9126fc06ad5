"""Tensors in memory that the server shares, and what becomes of it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drivetrain_triton.testing.tensors
from drivetrain_triton import AsyncTritonClient, TritonClient, errors
from drivetrain_triton.shared_memory import PREFIX, Regions
from drivetrain_triton.testing import FakeServer, Fault
from tests.sdk.triton.clocks import Clock
from tests.sdk.triton.conftest import asker
from tests.support.waiting import eventually

SHARED = Path("/dev/shm")
ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


def left_over() -> list[str]:
    return sorted(one.name for one in SHARED.glob(f"{PREFIX}*"))


@pytest.fixture(autouse=True)
def nothing_is_left_over() -> Any:
    assert left_over() == []
    yield
    assert left_over() == []


def infer(kind: str, servers: tuple[FakeServer, ...], *calls: tuple[str, dict[str, Any]], **given: Any) -> list[Any]:
    """By one client of the kind, all tensors in shared memory: outputs of each call, or its error."""
    client = asker(kind, *servers)
    if not client.is_async:
        with TritonClient(*client.urls) as one:
            found: list[Any] = []
            for model, inputs in calls:
                try:
                    found.append(one.model(model, shared_memory=True).infer(inputs, **given).outputs)
                except errors.TritonError as error:
                    found.append(error)
            return found

    async def ask() -> list[Any]:
        async with AsyncTritonClient(*client.urls) as one:
            found: list[Any] = []
            for model, inputs in calls:
                try:
                    found.append((await one.model(model, shared_memory=True).infer(inputs, **given)).outputs)
                except errors.TritonError as error:
                    found.append(error)
            return found

    return asyncio.run(ask())


def test_values_of_all_types_go_there_and_back_and_little_of_them_is_sent(kind: str, server: FakeServer) -> None:
    text = np.array([["Pune" * 5_000, "जयपुर"]] * 4, dtype=object)
    inputs = {
        "text": text,
        "flag": np.array([[True, False]] * 4),
        "half": np.full((4, 2), 0.5, np.float16),
        "real": np.full((4, 2), 0.25, np.float32),
    }
    (priced,) = infer(kind, (server,), ("price", {"car": ROWS}), outputs=["price"])
    assert priced["price"].ravel().tolist() == ROWS.sum(axis=1).tolist()
    outputs = [f"{name}_back" for name in inputs]
    (echoed,) = infer(kind, (server,), ("echo", inputs), outputs=outputs)
    assert echoed["text_back"].tolist() == [[b"Pune" * 5_000, "जयपुर".encode()]] * 4
    for name in ("flag", "half", "real"):
        assert np.array_equal(echoed[f"{name}_back"], inputs[name])
    if kind.startswith("http"):
        assert all(int(one["content-length"]) < 3_000 for one in server.seen)
    assert server.regions == {}, "the server was told that it is over"


def test_regions_are_used_again_and_answers_stay_what_they_were(kind: str, server: FakeServer) -> None:
    calls = [("price", {"car": ROWS + number}) for number in range(10)]
    found = infer(kind, (server,), *calls, outputs=["price", "rows"])
    assert [one["price"].ravel().tolist() for one in found] == [
        (ROWS + number).sum(axis=1).tolist() for number in range(10)
    ]


def test_threads_have_regions_of_their_own(server: FakeServer) -> None:
    with TritonClient(server.grpc_url) as client, ThreadPoolExecutor(8) as pool:
        model = client.model("price", shared_memory=True)
        found = pool.map(lambda number: model.infer({"car": ROWS + number})["price"].ravel().tolist(), range(100))
        assert list(found) == [(ROWS + number).sum(axis=1).tolist() for number in range(100)]
        assert len(server.regions) <= 8
        assert sorted(server.regions) == left_over()


def test_memory_of_a_request_that_was_not_answered_is_never_used_again(kind: str, server: FakeServer) -> None:
    server.fail(Fault(500, "the model failed"))
    failed, answered = infer(kind, (server,), ("price", {"car": ROWS}), ("price", {"car": ROWS}))
    assert isinstance(failed, errors.ServerError)
    assert answered["price"].ravel().tolist() == ROWS.sum(axis=1).tolist()


def test_a_server_that_was_started_again_is_told_of_the_memory_once_more(kind: str, server: FakeServer) -> None:
    client = asker(kind, server)
    if client.is_async:

        async def ask() -> list[float]:
            async with AsyncTritonClient(*client.urls) as one:
                model = one.model("price", shared_memory=True)
                await model.infer({"car": ROWS})
                server.regions.clear()
                found: list[float] = (await model.infer({"car": ROWS}))["price"].ravel().tolist()
                return found

        again = asyncio.run(ask())
    else:
        with TritonClient(*client.urls) as one:
            model = one.model("price", shared_memory=True)
            model.infer({"car": ROWS})
            server.regions.clear()
            again = model.infer({"car": ROWS})["price"].ravel().tolist()
    assert again == ROWS.sum(axis=1).tolist()


def test_a_server_that_cannot_open_the_memory_says_so_and_none_is_left(
    kind: str, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivetrain_triton.testing.tensors, "_SHARED", tmp_path)  # as on another machine
    (failed,) = infer(kind, (server,), ("price", {"car": ROWS}))
    assert isinstance(failed, errors.RefusedError)
    assert "shared memory" in str(failed)


KILLED = """
import sys, numpy as np
from drivetrain_triton import TritonClient
client = TritonClient(sys.argv[1])
client.model("price", shared_memory=True).infer({"car": np.ones((4, 3), np.float32)})
print("asked", flush=True)
sys.stdin.read() if sys.argv[2] == "waits" else None
"""


@pytest.mark.parametrize("end", ["waits", "returns"])
def test_nothing_is_left_over_of_a_process_that_is_killed_or_forgets_to_close(server: FakeServer, end: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, server.grpc_url, end], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        assert len(server.regions) == 1
        if end == "waits":
            assert len(left_over()) == 1
            process.send_signal(signal.SIGKILL)
    eventually("the memory is gone", lambda: not left_over())
    assert len(server.regions) == 1, "nobody told the server"
    with TritonClient(server.grpc_url) as client:
        client.model("price", shared_memory=True).infer({"car": ROWS})
        assert list(server.regions) == left_over(), "the next client did"


def test_what_was_dropped_is_unregistered_only_once_the_server_has_done_with_it() -> None:
    clock = Clock()
    regions = Regions(clock)
    region = regions.lease(10)
    region.is_registered = True
    regions.drop(region)
    clock.now += 59
    assert regions.to_unregister() == []
    clock.now += 2
    assert regions.to_unregister() == [region.name]
    assert regions.to_unregister() == []
    assert regions.close() == []
