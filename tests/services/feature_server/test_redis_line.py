"""A connection to Redis that many share: each gets its own answers, whatever becomes of the others."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import hiredis
import pytest
from redis.asyncio import Connection

from services.feature_server.redis_line import RedisLine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

PING = b"*1\r\n$4\r\nPING\r\n"
PATIENCE = 0.2


class Slow:
    """A server that answers when the test says so; the client's own greetings at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)
        self.writer: asyncio.StreamWriter | None = None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer, commands = writer, hiredis.Reader()
        while data := await reader.read(1 << 16):
            commands.feed(data)
            while command := commands.gets():
                if command[0] == b"PING":
                    self.asked.release()
                else:
                    writer.write(b"+OK\r\n")

    def say(self, data: bytes) -> None:
        assert self.writer is not None
        self.writer.write(data)


@asynccontextmanager
async def line_to(server: Slow) -> AsyncIterator[RedisLine]:
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        connection = Connection(port=listening.sockets[0].getsockname()[1], protocol=2)
        await connection.connect()
        line = RedisLine(connection, PATIENCE)
        try:
            yield line
        finally:
            line.close()


def run(body: Callable[[Slow, RedisLine], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        server = Slow()
        async with line_to(server) as line:
            await body(server, line)

    asyncio.run(asyncio.wait_for(all_of_it(), 20))


def test_answers_go_to_those_who_asked_in_whatever_pieces_they_come() -> None:
    async def body(server: Slow, line: RedisLine) -> None:
        first, second = line.ask(PING + PING, 2), line.ask(PING, 1)
        for _ in range(3):
            await server.asked.acquire()
        for piece in (b"+o", b"ne\r\n$3\r\nt", b"wo\r", b"\n", b"-ERR three\r\n"):
            server.say(piece)
        assert await first == [b"one", b"two"]
        (error,) = await second
        assert (type(error), str(error)) == (hiredis.ReplyError, "ERR three")
        assert line.is_usable

    run(body)


def test_who_gives_up_takes_nobodys_answers_and_new_requests_take_another_connection() -> None:
    async def body(server: Slow, line: RedisLine) -> None:
        first = line.ask(PING, 1)
        await asyncio.sleep(PATIENCE / 2)  # what is tested is time itself
        second = line.ask(PING, 1)
        with pytest.raises(TimeoutError, match=r"no answer within 0\.2 s"):
            await first
        assert not second.done()
        assert not line.is_usable
        server.say(b"+one\r\n+two\r\n")
        assert await second == [b"two"]

    run(body)


def test_who_goes_away_while_it_waits_leaves_the_next_one_its_answer() -> None:
    async def body(server: Slow, line: RedisLine) -> None:
        first, second = line.ask(PING, 1), line.ask(PING, 1)
        first.cancel()
        server.say(b"+one\r\n+two\r\n")
        assert await second == [b"two"]
        assert line.is_usable

    run(body)


@pytest.mark.parametrize("said", [b"+one\r\n+two\r\n", b"nonsense\r\n"], ids=["one too many", "no protocol"])
def test_what_nobody_asked_for_ends_the_connection_before_it_is_taken_for_an_answer(said: bytes) -> None:
    async def body(server: Slow, line: RedisLine) -> None:
        asked = line.ask(PING, 1)
        await server.asked.acquire()
        server.say(said)
        await asyncio.wait([asked])
        while line.is_usable:
            await asyncio.sleep(0)
        with pytest.raises(ConnectionError, match="closed"):
            await line.ask(PING, 1)

    run(body)


def test_a_connection_that_breaks_is_told_to_all_who_wait_at_once() -> None:
    async def body(server: Slow, line: RedisLine) -> None:
        waiting = [line.ask(PING, 1) for _ in range(3)]
        await server.asked.acquire()
        assert server.writer is not None
        server.writer.transport.abort()
        told: list[Any] = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in told] == [ConnectionError] * 3
        assert not line.is_usable

    run(body)
