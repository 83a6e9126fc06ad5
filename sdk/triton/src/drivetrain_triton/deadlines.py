"""One budget of time for all that a call does: connecting, every attempt, and what lies between them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from drivetrain_triton.errors import DeadlineError

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadline:
    """A point in time.

    Args:
        seconds: from now.
        clock: seconds that only grow.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._clock = seconds, clock
        self._end = clock() + seconds

    def left(self, what: object, *, model: str = "") -> float:
        """Seconds until then.

        Raises:
            DeadlineError: there are none; what: was to be done.
        """
        left = self._end - self._clock()
        if left <= 0:
            raise self.over(what, model=model)
        return left

    def over(self, what: object, *, model: str = "") -> DeadlineError:
        """What to raise once it is."""
        return DeadlineError(f"{what}: not done within {self.seconds:g} s", model=model)
