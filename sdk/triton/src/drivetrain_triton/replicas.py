"""Servers that have the same models: which one is asked."""

from __future__ import annotations

import random
import threading
import time
from copy import copy
from typing import TYPE_CHECKING, Generic, TypeVar

from drivetrain_triton.breaker import Breaker, BreakerRules
from drivetrain_triton.load_limit import LoadLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

T = TypeVar("T")

_WEIGHT = 0.2  # of the newest answer's time in the average
_FIRST_GUESS = 0.001  # seconds
_HALVES_SECONDS = (
    10.0  # what a server once took is half forgotten after this long: else a slow one is never asked again
)


class Replica(Generic[T]):
    """One server.

    Attributes:
        transport: to it.
        breaker: of it.
        under_way: requests that it has not answered yet.
        usual_seconds: that its answers take, the newest ones most.
        limit: of requests under way; None: there is none.
    """

    def __init__(
        self, transport: T, rules: BreakerRules, clock: Callable[[], float], *, is_limited: bool = False
    ) -> None:
        self.transport, self.breaker = transport, Breaker(rules, clock)
        self.limit = LoadLimit(clock) if is_limited else None
        self.under_way, self.usual_seconds = 0, _FIRST_GUESS
        self._clock, self._lock, self._told = clock, threading.Lock(), clock()

    @property
    def has_room(self) -> bool:
        """Whether it may be given a further request."""
        return self.limit is None or self.under_way < self.limit.value

    @property
    def load(self) -> float:
        """Seconds that a further request would wait for, roughly."""
        forgotten: float = 0.5 ** ((self._clock() - self._told) / _HALVES_SECONDS)
        return (self.under_way + 1) * self.usual_seconds * forgotten

    def begin(self) -> float:
        """A request is under way; gives when it began. It has to end."""
        with self._lock:
            self.under_way += 1
        return self._clock()

    def end(self, began: float) -> float:
        """It is no more, whatever became of it; gives the seconds that it took."""
        now = self._clock()
        took = now - began
        with self._lock:
            self.under_way, self._told = self.under_way - 1, now
            self.usual_seconds += _WEIGHT * (took - self.usual_seconds)
        return took


class Replicas(Generic[T]):
    """All of them. May be used by many threads.

    Of two that are drawn the one with less to do is asked: nearly as even as looking at all, without all clients going
    for the same one. https://www.eecs.harvard.edu/~michaelm/postscripts/handbook2001.pdf

    Args:
        transports: one for each.
        rules: when one is left alone.
        clock: seconds that only grow.
        draw: what is random.
        is_limited: no server is given more than it answers in time.
    """

    def __init__(
        self,
        transports: Sequence[T],
        rules: BreakerRules,
        clock: Callable[[], float] = time.monotonic,
        draw: random.Random | None = None,
        *,
        is_limited: bool = False,
    ) -> None:
        self.all = tuple(Replica(one, rules, clock, is_limited=is_limited) for one in transports)
        self._draw = draw or random.Random()  # noqa: S311 (it keeps nothing secret)

    def pick(self, tried: Collection[Replica[T]] = (), *, others_alone: bool = False) -> Replica[T] | None:
        """One that may be asked, of those that this call has not tried, if there is one; None: all rest, or are full.

        Args:
            tried: by this call.
            others_alone: and none of them.
        """
        if len(self.all) == 1 and not (tried and others_alone):
            (one,) = self.all
            return one if one.has_room and one.breaker.lets_through() else None
        for choice in ([one for one in self.all if one not in tried], [] if others_alone else list(tried)):
            willing = [one for one in choice if one.has_room and one.breaker.rests_for() == 0]
            if len(willing) > 2:
                willing = self._draw.sample(willing, 2)
            for one in sorted(willing, key=lambda one: one.load):
                if one.breaker.lets_through():
                    return one
        return None

    def alone(self, one: Replica[T]) -> Replicas[T]:
        """One of them, as if there were no others."""
        found = copy(self)
        found.all = (one,)
        return found

    def rest_seconds(self) -> float:
        """Until the first of them may be asked again."""
        return min(one.breaker.rests_for() for one in self.all)
