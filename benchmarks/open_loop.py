"""HTTP load at a fixed rate: a request goes out when its time has come, whatever became of those before it.

Latency is counted from when a request was due, not from when it could be sent, so that a server which stalls is not
spared what people would have waited (coordinated omission). The client is small on purpose: it shares the machine with
what it measures.
"""

from __future__ import annotations

import asyncio
import queue
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.frame import percentile

if TYPE_CHECKING:
    from collections.abc import Sequence


_LATE_SECONDS = 0.005
_PATIENCE_SECONDS = 60.0
_LIMIT = 1 << 22  # an answer is read without stopping the server's sending


@dataclass
class Told:
    """What a server answered.

    Attributes:
        seconds: of each answer, from when its request was due.
        statuses: how many of each; 0: no answer.
        late: requests that were sent more than 5 ms after they were due: none was free, or the client is slow.
        took: seconds from the first request to the last answer.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    late: int = 0
    took: float = 0.0

    @property
    def good(self) -> int:
        """Answers with status 200."""
        return self.statuses.get(200, 0)

    def milliseconds(self, percent: float) -> float:
        """A percentile."""
        return percentile(self.seconds, percent) * 1_000


class _Connection:
    """One kept-alive connection, for one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> int:
        """The status; 0: none came."""
        try:
            if self._reader is None or self._writer is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=_LIMIT)
            self._writer.write(request)
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":", 1)[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            await self._reader.readexactly(length)
            return int(head[9:12])
        except (OSError, asyncio.IncompleteReadError, StopIteration):
            self.close()
            return 0

    def close(self) -> None:
        """Begin anew with the next request."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


def post(path: str, body: bytes) -> bytes:
    """A request as it is sent."""
    head = f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", f"Content-Length: {len(body)}"
    return "\r\n".join((*head, "", "")).encode() + body


class _Sent:
    """One kept-alive connection that is written to by one thread, and read by another."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due, self.is_asked, self.is_closed, self.is_new = 0.0, False, False, True
        self.request = b""
        self._answer, self._length = bytearray(), 0

    @property
    def is_to_be_asked_again(self) -> bool:
        """Whether the server has closed it for idling, just when a request was on its way: it has not been read.

        https://www.rfc-editor.org/rfc/rfc9112#section-9.3.1
        """
        return self.is_asked and not self.is_new and not self._answer

    def send(self, request: bytes, due: float) -> None:
        """A request."""
        self.due, self.is_asked, self.request = due, True, request
        self._answer, self._length = bytearray(), 0
        try:
            self.socket.sendall(request)
        except OSError:  # the server has closed it; whoever reads is told so, too
            if self.is_new:
                raise

    def read(self) -> int | None:
        """What is there now; the status, once the answer is whole; 0: the server has closed."""
        try:
            data = self.socket.recv(1 << 20)
        except OSError:
            data = b""
        if not data:
            return 0
        self._answer += data
        if not self._length:
            head, found, _ = bytes(self._answer).partition(b"\r\n\r\n")
            if not found:
                return None
            said = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            self._length = len(head) + 4 + int(said.split(b":", 1)[1])
        return int(self._answer[9:12]) if len(self._answer) >= self._length else None


class _AtRate:
    """Sends in one thread and reads in another: a loop's own timers are late by up to a millisecond."""

    def __init__(self, port: int, connections: int) -> None:
        self._port, self.told = port, Told()
        self._selector, self._free = selectors.DefaultSelector(), queue.LifoQueue[_Sent]()
        for _ in range(connections):
            self._free.put(self._connect())

    def run(self, requests: Sequence[bytes], rate: float, seconds: float) -> Told:
        """All of them."""
        count = int(rate * seconds)
        reader = threading.Thread(target=self._read, args=(count,))
        reader.start()
        start = time.perf_counter()
        for number in range(count):
            due = start + number / rate
            while (wait := due - time.perf_counter()) > 0:
                time.sleep(wait)
            connection = self._next()
            self.told.late += time.perf_counter() - due > _LATE_SECONDS
            connection.send(requests[number % len(requests)], due)
        reader.join()
        self.told.took = time.perf_counter() - start
        while not self._free.empty():
            self._free.get_nowait().socket.close()
        self._selector.close()
        return self.told

    def _next(self) -> _Sent:
        """The one that was used last: those that idle for long, servers close."""
        while (connection := self._free.get(timeout=_PATIENCE_SECONDS)).is_closed:
            pass
        return connection

    def _connect(self) -> _Sent:
        connection = _Sent(self._port)
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        return connection

    def _read(self, count: int) -> None:
        left = count
        while left:
            events = self._selector.select(timeout=_PATIENCE_SECONDS)
            if not events:
                self.told.statuses[0] = self.told.statuses.get(0, 0) + left
                return
            for key, _ in events:
                connection: _Sent = key.data
                status = connection.read()
                if status is None:
                    continue
                is_again = status == 0 and connection.is_to_be_asked_again
                if connection.is_asked and not is_again:
                    connection.is_asked = False
                    self.told.seconds.append(time.perf_counter() - connection.due)
                    self.told.statuses[status] = self.told.statuses.get(status, 0) + 1
                    left -= 1
                if status:
                    connection.is_new = False
                    self._free.put(connection)
                    continue
                connection.is_closed = True
                self._selector.unregister(connection.socket)
                connection.socket.close()
                another = self._connect()
                if is_again:
                    another.send(connection.request, connection.due)
                else:
                    self._free.put(another)


async def _as_fast(port: int, requests: Sequence[bytes], seconds: float, connections: int) -> Told:
    told = Told()
    start = time.perf_counter()

    async def one(offset: int) -> None:
        connection, number = _Connection(port), offset
        while time.perf_counter() < start + seconds:
            began = time.perf_counter()
            status = await connection.ask(requests[number % len(requests)])
            told.seconds.append(time.perf_counter() - began)
            told.statuses[status] = told.statuses.get(status, 0) + 1
            number += connections
        connection.close()

    async with asyncio.TaskGroup() as group:
        for offset in range(connections):
            group.create_task(one(offset))
    told.took = time.perf_counter() - start
    return told


def at_rate(port: int, requests: Sequence[bytes], *, rate: float, seconds: float, connections: int = 64) -> Told:
    """So many requests a second, in turn."""
    return _AtRate(port, connections).run(requests, rate, seconds)


def as_fast_as_it_goes(port: int, requests: Sequence[bytes], *, seconds: float, connections: int = 8) -> Told:
    """Each connection sends its next request when it has its answer: how many a server can take."""
    return asyncio.run(_as_fast(port, requests, seconds, connections))
