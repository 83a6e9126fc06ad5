"""The Triton hook and operator against a server of the SDK's own, on real sockets."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from airflow.sdk.exceptions import AirflowFailException

from drivetrain.errors import FatalError, RetriableError
from drivetrain_triton import TensorSpec
from drivetrain_triton.testing import FakeModel, FakeServer, Fault
from hooks.triton import TritonHook
from operators.triton_infer import TritonInferOperator

if TYPE_CHECKING:
    from collections.abc import Iterator

CAR = (TensorSpec("car", "FP32", (-1, 3)), TensorSpec("plate", "BYTES", (-1, 1), is_optional=True))
PRICE = FakeModel(
    "price",
    CAR,
    (
        TensorSpec("price", "FP32", (-1, 1)),
        TensorSpec("rows", "INT64", (-1, 1)),
        TensorSpec("plate", "BYTES", (-1, 1)),
    ),
    lambda given: {
        "price": given["car"].sum(axis=1, keepdims=True),
        "rows": np.full((len(given["car"]), 1), len(given["car"])),
        "plate": given.get("plate", np.full((len(given["car"]), 1), b"", dtype=object)),
    },
    max_batch_size=4,
)


def connect(monkeypatch: pytest.MonkeyPatch, **connection: Any) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TRITON_DEFAULT", json.dumps({"conn_type": "triton", **connection}))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    with FakeServer(PRICE) as running:
        scheme, _, rest = running.grpc_url.partition("://")
        host, _, port = rest.partition(":")
        connect(monkeypatch, host=host, port=int(port), schema=scheme, password="s3cret")
        yield running


def infer(**given: Any) -> dict[str, Any]:
    operator = TritonInferOperator(task_id="price", model="price", **given)
    return operator.execute({})  # type: ignore[typeddict-item]


def test_outputs_are_lists_by_name_that_fit_json(server: FakeServer) -> None:
    found = infer(inputs={"car": [[1, 2, 3], [4, 5, float("nan")]], "plate": [["MH 12"], ["जय"]]})
    assert found == {"price": [[6.0], [None]], "rows": [[2], [2]], "plate": [["MH 12"], ["जय"]]}
    json.dumps(found, allow_nan=False)
    assert infer(inputs='{"car": [[1, 2, 3]]}', outputs=["rows"]) == {"rows": [[1]]}
    assert {one["authorization"] for one in server.seen} == {"Bearer s3cret"}


def test_what_no_retry_can_help_ends_the_task_and_the_rest_is_left_to_its_retries(server: FakeServer) -> None:
    for inputs, says in (
        ({}, "model price: needs car FP32"),
        ("{", "model price: inputs are no JSON"),
        ("[1]", "inputs are list: give lists by name"),
        ({"car": [[0, 0, 0]] * 20_000}, r"bytes of outputs do not fit XCom \(48,000\)"),
    ):
        with pytest.raises(AirflowFailException, match=says):
            infer(inputs=inputs)
    server.fail(Fault(403, "no"))
    with pytest.raises(AirflowFailException, match="no"):
        infer(inputs={"car": [[1, 2, 3]]})
    server.fail(Fault(500, "the model failed"))
    with pytest.raises(RetriableError, match="the model failed"):
        infer(inputs={"car": [[1, 2, 3]]})


def test_failed_requests_are_in_the_tasks_log_without_the_token(
    server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.fail(Fault(503))
    with caplog.at_level(logging.INFO):
        infer(inputs={"car": [[1, 2, 3]]})
    assert f"infer of model price at {server.grpc_url}: overloaded" in caplog.text
    assert "s3cret" not in caplog.text


def test_the_forms_button_says_which_servers_are_ready(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert TritonHook().test_connection() == (True, f"{server.grpc_url} is ready")
    away = "http://127.0.0.1:9"
    connect(monkeypatch, extra={"urls": f"{server.http_url}, {away}"})
    assert TritonHook().test_connection() == (
        False,
        f"{server.http_url} is ready; {away} is not ready, or can't be reached",
    )


@pytest.mark.parametrize(
    ("connection", "says"),
    [
        ({}, "connection triton_default: give urls in its extra, or a host"),
        ({"host": "a", "extra": {"retries": 3}}, "unknown extra retries: it knows attempts, ca_file"),
        ({"host": "a", "schema": "ftp"}, "'ftp://a' is none of http://"),
        ({"host": "a", "extra": {"timeout_seconds": 0}}, "timeout_seconds .*greater than 0"),
    ],
)
def test_a_connection_that_cannot_be_used_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], says: str
) -> None:
    connect(monkeypatch, **connection)
    with pytest.raises(FatalError, match=says) as caught:
        _ = TritonHook().settings
    assert "triton_default" in str(caught.value)
