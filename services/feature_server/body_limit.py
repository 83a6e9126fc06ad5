"""Refuses bodies that are too large before they are read: nobody may fill the server's memory with one request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TOO_LARGE = b'{"detail": "the body is larger than %d bytes: split the request"}'


class BodyLimit:
    """ASGI middleware.

    Args:
        app: what is behind it.
        most_bytes: of a body. One whose length is not said is counted as it comes.
    """

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app, self._most = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not said.isdigit() or int(said) > self._most:
            await self._refuse(send)
            return
        read, is_refused, has_begun = 0, False, False

        async def counted() -> Message:
            nonlocal read, is_refused
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                is_refused = True
                return {"type": "http.disconnect"}  # the application sees a client that went away
            return message

        async def unless_refused(message: Message) -> None:
            nonlocal has_begun
            if not is_refused:
                has_begun = True
                await send(message)

        await self._app(scope, counted, unless_refused)
        if is_refused and not has_begun:
            await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        body = _TOO_LARGE % self._most
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})
