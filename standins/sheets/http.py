"""Small ASGI pieces: reading a body within a limit, sending JSON, cutting a connection off."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# A body above the limit is still read, up to this, so that the client gets the answer and not a broken pipe.
_DRAINED_BYTES = 512 * 1024 * 1024


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol; puts the transport into the scope, for the faults that cut connections."""

    def on_message_begin(self) -> None:
        """A request begins on this connection."""
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


class ClientGoneError(Exception):
    """The client closed the connection before its request was whole."""


class TooLargeError(Exception):
    """The body is larger than the limit; ``size`` is how much was read."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            parts.append(part)
        elif size > _DRAINED_BYTES:
            raise TooLargeError(size)
        if not message.get("more_body", False):
            break
    if size > limit:
        raise TooLargeError(size)
    return b"".join(parts)


async def send_bytes(
    send: Send, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None
) -> None:
    """One whole answer."""
    listed = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    listed += [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
    """One JSON answer."""
    await send_bytes(send, status, orjson.dumps(content), "application/json; charset=UTF-8", headers)


def transport(scope: Scope) -> asyncio.Transport:
    """The connection's transport."""
    return scope["state"]["transport"]


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection without an answer."""
    transport(scope).abort()
    await _until_gone(receive)


async def reset(scope: Scope, receive: Receive) -> None:
    """Close the connection with a TCP RST: a linger time of zero makes close() send one instead of FIN."""
    wire = transport(scope)
    raw = wire.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.abort()
    await _until_gone(receive)


async def hold(scope: Scope, receive: Receive, seconds: float) -> None:
    """Say nothing until the client goes away or the time is up, then close without an answer."""
    try:
        await asyncio.wait_for(_until_gone(receive), seconds)
    except TimeoutError:
        await hang_up(scope, receive)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
