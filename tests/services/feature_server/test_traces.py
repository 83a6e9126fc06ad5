"""Traces of the feature server, as a collector gets them over HTTP."""

from __future__ import annotations

import datetime as dt
import socket
import time
from typing import TYPE_CHECKING

import psutil
import pyarrow as pa
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.services.feature_server.conftest import KEYS, NOW, Running, clients_file, write
from tests.support.collector import Collector, told
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis import Redis

    from tests.support.valkey import Valkey

pytestmark = pytest.mark.slow
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
NAME = "POST /get-online-features"
SECRET_CAR, SECRET_CITY = 723_456_789, "Pune-of-nobody-else"
BODY = {"features": ["cars:city", "cars:price"], "entities": {"car": [SECRET_CAR]}}
PAGE = {"feature_service": "page", "entities": {"car": [SECRET_CAR, 2], "dealer": ["d1", "d1"], "branch": [2, 2]}}


@pytest.fixture(scope="module", autouse=True)
def rows(redis: Redis) -> None:
    columns = {name: [None] for name in ("views", "tags", "raw", "sold")}
    at = pa.array([NOW], pa.timestamp("us", "UTC"))
    write(redis, "cars", car=[SECRET_CAR], city=[SECRET_CITY], price=[7.5], at=at, **columns)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch, collector: Collector) -> pytest.MonkeyPatch:
    """Traces on, into the collector, a span at once."""
    monkeypatch.setenv("DRIVETRAIN_FEATURES_TRACES", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    return monkeypatch


def spans(collector: Collector, count: int) -> list[Span]:
    """So many, in the order of their ends."""
    eventually(f"{count} spans", lambda: len(collector.spans) >= count)
    assert len(collector.spans) == count
    return sorted(collector.spans, key=lambda one: one.end_time_unix_nano)


def test_a_request_is_a_span_below_its_callers_with_the_round_trip_to_redis_below_it(
    folder: Path, valkey: Valkey, collector: Collector, switch: pytest.MonkeyPatch
) -> None:
    switch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=cars")
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5", CLIENTS=str(clients_file(folder))) as server:
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=1", "X-Api-Key": KEYS["all"]}
        assert server.client.post("/get-online-features", json=PAGE, headers=headers).status_code == 200
        redis, request = spans(collector, 2)
    assert (request.name, request.kind) == (NAME, Span.SPAN_KIND_SERVER)
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, CALLER)
    assert request.trace_state == "vendor=1"
    assert told(request.attributes) == {
        "http.request.method": "POST",
        "http.route": "/get-online-features",
        "http.response.status_code": 200,
        "url.path": "/get-online-features",
        "url.scheme": "http",
        "drivetrain.client": "everything",
        "drivetrain.entities": 2,
        "drivetrain.features": 4,
        "drivetrain.feature_service": "page",
    }
    assert (redis.name, redis.kind) == ("PIPELINE", Span.SPAN_KIND_CLIENT)
    assert (redis.trace_id, redis.parent_span_id) == (request.trace_id, request.span_id)
    assert told(redis.attributes) == {
        "db.system.name": "redis",
        "db.namespace": "0",
        "db.operation.name": "PIPELINE",  # HMGET of cars, HGETALL of dealers
        "db.operation.batch.size": 3,  # two cars and one dealer
        "server.address": "127.0.0.1",
        "server.port": valkey.port,
    }
    assert request.start_time_unix_nano <= redis.start_time_unix_nano <= redis.end_time_unix_nano
    assert {one.status.code for one in (redis, request)} == {Status.STATUS_CODE_UNSET}
    assert (collector.services, collector.headers[0]["x-tenant"]) == ({"drivetrain-feature-server"}, "cars")


def test_one_entity_is_no_batch_and_a_request_without_a_caller_begins_a_trace(
    folder: Path, valkey: Valkey, collector: Collector, switch: pytest.MonkeyPatch
) -> None:
    switch.setenv("OTEL_SERVICE_NAME", "features-of-pune")
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5") as server:
        assert server.ask(**BODY).status_code == 200
        assert server.client.get("/ready").status_code == 200
        redis, request = spans(collector, 2)
    assert redis.name == told(redis.attributes)["db.operation.name"] == "HMGET"
    assert "db.operation.batch.size" not in told(redis.attributes)
    assert (request.parent_span_id, told(request.attributes)["drivetrain.client"]) == (b"", "anybody")
    assert collector.services == {"features-of-pune"}


def test_no_span_has_a_key_an_entity_or_a_value_whatever_is_asked(
    folder: Path, valkey: Valkey, collector: Collector, switch: pytest.MonkeyPatch
) -> None:
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5", CLIENTS=str(clients_file(folder))) as server:
        wrong = {"features": ["cars:city"], "entities": {"car": [f"x{SECRET_CAR}"]}}
        pasted = {"feature_service": KEYS["all"], "entities": {"car": [SECRET_CAR]}}
        assert SECRET_CITY in server.ask(key=KEYS["all"], **BODY).text
        statuses = [
            server.ask(key=key, **body).status_code
            for key, body in (("a-guess", BODY), (KEYS["cars"], PAGE), (KEYS["all"], wrong), (KEYS["all"], pasted))
        ]
        large = server.client.post("/get-online-features?key=a-guess", content=b" " * 4_100_000)
        found = spans(collector, 7)
    assert (*statuses, large.status_code) == (401, 403, 422, 404, 413)
    requests = [told(one.attributes) for one in found if one.name == NAME]
    assert [one["http.response.status_code"] for one in requests] == [200, *statuses, 413]
    assert [one.get("drivetrain.client") for one in requests[:3]] == ["everything", "unknown", "pricing"]
    assert {one.status.code for one in found} == {Status.STATUS_CODE_UNSET}, "the caller's mistakes are no errors"
    sent = b"".join(collector.bodies)
    for secret in (*KEYS.values(), "a-guess", str(SECRET_CAR), SECRET_CITY):
        assert secret.encode() not in sent, secret


def test_a_redis_that_is_away_is_an_error_of_both_spans(
    folder: Path, valkey: Valkey, collector: Collector, switch: pytest.MonkeyPatch
) -> None:
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="0.5") as server:
        with valkey.standing_still():
            assert server.ask(**BODY).status_code == 503
        redis, request = spans(collector, 2)
    assert {one.status.code for one in (redis, request)} == {Status.STATUS_CODE_ERROR}
    assert told(redis.attributes)["error.type"] == "TimeoutError"
    assert {told(request.attributes)[name] for name in ("error.type", "http.response.status_code")} == {"503", 503}
    assert not any(one.status.message or one.events for one in (redis, request))


def test_a_callers_decision_is_kept_and_others_are_traced_at_the_samplers_ratio(
    folder: Path, valkey: Valkey, collector: Collector, switch: pytest.MonkeyPatch
) -> None:
    switch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    switch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5") as server:
        for flags in ("00", "01", None):
            headers = {"traceparent": f"00-{TRACE}-{CALLER}-{flags}"} if flags else {}
            assert server.client.post("/get-online-features", json=BODY, headers=headers).status_code == 200
    assert [one.trace_id.hex() for one in spans(collector, 2)] == [TRACE, TRACE], "what is left is sent at the end"


@pytest.mark.parametrize("parent", ["", "nonsense", f"00-{'0' * 32}-{CALLER}-01", "00-" + "f" * 600])
def test_a_traceparent_that_is_none_begins_a_trace(
    folder: Path, valkey: Valkey, collector: Collector, switch: pytest.MonkeyPatch, parent: str
) -> None:
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5") as server:
        response = server.client.post("/get-online-features", json=BODY, headers={"traceparent": parent})
        assert response.status_code == 200
        assert spans(collector, 2)[1].parent_span_id == b""


def test_a_server_that_ends_sends_what_it_has(
    folder: Path, valkey: Valkey, collector: Collector, switch: pytest.MonkeyPatch
) -> None:
    switch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5") as server:
        for _ in range(20):
            assert server.ask(**BODY).status_code == 200
        assert not collector.spans
    assert len(spans(collector, 40)) == 40


def test_a_collector_that_never_answers_slows_no_request_holds_up_no_end_and_is_told_of_once(
    folder: Path, valkey: Valkey, switch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        switch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        switch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
        switch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
        with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5") as server:
            before = server.log.stat().st_size
            answers = [server.ask(**BODY) for _ in range(200)]
            assert {one.status_code for one in answers} == {200}
            assert max(one.elapsed for one in answers) < dt.timedelta(seconds=2)
            server.process.terminate()
            began = time.monotonic()
            server.process.wait(timeout=30)
            assert time.monotonic() - began < 15
            lines = server.log.read_bytes()[before:].decode().splitlines()
        assert sum("Queue full, dropping Span" in line for line in lines) == 1, lines
        assert len(lines) < 5, lines


def test_a_collector_that_is_not_there_is_told_of_once_and_requests_are_answered(
    folder: Path, valkey: Valkey, switch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        switch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5") as server:
            before = server.log.stat().st_size

            def lines() -> list[str]:
                assert server.ask(**BODY).status_code == 200
                return server.log.read_bytes()[before:].decode().splitlines()

            # The SDK gives a batch up after some tries, and begins with the next.
            eventually("a batch that was given up", lambda: any("Failed to export" in line for line in lines()))
            assert sum("Transient error" in line for line in lines()) == 1


def test_off_neither_tracing_nor_an_exporter_is_loaded_and_no_thread_runs(
    folder: Path, valkey: Valkey, collector: Collector, switch: pytest.MonkeyPatch
) -> None:
    def threads() -> int:
        return psutil.Process(server.process.pid).num_threads()

    # The client of Redis imports OpenTelemetry's metrics by itself, where they are installed.
    ours = ("services.feature_server.traces", "opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")
    switch.setenv("PYTHONVERBOSE", "1")  # each import is a line of stderr
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5") as server:
        on = threads()
        assert all(f"import '{one}'" in server.log.read_text() for one in ours)
    switch.delenv("DRIVETRAIN_FEATURES_TRACES")
    before = server.log.stat().st_size
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5") as server:
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        assert server.client.post("/get-online-features", json=BODY, headers=headers).status_code == 200
        assert threads() == on - 1
        log = server.log.read_bytes()[before:].decode()
    assert "import 'services.feature_server.hot_path'" in log
    assert not any(f"import '{one}" in log for one in ours)
    assert collector.spans == []


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL: grpc is not built in: leave it out, or "),
        ("OTEL_TRACES_EXPORTER", "console", "OTEL_TRACES_EXPORTER: console is not built in: leave it out, or say otlp"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1", "OTEL_BSP_*: max_export_batch_size must be less than or equal"),
    ],
)
def test_what_is_not_built_in_keeps_a_server_from_starting(
    folder: Path, valkey: Valkey, switch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    switch.setenv(name, value)
    server = Running(folder, valkey)
    assert server.process.wait(timeout=60) != 0
    assert f"error: {says}" in server.log.read_text()


def test_opentelemetrys_own_switch_turns_it_off(
    folder: Path, valkey: Valkey, collector: Collector, switch: pytest.MonkeyPatch
) -> None:
    switch.setenv("OTEL_SDK_DISABLED", "true")
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5") as server:
        assert server.ask(**BODY).status_code == 200
    assert collector.spans == []
