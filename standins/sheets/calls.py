"""The log of calls, and what it adds up to."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

_KEPT = 200_000


@dataclass(slots=True)
class Call:
    """One call of a client. ``status`` is 0 where no answer was sent (a fault cut it off, or the client had gone)."""

    n: int
    at: str
    method: str
    kind: str
    spreadsheet_id: str | None
    account: str | None
    status: int
    request_bytes: int
    response_bytes: int
    fault: str | None
    ms: float


class CallLog:
    """Calls in the order in which they ended; the newest 200,000 are kept."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_KEPT)
        self._numbers = itertools.count(1)
        self._stats: dict[str, dict[str, int]] = {}

    def add(self, **values: Any) -> None:
        """Log a call, and add it to its method's totals."""
        call = Call(n=next(self._numbers), **values)
        self._calls.append(call)
        stats = self._stats.setdefault(call.method, {"calls": 0, "errors": 0, "request_bytes": 0, "response_bytes": 0})
        stats["calls"] += 1
        stats["errors"] += call.status >= 400 or call.status == 0
        stats["request_bytes"] += call.request_bytes
        stats["response_bytes"] += call.response_bytes

    def since(self, number: int) -> list[dict[str, Any]]:
        """The calls with a number above ``number``."""
        found = []
        for call in reversed(self._calls):
            if call.n <= number:
                break
            found.append(asdict(call))
        return found[::-1]

    def stats(self) -> dict[str, dict[str, int]]:
        """Totals a method, since the start or the last reset."""
        return self._stats

    def reset(self) -> None:
        """Start the totals anew; the log stays."""
        self._stats = {}
