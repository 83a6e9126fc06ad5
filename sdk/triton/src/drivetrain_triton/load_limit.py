"""How many requests a server is given at a time: as many as it answers in time, found out by trying.

A server that gets more than it can do works through a queue of requests nobody waits for any more, and answers none in
time. Whoever sends no more than it can do gets as many answers as it can give, and hears of the rest at once. More are
tried one by one as long as answers come in time, and fewer at once when they do not, as TCP does on a network whose
speed it does not know: https://www.rfc-editor.org/rfc/rfc5681#section-3
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST, _LEAST, _MOST = 16.0, 2.0, 4_096.0
_SHRINKS_TO = 0.7


class LoadLimit:
    """One server's. May be used by many threads.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._value, self._shrunk = _FIRST, clock()

    @property
    def value(self) -> float:
        """So many requests may be under way."""
        return self._value

    def answered(self, under_way: int) -> None:
        """An answer came in time, while so many were under way. A limit that is not met is not raised."""
        if 2 * under_way < self._value:
            return
        with self._lock:
            self._value = min(_MOST, self._value + 1 / self._value)

    def late(self, usual_seconds: float) -> None:
        """One did not, or the server says that it has too much to do.

        Those that were sent before the last change say nothing of what it did.

        Args:
            usual_seconds: that an answer takes.
        """
        with self._lock:
            now = self._clock()
            if now - self._shrunk >= usual_seconds:
                self._value, self._shrunk = max(_LEAST, self._value * _SHRINKS_TO), now
