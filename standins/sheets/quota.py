"""Request quotas, "per-minute quotas, and they're refilled every minute".

https://developers.google.com/workspace/sheets/api/limits , which also says what reads and writes are. A minute is a
fixed window of the wall clock here; Google does not say where its minutes begin.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from standins.sheets.errors import quota_exceeded
from standins.sheets.limits import Quotas


class QuotaMeter:
    """Counts requests; used from the event loop's thread only."""

    def __init__(self, quotas: Quotas, project_number: str, clock: Callable[[], float] = time.time) -> None:
        self.quotas = quotas
        self._project_number = project_number
        self._clock = clock
        self._window = -1
        self._used: dict[tuple[str, str], int] = {}

    def take(self, kind: str, user: str) -> None:
        """Count one ``read`` or ``write`` of a user, or raise Google's 429 (a refused request costs nothing)."""
        quotas = self.quotas
        window = int(self._clock() / quotas.minute_seconds)
        if window != self._window:
            self._window = window
            self._used.clear()
        per_user = quotas.user_reads if kind == "read" else quotas.user_writes
        per_project = quotas.project_reads if kind == "read" else quotas.project_writes
        by_user, by_project = self._used.get((kind, user), 0), self._used.get((kind, ""), 0)
        if per_user and by_user >= per_user:
            raise quota_exceeded(kind, True, self._project_number, per_user)
        if per_project and by_project >= per_project:
            raise quota_exceeded(kind, False, self._project_number, per_project)
        self._used[kind, user] = by_user + 1
        self._used[kind, ""] = by_project + 1

    def reset(self) -> None:
        """Start a fresh minute."""
        self._used.clear()
