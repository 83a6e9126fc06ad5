"""The one retry policy for calls that are known to have had no effect when they fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity

from drivetrain.errors import AmbiguousWriteError, RetriableError

T = TypeVar("T")


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential back-off with full jitter.

    Attributes:
        attempts: calls in all, the first included.
        initial_wait_seconds: the first wait is drawn from 0 to this; each later range is twice as long.
        max_wait_seconds: the longest wait between two calls. Google's quota windows are a minute long, so a
            shorter cap than that gives up while waiting would have helped. A server that asks for a longer pause
            than this is not waited for: the task's own retry does that without holding a worker.
        sleep: how to wait; tests give a clock of their own.
    """

    attempts: int = 8
    initial_wait_seconds: float = 1.0
    max_wait_seconds: float = 64.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False, compare=False)

    def call(self, function: Callable[[], T], *, ambiguous_too: bool = False) -> T:
        """Call `function` until it returns, fails for good, or the attempts are used up.

        Args:
            function: raises RetriableError for what may be tried again.
            ambiguous_too: also repeat a write whose answer was lost. Only for a write that has the same effect
                however often it happens.
        """

        def again(error: BaseException) -> bool:
            if isinstance(error, AmbiguousWriteError) and not ambiguous_too:
                return False
            return isinstance(error, RetriableError) and (error.retry_after_seconds or 0) <= self.max_wait_seconds

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(again),
            stop=tenacity.stop_after_attempt(self.attempts),
            wait=self._wait,
            sleep=self.sleep,
            reraise=True,
        )(function)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_seconds if isinstance(error, RetriableError) else None
        jittered = tenacity.wait_random_exponential(multiplier=self.initial_wait_seconds, max=self.max_wait_seconds)
        return max(asked or 0.0, jittered(state))
