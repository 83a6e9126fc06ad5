"""What is told of requests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client import CollectorRegistry

from drivetrain_triton import errors
from drivetrain_triton.telemetry.log import LogObserver
from drivetrain_triton.telemetry.otel import OtelObserver
from drivetrain_triton.telemetry.outcome import Outcome
from drivetrain_triton.telemetry.prometheus import PrometheusObserver
from drivetrain_triton.testing import Fault
from tests.sdk.triton.conftest import asker

if TYPE_CHECKING:
    from drivetrain_triton.testing import FakeServer

# Neither a port nor a clock can print this one by chance.
CAR = {"car": np.full((1, 3), -8675309, np.float32)}


def seen_by(kind: str, server: FakeServer, *observers: Any) -> str:
    """One call that is asked again once, and one that fails; gives the server's URL."""
    client = asker(kind, server, token="s3cret", observers=observers)
    server.fail(Fault(503))
    client.infer("price", CAR)
    server.fail(Fault(400, "wrong"))
    with pytest.raises(errors.RefusedError):
        client.infer("price", CAR)
    return client.urls[0]


def test_each_request_is_told_of_with_its_attempt_and_its_end(kind: str, server: FakeServer) -> None:
    told: list[Outcome] = []
    url = seen_by(kind, server, told.append)
    assert {(one.server, one.model) for one in told} == {(url, "price")}
    assert [(one.what, one.attempt, one.result, one.is_last) for one in told] == [
        ("metadata", 1, "ok", True),
        ("config", 1, "ok", True),
        ("infer", 1, "overloaded", False),
        ("infer", 2, "ok", True),
        ("metadata", 1, "ok", True),
        ("config", 1, "ok", True),
        ("infer", 1, "refused", True),
    ]
    assert all(0 < one.seconds < 10 for one in told)


def test_a_log_has_what_failed_and_neither_values_nor_secrets(
    kind: str, server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "drivetrain_triton"):
        url = seen_by(kind, server, LogObserver())
    assert [(one.levelname, one.getMessage().partition(" after ")[0]) for one in caplog.records] == [
        ("INFO", f"infer of model price at {url}: overloaded"),
        ("WARNING", f"infer of model price at {url}: refused"),
    ]
    assert caplog.records[0].__dict__["triton_attempt"] == 1
    for secret in ("s3cret", "-8675309"):
        assert secret not in str([one.__dict__ for one in caplog.records])


def test_requests_are_counted_by_model_server_and_result(kind: str, server: FakeServer) -> None:
    registry = CollectorRegistry()
    url = seen_by(kind, server, PrometheusObserver(registry))

    def count(result: str) -> float | None:
        labels = {"what": "infer", "model": "price", "server": url, "result": result}
        return registry.get_sample_value("triton_client_requests_total", labels)

    assert [count(result) for result in ("ok", "overloaded", "refused")] == [1, 1, 1]
    assert registry.get_sample_value("triton_client_retries_total", {"model": "price", "server": url}) == 1
    labels = {"what": "infer", "model": "price", "server": url}
    assert registry.get_sample_value("triton_client_seconds_count", labels) == 3


def test_each_request_is_a_span_below_the_callers(server: FakeServer) -> None:
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("caller") as caller:
        seen_by("http", server, OtelObserver(tracer))
    spans = [one for one in kept.get_finished_spans() if one.name == "infer price"]
    assert {one.parent.span_id for one in spans if one.parent} == {caller.get_span_context().span_id}
    assert [one.status.status_code for one in spans] == [StatusCode.ERROR, StatusCode.UNSET, StatusCode.ERROR]
    assert [(one.attributes or {}).get("error.type") for one in spans] == ["overloaded", None, "refused"]
    assert all((one.end_time or 0) > (one.start_time or 0) for one in spans)


def test_the_callers_trace_goes_along_with_the_headers_of_a_call(kind: str, server: FakeServer) -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("caller") as caller:
        asker(kind, server, inject=inject).infer("price", CAR, headers={"x-tenant": "cars"})
    trace = f"{caller.get_span_context().trace_id:032x}"
    assert server.seen[0]["traceparent"].split("-")[1] == trace
    assert server.seen[0]["x-tenant"] == "cars"


def test_an_observer_that_fails_breaks_no_call(server: FakeServer, caplog: pytest.LogCaptureFixture) -> None:
    def fails(_: Outcome) -> None:
        raise KeyError("mine")

    assert asker("http", server, observers=[fails]).infer("price", CAR)["price"].size == 1
    assert "an observer of requests failed" in caplog.text
