"""Answers requests for features before FastAPI's routing sees them.

Routing, dependencies and a response's validation take as long as reading Redis and putting the answer together. So
FastAPI describes this path, and answers all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    Answer = tuple[int, bytes, list[tuple[bytes, bytes]]]

PATH = "/get-online-features"
_TOO_LARGE = b'{"detail": "the body is larger than %d bytes: split the request"}'


class HotPath:
    """ASGI middleware.

    Args:
        app: what answers all other requests.
        answer: gives status, body and headers to a request's body and key.
        most_bytes: of a body; what is larger is refused before it is read.
    """

    def __init__(self, app: ASGIApp, answer: Callable[[bytes, str | None], Awaitable[Answer]], most_bytes: int) -> None:
        self._app, self._answer, self._most = app, answer, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
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
            status, content, headers = await self._answer(body, key)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)), *headers]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

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
