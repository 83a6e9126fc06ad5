"""As fast as it goes, by some threads."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivetrain_triton.errors import TritonError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Bench:
    """What came of it.

    Attributes:
        seconds: of each call that was answered, in order of size.
        errors: how often each was.
        took: seconds, of all.
    """

    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    took: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.took

    @property
    def failed(self) -> int:
        """Calls without an answer."""
        return self.errors.total()

    @property
    def p50(self) -> float:
        """Half of the answers took no longer."""
        return self._part(0.5)

    @property
    def p99(self) -> float:
        """Of a hundred answers one took longer."""
        return self._part(0.99)

    @property
    def longest(self) -> float:
        """What the slowest answer took."""
        return self._part(1.0)

    def _part(self, share: float) -> float:
        if not self.seconds:
            return 0.0
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


def bench(call: Callable[[], object], *, seconds: float, clients: int) -> Bench:
    """Call it again and again, by so many threads at a time."""
    told, lock = Bench(), threading.Lock()
    call()  # warm-up, and what can't work at all is told at once
    began = time.perf_counter()

    def one() -> None:
        took, errors = list[float](), Counter[str]()
        while (start := time.perf_counter()) < began + seconds:
            try:
                call()
            except TritonError as error:
                errors[f"{type(error).__name__}: {error}"] += 1
            else:
                took.append(time.perf_counter() - start)
        with lock:
            told.seconds += took
            told.errors += errors

    threads = [threading.Thread(target=one) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.took = time.perf_counter() - began
    told.seconds.sort()
    return told
