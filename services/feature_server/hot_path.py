"""Answers requests for features before FastAPI's routing sees them.

Routing, dependencies and a response's validation take as long as reading Redis and putting the answer together. So
FastAPI describes this path, and answers all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from services.feature_server.request_span import RequestSpan
    from services.feature_server.traces import Traces

    Answer = tuple[int, bytes, list[tuple[bytes, bytes]]]

PATH = "/get-online-features"
_TOO_LARGE = b'{"detail": "the body is larger than %d bytes: split the request"}'
_OUR_ERROR = 500  # which FastAPI makes of an exception


class HotPath:
    """ASGI middleware.

    Args:
        app: what answers all other requests.
        answer: gives status, body and headers to a request's body, key and span.
        most_bytes: of a body; what is larger is refused before it is read.
        traces: None: they are off.
    """

    def __init__(
        self,
        app: ASGIApp,
        answer: Callable[[bytes, str | None, RequestSpan | None], Awaitable[Answer]],
        most_bytes: int,
        traces: Traces | None = None,
    ) -> None:
        self._app, self._answer, self._most, self._traces = app, answer, most_bytes, traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        if self._traces is None or (span := self._traces.request(scope)) is None:
            await self._respond(scope, receive, send, None)
            return
        status = _OUR_ERROR
        try:
            status = await self._respond(scope, receive, send, span)
        finally:
            span.end(status)

    async def _respond(self, scope: Scope, receive: Receive, send: Send, span: RequestSpan | None) -> int:
        """Answer, and give the status."""
        length, key = b"0", None
        for name, value in scope["headers"]:
            if name == b"x-api-key":
                key = value.decode("latin-1")
            elif name == b"content-length":
                length = value
        body = await self._body(receive, length)
        if body is None:
            status, content, headers = 413, _TOO_LARGE % self._most, list[tuple[bytes, bytes]]()
        else:
            status, content, headers = await self._answer(body, key, span)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)), *headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})
        return status

    async def _body(self, receive: Receive, length: bytes) -> bytes | None:
        """All of it; None: it is too large. One whose length is not said is counted as it comes."""
        if not length.isdigit() or int(length) > self._most:
            return None
        parts, read, is_more = list[bytes](), 0, True
        while is_more:
            message = await receive()  # a client that goes away has sent what it has sent
            part = message.get("body", b"")
            read += len(part)
            if read > self._most:
                return None
            parts.append(part)
            is_more = message.get("more_body", False)
        return b"".join(parts)
