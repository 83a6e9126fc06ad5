"""HTTP load at a fixed rate: a request goes out when its time has come, whatever became of those before it.

Latency is counted from when a request was due, not from when it could be sent, so that a server which stalls is not
spared what people would have waited (coordinated omission). The client is small on purpose: it shares the machine with
what it measures.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.frame import percentile

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class Told:
    """What a server answered.

    Attributes:
        seconds: of each answer, from when its request was due.
        statuses: how many of each; 0: no answer.
        late: requests that were sent more than 5 ms after they were due: the client's own doing.
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
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
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


async def _at_rate(port: int, requests: Sequence[bytes], rate: float, seconds: float, connections: int) -> Told:
    told, free = Told(), asyncio.LifoQueue[_Connection]()
    for _ in range(connections):
        free.put_nowait(_Connection(port))
    start = time.perf_counter()

    async def one(number: int, due: float) -> None:
        connection = await free.get()
        try:
            status = await connection.ask(requests[number % len(requests)])
        finally:
            free.put_nowait(connection)
        told.seconds.append(time.perf_counter() - due)
        told.statuses[status] = told.statuses.get(status, 0) + 1

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = start + number / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            elif wait < -0.005:
                told.late += 1
            group.create_task(one(number, due))
    told.took = time.perf_counter() - start
    while not free.empty():
        free.get_nowait().close()
    return told


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
    return asyncio.run(_at_rate(port, requests, rate, seconds, connections))


def as_fast_as_it_goes(port: int, requests: Sequence[bytes], *, seconds: float, connections: int = 8) -> Told:
    """Each connection sends its next request when it has its answer: how many a server can take."""
    return asyncio.run(_as_fast(port, requests, seconds, connections))
