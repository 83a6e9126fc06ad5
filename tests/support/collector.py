"""A collector of OpenTelemetry's traces: takes OTLP over HTTP, as protobufs, and keeps what it got."""

from __future__ import annotations

import gzip
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


def told(attributes: Any) -> dict[str, str | int]:
    """Attributes by name."""

    def value(one: KeyValue) -> str | int:
        found: str | int = getattr(one.value, str(one.value.WhichOneof("value")))
        return found

    return {one.key: value(one) for one in attributes}


class Collector:
    """A context manager around the server.

    Attributes:
        requests: that came.
        bodies: of them, as they were sent.
        headers: of them.
    """

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces":
                    collector.bodies.append(body)
                    collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                    collector.requests.append(ExportTraceServiceRequest.FromString(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def spans(self) -> list[Span]:
        """All that came."""
        return [
            span
            for request in self.requests
            for one in request.resource_spans
            for of in one.scope_spans
            for span in of.spans
        ]

    @property
    def services(self) -> set[str | int]:
        """Whose they are."""
        return {
            told(one.resource.attributes)["service.name"] for request in self.requests for one in request.resource_spans
        }
