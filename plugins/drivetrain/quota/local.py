"""A quota that one process keeps to on its own: its safe share, where nothing is shared."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from drivetrain.quota.ledger import Ledger
from drivetrain.quota.limits import Limits
from drivetrain.quota.waiting import PATIENCE_SECONDS, WaitingQuota
from drivetrain.quota.windows import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from drivetrain.quota.ledger import Answer, Ticket
    from drivetrain.quota.port import Kind


class LocalBook:
    """A ledger for several threads.

    Args:
        limits: this process' share.
        clock: in seconds.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.ledger, self._clock, self._lock = Ledger(limits), clock, threading.Lock()

    def ask(self, ticket: Ticket, patience: int, *, again: bool = True) -> Answer:
        """See Book."""
        del again  # it finds that out at no cost
        with self._lock:
            return self.ledger.ask(ticket, self._now(), patience)

    def spend(self, ticket: Ticket, kind: Kind, index: int) -> bool:
        """See Book."""
        with self._lock:
            return self.ledger.spend(ticket, kind, index, self._now())

    def give_back(self, ticket: Ticket, left: Mapping[Kind, int]) -> None:
        """See Book."""
        with self._lock:
            self.ledger.give_back(ticket, left)

    def refused(self, kind: Kind, account: str, retry_after: int | None) -> None:
        """See Book."""
        with self._lock:
            self.ledger.refused(kind, account, self._now(), retry_after)

    def note(self, ticket: Ticket, wait: int) -> None:
        """Enter calls that somebody else let through, in so many microseconds from now."""
        with self._lock:
            self.ledger.note(ticket, self._now(), wait)

    def calls(self) -> list[tuple[str, str, dict[str, int]]]:
        """(project, log, its entries and how many microseconds ago they were), all of the last window."""
        with self._lock:
            now = self._now()
            self.ledger.sweep(now)
            return [
                (project, name, {entry: now - moment for entry, moment in log.items()})
                for project, name, log in self.ledger.calls()
            ]

    def _now(self) -> int:
        return round(self._clock() * MICROSECONDS)


class LocalQuota(WaitingQuota):
    """A Quota for one of several processes that do not know of each other.

    Each spends its part, so that together they keep to the limits. What one does not spend is lost to the others: it is
    what remains where no shared quota can be reached, and all that a single process needs.

    Args:
        limits: of the vendor.
        processes: how many share them, at most.
        patience_seconds: the longest wait.
        clock: in seconds.
        sleep: how to wait.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        processes: int = 1,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        share = (limits or Limits()).shared_by(processes)
        super().__init__(share, LocalBook(share, clock), patience_seconds=patience_seconds, clock=clock, sleep=sleep)
