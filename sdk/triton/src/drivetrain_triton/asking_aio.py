"""Waiting for servers, for asyncio. drivetrain_triton.asking has the same for code that waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from drivetrain_triton.errors import TritonError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from drivetrain_triton.attempts import Asked, Attempts

S = TypeVar("S")
T = TypeVar("T")


async def ask_in_turn(attempts: Attempts[S], ask: Callable[[S, float], Awaitable[T]]) -> T:
    """One server after the other, until one answers.

    Raises:
        TritonError: none did.
    """
    while True:
        asked = attempts.next()
        try:
            answer = await ask(asked.replica.transport, asked.left)
        except TritonError as error:
            await asyncio.sleep(attempts.failed(asked, error) or 0)
        except BaseException:
            attempts.abandoned(asked)
            raise
        else:
            attempts.succeeded(asked)
            return answer


async def ask_hedged(attempts: Attempts[S], ask: Callable[[S, float], Awaitable[T]], after_seconds: float) -> T:
    """Ask another server, too, if the first has not answered after a while; the first answer counts.

    The other request is cancelled: by gRPC its server is told so, by HTTP the connection is closed.

    Args:
        attempts: of the call.
        ask: a server.
        after_seconds: the second one is asked.

    Raises:
        TritonError: nobody answered.
    """
    running: dict[asyncio.Future[T], Asked[S]] = {}

    def begin(asked: Asked[S]) -> None:
        running[asyncio.ensure_future(ask(asked.replica.transport, asked.left))] = asked

    begin(attempts.next())
    may_hedge = True
    try:
        while True:
            done, _ = await asyncio.wait(
                running, timeout=after_seconds if may_hedge else None, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                other = attempts.hedge()
                may_hedge = False
                if other is not None:
                    begin(other)
            for task in done:
                asked = running.pop(task)
                try:
                    answer = task.result()
                except TritonError as error:
                    pause = attempts.failed(asked, error)
                    if pause is not None:
                        await asyncio.sleep(pause)
                        begin(attempts.next())
                else:
                    attempts.succeeded(asked)
                    return answer
    finally:
        for task, asked in running.items():
            task.cancel()
            attempts.abandoned(asked)
        await asyncio.gather(*running, return_exceptions=True)


async def stream(attempts: Attempts[S], ask: Callable[[S, float], AsyncIterator[T]]) -> AsyncIterator[T]:
    """All answers of one server; another is asked only where the first has given none.

    Raises:
        TritonError: none answered, or one did not to the end.
    """
    while True:
        asked, has_begun = attempts.next(), False
        try:
            async for answer in ask(asked.replica.transport, asked.left):
                has_begun = True
                yield answer
        except TritonError as error:
            await asyncio.sleep(attempts.failed(asked, error, may_go_on=not has_begun) or 0)
        except BaseException:
            attempts.abandoned(asked)
            raise
        else:
            attempts.succeeded(asked)
            return
