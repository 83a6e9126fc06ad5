"""How many requests may be sent a second time: a share of all, so that retries never make an overload worse.

As gRPC's retry throttling: https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs
"""

from __future__ import annotations

import threading


class RetryBudget:
    """All calls of one client share it. May be used by many threads.

    Args:
        share: of calls that may be sent again, over time.
        burst: so many may be at once.
    """

    def __init__(self, share: float = 0.1, burst: float = 10.0) -> None:
        self._share, self._burst, self._left, self._lock = share, burst, burst, threading.Lock()

    def called(self) -> None:
        """A call began."""
        if self._left < self._burst:
            with self._lock:
                self._left = min(self._burst, self._left + self._share)

    def take(self) -> bool:
        """Whether a request may be sent again; if so, it counts."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True
