"""Traces of requests, sent to a collector by OTLP over HTTP. Where they are off, this is not imported.

Where to, as whom and how many is told by OpenTelemetry's own variables, which its SDK reads:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from redis.asyncio.connection import parse_url

from drivetrain.errors import FatalError
from services.feature_server.request_span import RequestSpan

if TYPE_CHECKING:
    from starlette.types import Scope

    from services.feature_server.settings import Settings

FLUSH_SECONDS = 5.0
# Packing a batch takes some ms, of which a request that comes waits for one turn; Python's own turns of 5 ms are long.
_SECONDS_AT_A_TIME = 0.0002
_SERVICE = "drivetrain-feature-server"
_SECONDS_BETWEEN_LINES = 60.0
_REDIS_PORT = 6379
# Variables with the one value that is built in. Of several, the first that is set counts.
_BUILT_IN = (
    (("OTEL_TRACES_EXPORTER",), "otlp"),
    (("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf"),
)


class Traces:
    """Of one process. Spans are sent by a thread of the SDK's; where a collector is away, the oldest are dropped.

    Args:
        settings: of the server.
        path: of the requests.

    Raises:
        FatalError: a variable asks for what is not there.
    """

    def __init__(self, settings: Settings, path: str) -> None:
        _check_variables()
        self._log = _seldom_told()
        resource = Resource.create()
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):  # the SDK's word where nobody names it
            resource = resource.merge(Resource({SERVICE_NAME: _SERVICE}))
        try:
            self._processor = BatchSpanProcessor(OTLPSpanExporter())
        except ValueError as error:
            raise FatalError(f"OTEL_BSP_*: {error}") from None
        sys.setswitchinterval(_SECONDS_AT_A_TIME)
        # Not at the process' exit: close() has a bound, and has been called by then.
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("services.feature_server")
        self._propagator = TraceContextTextMapPropagator()
        self._fields = {name.encode(): name for name in self._propagator.fields}
        self._name = f"POST {path}"
        self._request = {"http.request.method": "POST", "http.route": path, "url.path": path}
        self._store = _store(settings.redis_url)

    def request(self, scope: Scope) -> RequestSpan | None:
        """Begin the span of a request, below its caller's; None: this one is not recorded."""
        told: dict[str, str] = {}
        for name, value in scope["headers"]:
            if (field := self._fields.get(name)) is not None:
                text = value.decode("latin-1")
                told[field] = f"{told[field]},{text}" if field in told else text
        context = self._propagator.extract(told, Context()) if told else Context()
        attributes = {**self._request, "url.scheme": scope["scheme"]}
        span = self._tracer.start_span(self._name, context, SpanKind.SERVER, attributes)
        return RequestSpan(span, self._tracer, self._store) if span.is_recording() else None

    async def close(self) -> None:
        """Send what is left, for FLUSH_SECONDS at most; what no collector has taken by then is lost."""
        # The SDK's own wait is 30 s, and nothing shortens it.
        flush = threading.Thread(target=self._processor.shutdown, name="last spans", daemon=True)
        flush.start()
        await asyncio.to_thread(flush.join, FLUSH_SECONDS)
        # A thread that still tries dies with the process, which must not be while it holds stderr.
        self._log.setLevel(logging.CRITICAL + 1)


class _Seldom(logging.Filter):
    """Lets each message of each logger pass once a minute, whatever it is about."""

    def __init__(self) -> None:
        super().__init__()
        self._next: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is time."""
        what, now = (record.name, str(record.msg)), time.monotonic()
        if now < self._next.get(what, 0.0):
            return False
        self._next[what] = now + _SECONDS_BETWEEN_LINES
        return True


def _seldom_told() -> logging.Handler:
    """The SDK's log. It has lines for each batch that is not taken, and for each header that a caller gets wrong."""
    handler = logging.StreamHandler()
    handler.addFilter(_Seldom())
    log = logging.getLogger("opentelemetry")
    log.addHandler(handler)
    log.propagate = False
    return handler


def _check_variables() -> None:
    for names, known in _BUILT_IN:
        name = next((one for one in names if os.environ.get(one)), None)
        if name is not None and (value := os.environ[name]) != known:
            raise FatalError(f"{name}: {value} is not built in: leave it out, or say {known}")


def _store(url: str) -> dict[str, str | int]:
    """What spans say of Redis. Its URL may have a password."""
    found = parse_url(url)
    told: dict[str, str | int] = {"db.system.name": "redis", "db.namespace": str(found.get("db", 0))}
    if "host" in found:
        told |= {"server.address": found["host"], "server.port": found.get("port", _REDIS_PORT)}
    return told
