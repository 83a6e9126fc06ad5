"""One connection to Redis that all requests of a process share.

Commands go out as requests come, and Redis answers in the same order. Taking a connection out of a pool, asking whether
it is still alive and giving it back takes as long as a small answer.
https://redis.io/docs/latest/develop/using-commands/pipelining/
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import hiredis

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection


@dataclass(slots=True)
class _Asked:
    """A request's commands.

    Attributes:
        count: how many answers there will be.
        until: when it gives up, by the loop's clock.
        told: where the answers go. Nobody may wait any more; they are counted nevertheless.
    """

    count: int
    until: float
    told: asyncio.Future[list[Any]]
    answers: list[Any] = field(default_factory=list)


class RedisLine(asyncio.Protocol):
    """A connection, as asyncio calls it.

    Args:
        connection: that Redis' client has made, with TLS, user, password and database; it is taken over.
        patience_seconds: for the answers of one request.

    Raises:
        ConnectionError: it is closed already.
    """

    def __init__(self, connection: AbstractConnection, patience_seconds: float) -> None:
        writer = connection._writer
        if writer is None or writer.transport.is_closing():
            raise ConnectionError("the connection was closed as soon as it was made")
        self._loop = asyncio.get_running_loop()
        self._patience, self._timer = patience_seconds, cast("asyncio.TimerHandle | None", None)
        self._reader = hiredis.Reader()
        self._asked: deque[_Asked] = deque()
        self._held, self._transport = connection, writer.transport  # closes when nobody holds it
        self._transport.set_protocol(self)
        self.is_usable = True

    def ask(self, sent: bytes, answers: int) -> asyncio.Future[list[Any]]:
        """Send commands. Errors that Redis answers with are among the answers.

        The future ends in TimeoutError where they do not all come in time, in ConnectionError where they never will.
        """
        asked = _Asked(answers, self._loop.time() + self._patience, self._loop.create_future())
        if self._transport.is_closing():
            asked.told.set_exception(ConnectionError("the connection is closed"))
            return asked.told
        self._asked.append(asked)
        self._transport.write(sent)
        if self._timer is None:  # one for all: those who asked first give up first
            self._timer = self._loop.call_later(self._patience, self._look)
        return asked.told

    def close(self) -> None:
        """Nobody is answered any more."""
        self._transport.abort()
        self.connection_lost(None)

    def data_received(self, data: bytes) -> None:
        """Give each request its answers."""
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not False:
                first = self._asked[0]
                first.answers.append(answer)
                if len(first.answers) == first.count:
                    self._asked.popleft()
                    if not first.told.done():
                        first.told.set_result(first.answers)
        except (hiredis.ProtocolError, IndexError):  # what is no answer, or nobody asked for
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all who wait."""
        self.is_usable = False
        if self._timer is not None:
            self._timer.cancel()
        while self._asked:
            if not (told := self._asked.popleft().told).done():
                told.set_exception(ConnectionError(str(exc) if exc else "the connection is closed"))

    def _look(self) -> None:
        """Whether somebody has waited for too long. Then others take another line; this one's may still be answered."""
        self._timer, now = None, self._loop.time()
        for asked in self._asked:
            if asked.until > now:
                self._timer = self._loop.call_at(asked.until, self._look)
                return
            self.is_usable = False
            if not asked.told.done():
                asked.told.set_exception(TimeoutError(f"no answer within {self._patience:g} s"))
        if not self.is_usable:
            self.close()
