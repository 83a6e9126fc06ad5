"""Leaves a server alone that fails, and tries it again with one request.

https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class State(StrEnum):
    """Of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"


@dataclass(frozen=True)
class BreakerRules:
    """When a server is left alone.

    Attributes:
        failures: so many one after the other.
        rest_seconds: for how long, the first time; twice as long each further time in a row.
        longest_rest_seconds: and no longer than this.
    """

    failures: int = 5
    rest_seconds: float = 1.0
    longest_rest_seconds: float = 30.0


class Breaker:
    """One server's. May be used by many threads.

    Args:
        rules: see BreakerRules.
        clock: seconds that only grow.
    """

    def __init__(self, rules: BreakerRules, clock: Callable[[], float]) -> None:
        self._rules, self._clock, self._lock = rules, clock, threading.Lock()
        self._failed, self._rests, self._until = 0, 0, 0.0
        self._state = State.CLOSED

    @property
    def state(self) -> State:
        """What it is now."""
        return self._state

    def rests_for(self) -> float:
        """Seconds until the server may be tried again; 0: it may be asked."""
        if self._state is State.CLOSED:
            return 0.0
        return max(0.0, self._until - self._clock())

    def lets_through(self) -> bool:
        """Whether one request may go out now. While a server is tried, one alone may; it has to be told of."""
        if self._state is State.CLOSED:
            return True
        with self._lock:
            now = self._clock()
            if self._until == 0:  # another has just told that it is well
                return True
            if now < self._until:
                return False
            # Whoever tries may never tell, being killed: another may, a while later.
            self._state, self._until = State.TRYING, now + self._rules.rest_seconds
            return True

    def succeeded(self) -> None:
        """The server answered."""
        if self._state is State.CLOSED and not self._failed:
            return
        with self._lock:
            self._failed, self._rests, self._until, self._state = 0, 0, 0.0, State.CLOSED

    def failed(self) -> None:
        """It did not, or said that it can't."""
        with self._lock:
            self._failed += 1
            if self._state is State.CLOSED and self._failed < self._rules.failures:
                return
            if self._state is State.OPEN:  # a request that went out before
                return
            rest = min(self._rules.longest_rest_seconds, self._rules.rest_seconds * 2**self._rests)
            self._state, self._until = State.OPEN, self._clock() + rest
            self._rests += 1
