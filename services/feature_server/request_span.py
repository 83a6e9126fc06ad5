"""What a trace says of one request: who asks, for how much, and what Redis took. Never a value, an entity or a key.

Names are OpenTelemetry's: https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and
https://opentelemetry.io/docs/specs/semconv/db/redis/
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

from drivetrain.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.trace import Span, Tracer

_SERVER_ERROR = 500


class RequestSpan:
    """The span of a request that is recorded.

    Args:
        span: that was begun.
        tracer: begins those below it.
        store: what spans of Redis have in common.
    """

    def __init__(self, span: Span, tracer: Tracer, store: Mapping[str, str | int]) -> None:
        self._span, self._tracer, self._store = span, tracer, store

    def comes_from(self, client: str) -> None:
        """Who asks, by the name of its key."""
        self._span.set_attribute("drivetrain.client", client)

    def asks_for(self, *, entities: int, features: int, service: str | None) -> None:
        """How much; service: one that the registry has, since what a request says may be anything."""
        self._span.set_attribute("drivetrain.entities", entities)
        self._span.set_attribute("drivetrain.features", features)
        if service is not None:
            self._span.set_attribute("drivetrain.feature_service", service)

    @contextlib.contextmanager
    def redis(self, commands: int, operations: set[str]) -> Iterator[None]:
        """The round trip that reads so many entities, with these of Redis' commands.

        An error is told by its class alone: Redis repeats parts of a command, which has keys, in some of its messages.
        """
        operation, attributes = " ".join(operations), dict(self._store)
        if commands > 1:  # one is no batch, says the convention
            operation = f"PIPELINE {operation}" if len(operations) == 1 else "PIPELINE"
            attributes["db.operation.batch.size"] = commands
        attributes["db.operation.name"] = operation
        context = set_span_in_context(self._span, Context())
        span = self._tracer.start_span(operation, context, SpanKind.CLIENT, attributes)
        try:
            yield
        except UnavailableError as error:
            span.set_attribute("error.type", _name(error.__context__ or error))
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()

    def end(self, status: int) -> None:
        """The answer's status. What is a mistake of the caller's is no error of a server's span."""
        self._span.set_attribute("http.response.status_code", status)
        if status >= _SERVER_ERROR:
            self._span.set_attribute("error.type", str(status))
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
