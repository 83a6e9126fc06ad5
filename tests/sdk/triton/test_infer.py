"""What all four clients do, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from drivetrain_triton import AsyncTritonClient, TritonClient, TritonSettings, errors
from drivetrain_triton.testing import FakeServer, Fault
from tests.sdk.triton.conftest import BRAIN, Asker, asker
from tests.support.tcp_proxy import TcpProxy, Trouble
from tests.support.waiting import eventually

CAR = {"car": np.ones((1, 3), np.float32)}


def test_every_type_comes_back_as_it_went(client: Asker) -> None:
    text = np.array([["Pune", b"\x00\xff"], ["", "जयपुर"]], dtype=object)
    sent: dict[str, Any] = {
        "flag": np.array([[True, False], [False, True]]),
        "small": np.array([[-128, 127], [0, 1]], np.int8),
        "whole": np.array([[2**62, -1], [0, 1]], np.int64),
        "half": np.array([[0.5, -1], [0, 1]], np.float16),
        "brain": np.array([[0.5, -1], [0, 1]], BRAIN),
        "real": np.array([[0.1, -1], [np.inf, 1]], np.float32),
        "text": text,
    }
    answer = client.infer("echo", sent)
    for name, value in sent.items():
        back = answer[f"{name}_back"]
        if name == "text":
            assert back.tolist() == [[b"Pune", b"\x00\xff"], [b"", "जयपुर".encode()]]
        else:
            assert back.dtype == value.dtype
            assert np.array_equal(back, value)
    assert (answer.model, answer.version) == ("echo", "1")


def test_lists_become_what_the_model_takes(client: Asker) -> None:
    assert client.infer("echo", {"small": [[1, 2]]})["small_back"].tolist() == [[1, 2]]
    assert client.infer("one", {"at": [3, 4]})["sum"].tolist() == [7]


def test_more_rows_than_the_model_takes_are_split_and_joined_in_order(client: Asker, server: FakeServer) -> None:
    rows = np.arange(33, dtype=np.float32).reshape(11, 3)
    answer = client.infer("price", {"car": rows})
    assert answer["price"].ravel().tolist() == rows.sum(axis=1).tolist()
    assert answer["rows"].ravel().tolist() == [4] * 8 + [3] * 3
    assert len(server.seen) == 3


def test_only_the_outputs_that_are_asked_for_come(client: Asker) -> None:
    assert set(client.infer("price", CAR, outputs=["rows"]).outputs) == {"rows"}


@pytest.mark.parametrize(
    ("model", "inputs", "says"),
    [
        ("price", {}, r"model price: needs car FP32\[any, 3\]"),
        ("price", {**CAR, "x": 1}, "model price: has no input x; it has car FP32"),
        ("price", {"car": np.ones((1, 3))}, r"the array's type is float64: use \.astype\(np\.float32\)"),
        ("price", {"car": np.ones((1, 2), np.float32)}, r"input car FP32\[any, 3\]: the value's shape is \[1, 2\]"),
        ("price", {"car": np.ones(3, np.float32)}, r"the value's shape is \[3\]"),
        ("price", {"car": np.ones((0, 3), np.float32)}, "inputs have no rows"),
        ("echo", {"real": [[0, 1]], "small": [[0, 1], [2, 3]]}, "inputs have different numbers of rows"),
        ("echo", {"small": [[1, 300]]}, "the value can't be made int8"),
        ("echo", {"small": [[1, 1.5]]}, "the value is not what it was once it is int8"),
        ("echo", {"text": [["a", 1]]}, "int is neither text nor bytes"),
        ("echo", {"text": np.array([[b"a\x00", b"b"]])}, "numpy drops zeros at the end"),
        ("echo", {"brain": np.ones((1, 2), np.float32)}, r"use \.astype\(ml_dtypes\.bfloat16\)"),
    ],
)
def test_what_the_model_does_not_take_is_told_before_anything_is_sent(
    server: FakeServer, model: str, inputs: dict[str, Any], says: str
) -> None:
    with pytest.raises(errors.InputError, match=says) as caught:
        asker("http", server).infer(model, inputs)
    assert caught.value.model == model
    assert not server.seen


def test_parameters_of_the_protocol_are_not_the_callers(server: FakeServer) -> None:
    with pytest.raises(errors.InputError, match="parameters sequence_id are the protocol's own; for sequences there"):
        asker("http", server).infer("price", CAR, parameters={"sequence_id": 1, "mine": 2})
    assert not server.seen


def test_a_model_or_an_output_that_is_not_there_is_told_by_name(client: Asker) -> None:
    with pytest.raises(errors.ModelNotFoundError, match="unknown model: 'nope' is not found"):
        client.infer("nope", {})
    with pytest.raises(errors.ModelNotFoundError, match="price"):
        client.signature("price", "7")
    with pytest.raises(errors.InputError, match="has no output cost; it has price FP32"):
        client.infer("price", CAR, outputs=["cost"])


@pytest.mark.parametrize(
    ("fault", "kind_of"),
    [
        (Fault(400, "wrong"), errors.RefusedError),
        (Fault(401, "who"), errors.NotAllowedError),
        (Fault(403, "no"), errors.NotAllowedError),
        (Fault(429, "slowly"), errors.OverloadedError),
        (Fault(500, "the model failed"), errors.ServerError),
        (Fault(503, "full"), errors.OverloadedError),
        (Fault(hangs_up=True), errors.ConnectionLostError),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_what_a_server_answers_becomes_one_of_our_errors_whichever_way_it_is_asked(
    client: Asker, server: FakeServer, fault: Fault, kind_of: type[errors.TritonError]
) -> None:
    server.fail(fault, fault, fault)
    with pytest.raises(errors.TritonError) as caught:
        client.infer("price", CAR)
    assert type(caught.value) is kind_of
    assert len(server.seen) == (3 if kind_of is errors.OverloadedError else 1), "asked again where that is safe alone"
    assert caught.value.model == "price"
    assert caught.value.server in client.urls


def test_a_server_that_never_answers_costs_no_more_than_the_time_for_the_call(
    client: Asker, server: FakeServer
) -> None:
    client.signature("price")
    server.fail(Fault(hangs=True))
    began = time.monotonic()
    with pytest.raises(errors.DeadlineError):
        client.infer("price", CAR, timeout_seconds=0.5)
    assert 0.4 < time.monotonic() - began < 3


def test_a_server_that_is_away_is_passed_over_and_told_of_where_there_is_no_other(
    kind: str, server: FakeServer
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        port = closed.getsockname()[1]
        away = f"{kind.partition('-')[0]}://127.0.0.1:{port}"
        both = asker(kind, server)
        both.urls = (away, *both.urls)
        assert both.infer("price", CAR)["price"].tolist() == [[3.0]]
        assert both.ready() == {away: False, both.urls[1]: True}
        both.urls = (away,)
        with pytest.raises(errors.UnreachableError) as caught:
            both.infer("price", CAR)
    assert caught.value.may_do_better
    assert caught.value.is_surely_not_run


def test_tokens_and_headers_are_sent_and_are_in_no_message(kind: str, server: FakeServer) -> None:
    client = asker(kind, server, token="s3cret", headers={"x-team": "pricing"})
    client.infer("price", CAR)
    assert {("authorization", "Bearer s3cret"), ("x-team", "pricing")} <= server.seen[0].items()
    server.fail(Fault(400, "wrong"))
    with pytest.raises(errors.RefusedError) as caught:
        client.infer("price", CAR)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(TritonSettings.of(urls=client.urls, **client.options))


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
def test_large_requests_are_compressed_and_small_ones_are_not(kind: str, server: FakeServer, compression: str) -> None:
    plain = asker(kind, server)
    with TcpProxy(urlsplit(plain.urls[0]).port or 0) as proxy:
        url = f"{urlsplit(plain.urls[0]).scheme}://127.0.0.1:{proxy.port}"
        client = Asker((url,), plain.is_async, {"compression": compression})
        rows = np.zeros((3, 2), np.float16)
        assert client.infer("echo", {"half": rows})["half_back"].tolist() == rows.tolist()
        small = proxy.sent
        text = np.full((3, 2), "ही" * 50_000, dtype=object)
        found = client.infer("echo", {"text": text})["text_back"]
        assert found.tolist() == [["ही".encode() * 50_000] * 2] * 3
        large = proxy.sent - small
    assert large < 100_000 < text.size * 150_000
    if kind.startswith("http"):
        encodings = [one.get("content-encoding") for one in server.seen]
        assert encodings == [None, compression]


def test_a_model_is_asked_for_what_it_takes_once(client: Asker) -> None:
    found = client.signature("price")
    assert (found.max_batch_size, found.versions, found.is_decoupled) == (4, ("1",), False)
    assert str(found.inputs["car"]) == "car FP32[any, 3]"
    assert client.signature("one").inputs["by"].is_optional


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_many_threads_may_share_a_client_and_each_gets_its_own_answers(kind: str, server: FakeServer) -> None:
    told: list[str] = []
    urls = asker(kind, server).urls
    with TritonClient(*urls, observers=[lambda one: told.append(one.what)]) as client, ThreadPoolExecutor(8) as pool:
        model = client.model("price")

        def ask(number: int) -> float:
            rows = np.full((1 + number % 4, 3), number, np.float32)
            answer = model.infer({"car": rows})
            assert len(answer["price"]) == len(rows)
            return float(answer["price"][-1, 0])

        assert list(pool.map(ask, range(200))) == [3.0 * number for number in range(200)]
    assert told.count("metadata") == 1, "one asks for all"


@pytest.mark.parametrize("kind", ["http-aio", "grpc-aio"])
def test_many_tasks_may_share_a_client_and_each_gets_its_own_answers(kind: str, server: FakeServer) -> None:
    told: list[str] = []
    urls = asker(kind, server).urls

    async def ask_all() -> list[float]:
        async with AsyncTritonClient(*urls, observers=[lambda one: told.append(one.what)]) as client:
            model = client.model("price")

            async def ask(number: int) -> float:
                answer = await model.infer({"car": np.full((1 + number % 4, 3), number, np.float32)})
                return float(answer["price"][-1, 0])

            return await asyncio.gather(*map(ask, range(200)))

    assert asyncio.run(ask_all()) == [3.0 * number for number in range(200)]
    assert told.count("metadata") == 1, "one asks for all"


def test_who_waits_for_what_another_asks_waits_no_longer_than_its_own_time(kind: str, server: FakeServer) -> None:
    client = asker(kind, server)
    with TcpProxy(urlsplit(client.urls[0]).port or 0) as proxy:
        proxy.trouble = Trouble(is_half_open=True)
        url = f"{urlsplit(client.urls[0]).scheme}://127.0.0.1:{proxy.port}"
        began = time.monotonic()
        if client.is_async:

            async def both() -> list[BaseException | object]:
                async with AsyncTritonClient(url, connect_seconds=9) as one:
                    model = one.model("price")
                    slow = asyncio.create_task(model.infer(CAR, timeout_seconds=1.5))
                    await asyncio.sleep(0)
                    found = await asyncio.gather(model.infer(CAR, timeout_seconds=0.2), return_exceptions=True)
                    slow.cancel()
                    return list(found)

            (error,) = asyncio.run(both())
        else:
            with TritonClient(url, connect_seconds=9) as one, ThreadPoolExecutor(2) as pool:
                model = one.model("price")
                slow = pool.submit(model.infer, CAR, timeout_seconds=1.5)
                eventually("the first one asks", model._asking.locked)
                error = pool.submit(model.infer, CAR, timeout_seconds=0.2).exception(timeout=10)
                assert not slow.done()
        assert isinstance(error, errors.DeadlineError)
        assert "metadata of model price: not done within 0.2 s" in str(error)
    assert time.monotonic() - began < 5
