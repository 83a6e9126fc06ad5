"""Time for benchmarks that play hours in minutes: schedules go by a clock that is faster than the machine's."""

from __future__ import annotations

import bisect
import datetime as dt
import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

MINUTE = dt.timedelta(minutes=1)


class PlayedClock:
    """An aware time that all processes of a benchmark share. It stands at `begin` until it is started.

    Only the schedule goes by it. Leases, back-off and time-outs are the machine's.

    Args:
        begin: where it stands at first, aware.
        minute_seconds: how long one of its minutes lasts.
        context: of the processes that get it as an argument.
    """

    def __init__(self, begin: dt.datetime, minute_seconds: float, context: BaseContext) -> None:
        self.begin, self.minute_seconds = begin, minute_seconds
        # The monotonic time at which it would have left `begin` without its jumps; of one boot for all processes.
        self._origin = context.Value("d", math.nan, lock=False)
        self._from: list[float] = []
        self._origins: list[float] = []
        self._epoch = time.time() - time.monotonic()

    def __call__(self) -> dt.datetime:
        """Now."""
        return self.begin + self._minutes(time.monotonic(), self._origin.value) * MINUTE

    @property
    def factor(self) -> float:
        """How much faster than the machine's it is."""
        return 60 / self.minute_seconds

    def start(self) -> None:
        """Let it run."""
        self._move(time.monotonic())

    def jump_to(self, at: dt.datetime) -> None:
        """Make it `at` at once, unless that is past."""
        if (ahead := (at - self()) / MINUTE) > 0:
            self._move(self._origin.value - ahead * self.minute_seconds)

    def wait_until(self, at: dt.datetime) -> None:
        """Sleep until it is `at`; not at all if that is past."""
        while (left := (at - self()) / MINUTE) > 0:
            time.sleep(left * self.minute_seconds)

    def of(self, wall: float) -> float:
        """Minutes after `begin` at a time of the machine's, which is seconds of Unix; 0 before the start."""
        at = wall - self._epoch
        place = bisect.bisect_right(self._from, at)
        return self._minutes(at, self._origins[place - 1]) if place else 0.0

    def _move(self, origin: float) -> None:
        self._from.append(time.monotonic())
        self._origins.append(origin)
        self._origin.value = origin

    def _minutes(self, at: float, origin: float) -> float:
        return 0.0 if math.isnan(origin) else max(at - origin, 0.0) / self.minute_seconds
