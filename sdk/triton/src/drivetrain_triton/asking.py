"""Waiting for servers, for code that waits. drivetrain_triton.asking_aio has the same for asyncio."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, wait
from typing import TYPE_CHECKING, TypeVar

from drivetrain_triton.errors import TritonError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    from drivetrain_triton.attempts import Asked, Attempts

S = TypeVar("S")
T = TypeVar("T")


def ask_in_turn(attempts: Attempts[S], ask: Callable[[S, float], T]) -> T:
    """One server after the other, until one answers.

    Raises:
        TritonError: none did.
    """
    while True:
        asked = attempts.next()
        try:
            answer = ask(asked.replica.transport, asked.left)
        except TritonError as error:
            time.sleep(attempts.failed(asked, error) or 0)
        except BaseException:
            attempts.abandoned(asked)
            raise
        else:
            attempts.succeeded(asked)
            return answer


def ask_hedged(attempts: Attempts[S], ask: Callable[[S, float], T], after_seconds: float, threads: Executor) -> T:
    """Ask another server, too, if the first has not answered after a while; the first answer counts.

    A request that is under way in a thread can't be called back: it ends with its own deadline, and nobody looks at it.

    Args:
        attempts: of the call.
        ask: a server.
        after_seconds: the second one is asked.
        threads: requests wait in.

    Raises:
        TritonError: nobody answered.
    """
    running: dict[Future[T], Asked[S]] = {}

    def begin(asked: Asked[S]) -> None:
        running[threads.submit(ask, asked.replica.transport, asked.left)] = asked

    begin(attempts.next())
    may_hedge = True
    try:
        while True:
            left = attempts.left()
            done, _ = wait(running, min(after_seconds, left) if may_hedge else left, FIRST_COMPLETED)
            if not done:
                other = attempts.hedge() if may_hedge else None
                may_hedge = False
                if other is not None:
                    begin(other)
            for future in done:
                asked = running.pop(future)
                try:
                    answer = future.result()
                except TritonError as error:
                    pause = attempts.failed(asked, error)
                    if pause is not None:
                        time.sleep(pause)
                        begin(attempts.next())
                else:
                    attempts.succeeded(asked)
                    return answer
    finally:
        for future, asked in running.items():
            future.cancel()
            attempts.abandoned(asked)
