"""What all four clients do with a real Triton server, and whether the fake one does the same.

The models are in tests/sdk/triton/models.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from drivetrain_triton import AsyncTritonClient, TritonClient, TritonSettings, errors
from drivetrain_triton.calls import Request
from drivetrain_triton.transports.make import transport
from drivetrain_triton.transports.port import Server
from standins.supervisor import processes
from tests.sdk.triton.conftest import BRAIN, Asker, asker
from tests.support.triton import venv
from tests.support.triton.real_triton import RealTriton
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivetrain_triton import Inferred
    from drivetrain_triton.testing import FakeServer

MODELS = Path(__file__).with_name("models")
CAR = {"car": np.ones((1, 3), np.float32)}
RUNS = "slow runs"  # what the model prints when it does


@pytest.fixture(scope="module")
def triton() -> Iterator[RealTriton]:
    with RealTriton(MODELS) as running:
        yield running


@pytest.fixture
def real(kind: str, triton: RealTriton) -> Asker:
    return asker(kind, triton)


@pytest.fixture
def only_slow(tmp_path: Path) -> Path:
    """A repository of that model alone: a server of it is soon there."""
    (tmp_path / "slow").symlink_to(MODELS / "slow")
    return tmp_path


def called(
    client: Asker, model: str, inputs: dict[str, Any], outputs: list[str] | None = None, **rules: Any
) -> Inferred:
    """A call of a model with rules of its own."""
    if not client.is_async:
        with TritonClient(*client.urls, timeout_seconds=20) as one:
            return one.model(model, **rules).infer(inputs, outputs=outputs)

    async def ask() -> Inferred:
        async with AsyncTritonClient(*client.urls, timeout_seconds=20) as one:
            return await one.model(model, **rules).infer(inputs, outputs=outputs)

    return asyncio.run(ask())


def test_every_type_comes_back_as_it_went(real: Asker) -> None:
    sent: dict[str, Any] = {
        "flag": np.array([[True, False], [False, True]]),
        "small": np.array([[-128, 127], [0, 1]], np.int8),
        "whole": np.array([[2**62, -1], [0, 1]], np.int64),
        "half": np.array([[0.5, -1], [0, 1]], np.float16),
        "brain": np.array([[0.5, -1], [0, 1]], BRAIN),
        "real": np.array([[0.1, -1], [np.inf, 1]], np.float32),
    }
    text = np.array([["Pune", b"\x00\xff"], ["", "जयपुर"]], dtype=object)
    answer = real.infer("echo", {**sent, "text": text}, request_id="a")
    for name, value in sent.items():
        back = answer[f"{name}_back"]
        assert back.dtype == value.dtype
        assert np.array_equal(back, value)
    assert answer["text_back"].tolist() == [[b"Pune", b"\x00\xff"], [b"", "जयपुर".encode()]]
    assert (answer.model, answer.version, answer.id) == ("echo", "1", "a")


def test_an_input_that_may_be_left_out_is(real: Asker) -> None:
    assert set(real.infer("echo", {"small": [[1, 2]]}).outputs) == {"small_back"}


def test_more_rows_than_the_model_takes_are_split_and_joined_in_order(real: Asker) -> None:
    rows = np.arange(33, dtype=np.float32).reshape(11, 3)
    answer = real.infer("price", {"car": rows})
    assert answer["price"].ravel().tolist() == rows.sum(axis=1).tolist()
    assert answer["rows"].ravel().tolist() == [4] * 8 + [3] * 3


def test_only_the_outputs_that_are_asked_for_come(real: Asker) -> None:
    assert set(real.infer("price", CAR, outputs=["rows"]).outputs) == {"rows"}


def test_tensors_go_through_shared_memory_and_come_back_by_it(real: Asker) -> None:
    texts = {"text": np.array([["Pune", "जयपुर"]], object), "whole": np.array([[2**62, -1]])}
    found = called(real, "echo", texts, shared_memory=True)
    assert found["text_back"].tolist() == [[b"Pune", "जयपुर".encode()]]
    assert found["whole_back"].tolist() == [[2**62, -1]]
    assert called(real, "price", CAR, ["price", "rows"], shared_memory=True)["price"].tolist() == [[3.0]]


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
def test_what_is_compressed_comes_back_as_it_went(kind: str, compression: str, triton: RealTriton) -> None:
    client = asker(kind, triton, compression=compression, compress_from_bytes=0)
    assert client.infer("price", {"car": np.ones((11, 3), np.float32)})["price"].ravel().tolist() == [3.0] * 11


def test_the_server_says_what_its_models_take(real: Asker) -> None:
    price = real.signature("price")
    assert (price.max_batch_size, price.versions, price.is_decoupled) == (4, ("1",), False)
    assert str(price.inputs["car"]) == "car FP32[any, 3]"
    assert not price.inputs["car"].is_optional
    assert [str(one) for one in price.outputs.values()] == ["price FP32[any, 1]", "rows INT64[any, 1]"]
    assert all(one.is_optional for one in real.signature("echo").inputs.values())
    countdown = real.signature("countdown")
    assert (countdown.max_batch_size, countdown.is_decoupled) == (0, True)
    assert str(countdown.inputs["n"]) == "n INT32[1]"


def test_a_model_of_many_answers_is_told_of_before_it_is_asked_for_one(real: Asker) -> None:
    with pytest.raises(errors.InputError, match="model countdown: is decoupled"):
        real.infer("countdown", {"n": [1]})


def test_what_is_ready_is_told_and_what_is_not(real: Asker) -> None:
    (url,) = real.urls
    assert real.ready() == {url: True}
    assert real.ready("price") == {url: True}
    assert real.ready("nope") == {url: False}


def test_a_model_or_a_version_that_is_not_there_is_told_by_name(real: Asker) -> None:
    with pytest.raises(errors.ModelNotFoundError, match="unknown model: 'nope' is not found"):
        real.infer("nope", {})
    with pytest.raises(errors.ModelNotFoundError, match="'price' version 7 is not found"):
        real.signature("price", "7")


def test_what_the_model_does_not_take_is_told_before_anything_is_sent(real: Asker) -> None:
    with pytest.raises(errors.InputError, match=r"the array's type is float64: use \.astype\(np\.float32\)"):
        real.infer("price", {"car": np.ones((1, 3))})
    with pytest.raises(errors.InputError, match=r"input car FP32\[any, 3\]: the value's shape is \[1, 2\]"):
        real.infer("price", {"car": np.ones((1, 2), np.float32)})


def test_a_model_that_fails_says_why_and_is_not_asked_again(real: Asker) -> None:
    with pytest.raises(errors.ServerError, match="KeyError: 'colour'") as caught:
        real.infer("fails", {"any": [1]})
    assert type(caught.value) is errors.ServerError
    assert (caught.value.model, caught.value.server) == ("fails", real.urls[0])
    assert not caught.value.may_do_better


def test_models_are_listed_and_come_back_when_they_are_loaded(real: Asker) -> None:
    (url,) = real.urls
    names = {file.name for file in MODELS.iterdir()}
    assert {one.name: one.is_ready for one in real.do("models")} == dict.fromkeys(names, True)
    real.do("unload", "price")
    try:
        assert real.ready("price") == {url: False}
        with pytest.raises(errors.ModelNotFoundError, match="price"):
            real.infer("price", CAR)
        assert not next(one for one in real.do("models") if one.name == "price").is_ready
    finally:
        real.do("load", "price")
    assert real.ready("price") == {url: True}
    assert real.infer("price", CAR)["price"].tolist() == [[3.0]]


@pytest.mark.slow
def test_a_call_ends_in_its_time_while_the_model_goes_on_and_runs_once(real: Asker) -> None:
    before = real.infer("slow", {"seconds": [0]})["runs"][0]
    began = time.monotonic()
    with pytest.raises(errors.DeadlineError):
        real.infer("slow", {"seconds": [2]}, timeout_seconds=0.7)
    assert 0.6 < time.monotonic() - began < 1.7, "not when the model is ready"
    assert real.infer("price", CAR)["price"].tolist() == [[3.0]], "others are answered meanwhile"
    assert real.infer("slow", {"seconds": [0]})["runs"][0] == before + 2


def test_a_call_of_a_server_that_is_killed_meanwhile_is_lost_at_once(kind: str, only_slow: Path) -> None:
    with RealTriton(only_slow) as dies, ThreadPoolExecutor(1) as pool:
        call = pool.submit(called, asker(kind, dies), "slow", {"seconds": [15]})
        eventually("the model runs", lambda: RUNS in dies.log())
        dies.kill()
        began = time.monotonic()
        error = call.exception(timeout=60)
        assert time.monotonic() - began < 5
    assert type(error) is errors.ConnectionLostError
    assert not error.is_surely_not_run


@pytest.mark.slow
def test_a_call_that_may_run_twice_outlives_the_server_that_it_was_made_to(kind: str, only_slow: Path) -> None:
    with RealTriton(only_slow) as one, RealTriton(only_slow) as another, ThreadPoolExecutor(1) as pool:
        call = pool.submit(called, asker(kind, one, another), "slow", {"seconds": [2]}, may_run_twice=True)
        eventually("the model runs", lambda: RUNS in one.log() + another.log())
        dies, stays = (one, another) if RUNS in one.log() else (another, one)
        assert RUNS not in stays.log()
        dies.kill()
        assert call.result(timeout=60)["runs"].tolist() == [1]
        assert stays.log().count(RUNS) == 1


def ones(*shape: int) -> np.ndarray[Any, Any]:
    return np.ones(shape, np.float32)


# What a client of ours would not send. Each: the model, its version, inputs, outputs.
WRONG: dict[str, tuple[str, str, dict[str, np.ndarray[Any, Any]], tuple[str, ...]]] = {
    "no such model": ("nope", "", {"car": ones(1, 3)}, ()),
    "no such version": ("price", "7", {"car": ones(1, 3)}, ()),
    "an input too many": ("price", "", {"car": ones(1, 3), "x": ones(1, 3)}, ()),
    "another input": ("price", "", {"x": ones(1, 3)}, ()),
    "no input": ("price", "", {}, ()),
    "another type": ("price", "", {"car": np.ones((1, 3))}, ()),
    "another shape": ("price", "", {"car": ones(1, 2)}, ()),
    "no dimension of rows": ("price", "", {"car": ones(3)}, ()),
    "too many rows": ("price", "", {"car": ones(5, 3)}, ()),
    "no rows": ("price", "", {"car": ones(0, 3)}, ()),
    "different numbers of rows": ("echo", "", {"real": ones(1, 2), "whole": np.ones((2, 2), np.int64)}, ()),
    "no such output": ("price", "", {"car": ones(1, 3)}, ("cost",)),
}
DATATYPES = {"float32": "FP32", "float64": "FP64", "int64": "INT64"}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_the_fake_server_refuses_what_triton_refuses(
    scheme: str, wrong: str, triton: RealTriton, server: FakeServer
) -> None:
    model, version, inputs, outputs = WRONG[wrong]
    datatypes = {name: DATATYPES[str(one.dtype)] for name, one in inputs.items()}
    told = []
    for each in (triton, server):
        url = each.http_url if scheme == "http" else each.grpc_url
        asked = transport(Server.of(url, TritonSettings.of(urls=(url,))))
        with pytest.raises(errors.TritonError) as caught:
            asked.infer(Request(model, version, inputs, datatypes, outputs), 5)
        asked.close()
        told.append(type(caught.value))
    assert told[1] is told[0]
    assert told[0] in (errors.RefusedError, errors.ModelNotFoundError)


@pytest.mark.parametrize("do", ["load", "unload"])
def test_the_fake_server_says_of_a_model_that_there_is_not_what_triton_says(
    kind: str, do: str, triton: RealTriton, server: FakeServer
) -> None:
    told: list[type[Exception] | None] = []
    for each in (triton, server):
        try:
            asker(kind, each).do(do, "nope")
            told.append(None)
        except errors.TritonError as error:
            told.append(type(error))
    assert told[1] is told[0]


@pytest.mark.parametrize("model", ["echo", "price"])
def test_the_fake_server_says_of_a_model_what_triton_says(
    kind: str, model: str, triton: RealTriton, server: FakeServer
) -> None:
    assert asker(kind, server).signature(model) == asker(kind, triton).signature(model)


def left_of(group: int, shared_memory: str) -> list[object]:
    """Processes of a server, and what they share."""
    running = [one for one in processes.table() if one.group == group and one.running]
    return [*running, *Path("/dev/shm").glob(f"{shared_memory}*")]


def test_nothing_is_left_of_a_server(only_slow: Path) -> None:
    with RealTriton(only_slow) as running:
        its = running.pid, running.shared_memory
        assert len(left_of(*its)) == 3, "the server, its model, and what they share"
    assert left_of(*its) == []


def test_a_server_that_does_not_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken" / "1").mkdir(parents=True)
    (tmp_path / "broken" / "config.pbtxt").write_text('name: "broken" backend: "python" max_batch_size: 0\n')
    (tmp_path / "broken" / "1" / "model.py").write_text("import nothing_such\n")
    broken = RealTriton(tmp_path)
    with pytest.raises(RuntimeError, match=r"Triton did not start:(.|\n)*No module named 'nothing_such'"):
        broken.start()
    assert left_of(-1, broken.shared_memory) == []


def test_a_server_that_is_not_installed_is_told_of_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(venv, "_VENV", tmp_path)
    with pytest.raises(FileNotFoundError, match="run `make venv-tritonserver`"):
        RealTriton(MODELS).start()
