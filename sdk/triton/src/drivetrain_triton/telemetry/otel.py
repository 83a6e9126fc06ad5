"""Requests as OpenTelemetry's spans; needs opentelemetry-api: drivetrain-triton[otel].

https://opentelemetry.io/docs/specs/semconv/gen-ai/ says nothing of servers of any model, so the names are those of RPC:
https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from drivetrain_triton.telemetry.outcome import Outcome

_NANOSECONDS = 1e9


class OtelObserver:
    """A span for each request, below the caller's.

    Args:
        tracer: None: the process' provider makes one.
    """

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer or trace.get_tracer("drivetrain_triton")

    def __call__(self, outcome: Outcome) -> None:
        """Begin and end it."""
        server = urlsplit(outcome.server)
        span = self._tracer.start_span(
            f"{outcome.what} {outcome.model}".rstrip(),
            kind=SpanKind.CLIENT,
            start_time=int(outcome.began * _NANOSECONDS),
            attributes={
                "rpc.system": "grpc" if server.scheme.startswith("grpc") else "http",
                "rpc.service": "inference.GRPCInferenceService",
                "rpc.method": outcome.what,
                "server.address": server.hostname or "",
                "server.port": server.port or 0,
                "drivetrain.triton.model": outcome.model,
                "drivetrain.triton.attempt": outcome.attempt,
            },
        )
        if outcome.error is not None:
            span.set_attribute("error.type", outcome.result)
            span.set_status(StatusCode.ERROR)
        span.end(int((outcome.began + outcome.seconds) * _NANOSECONDS))
