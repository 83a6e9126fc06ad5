"""Keeps a lease or a lock alive while its holder works, and tells the holder when it can't."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from drivetrain.errors import UnavailableError
from drivetrain.jobs.queue import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Callable


class Keeper:
    """A heartbeat in a thread of its own, for the length of a `with` block.

    Args:
        extend: given seconds, keeps the lease for so long from now on; raises LeaseLostError where it has ended.
        seconds: the lease's length, from now and from each beat on.
        write_seconds: the longest that one write of the holder may take.
        name: of the thread.
    """

    def __init__(self, extend: Callable[[float], None], *, seconds: float, write_seconds: float, name: str) -> None:
        self._extend, self._seconds, self._write_seconds = extend, seconds, write_seconds
        self._ends = time.monotonic() + seconds
        self._stop = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._beat, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def still_ours(self) -> bool:
        """Whether a write that begins now ends before the lease can."""
        return not self._lost and time.monotonic() + self._write_seconds < self._ends

    def _beat(self) -> None:
        while not self._stop.wait(self._seconds / 4):
            begun = time.monotonic()
            try:
                self._extend(self._seconds)
                self._ends = begun + self._seconds
            except LeaseLostError:
                self._lost = True
                return
            except UnavailableError:
                continue  # the next beat tries again; still_ours ends writing in time
