"""The part of a quota that waits: books a moment, sleeps until then, asks once more, and lets the call through."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from drivetrain.errors import QuotaExceededError
from drivetrain.quota.ledger import Ticket
from drivetrain.quota.port import Kind, Priority
from drivetrain.quota.windows import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from drivetrain.quota.ledger import Answer
    from drivetrain.quota.limits import Limits

PATIENCE_SECONDS = 120.0


class Book(Protocol):
    """Where calls are booked. Every method is atomic."""

    def ask(self, ticket: Ticket, patience: int, *, again: bool) -> Answer:
        """See Ledger.ask; the book knows what time it is. Again: the ticket has been booked before."""

    def spend(self, ticket: Ticket, kind: Kind, index: int) -> bool:
        """See Ledger.spend."""

    def give_back(self, ticket: Ticket, left: Mapping[Kind, int]) -> None:
        """See Ledger.give_back."""

    def refused(self, kind: Kind, account: str, retry_after: int | None) -> None:
        """See Ledger.refused."""


class WaitingQuota:
    """A Quota over a book.

    Args:
        limits: of the vendor, or this process' share of them; here only their times count.
        book: where calls are booked.
        patience_seconds: the longest wait; what would have to wait longer is refused at once.
        clock: seconds that only ever grow.
        sleep: how to wait.
    """

    def __init__(
        self,
        limits: Limits,
        book: Book,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limits, self._book, self._patience_seconds = limits, book, patience_seconds
        self._clock, self._sleep = clock, sleep

    def take(
        self,
        kind: Kind,
        account: str,
        *,
        priority: Priority = Priority.NORMAL,
        patience_seconds: float | None = None,
    ) -> float:
        """See Quota.take."""
        return self._wait(Ticket(account, {kind: 1}, priority), patience_seconds).waited_seconds

    def hold(
        self,
        needs: Mapping[Kind, int],
        account: str,
        *,
        priority: Priority = Priority.NORMAL,
        keep: bool = False,
    ) -> WaitedFor:
        """See Quota.hold."""
        return self._wait(Ticket(account, needs, priority, keep), None)

    def refused(self, kind: Kind, account: str, *, retry_after_seconds: float | None) -> None:
        """See Quota.refused."""
        asked = None if retry_after_seconds is None else round(retry_after_seconds * MICROSECONDS)
        self._book.refused(kind, account, asked)

    def _wait(self, ticket: Ticket, patience_seconds: float | None) -> WaitedFor:
        patience = self._patience_seconds
        if patience_seconds is not None:
            patience = max(min(patience, patience_seconds), 0.0)
        started = now = self._clock()
        due: float | None = None
        while True:
            left = round((patience - (now - started)) * MICROSECONDS)
            answer = self._book.ask(ticket, left, again=due is not None)
            wait = answer.wait / MICROSECONDS
            if not answer.is_booked:
                raise QuotaExceededError(
                    f"quota of {ticket.account} used up: no room for {_named(ticket)} in the next {wait:.0f} s, more "
                    f"than its patience of {patience:.0f} s: spread the schedules, or give the connection more "
                    "accounts",
                    retry_after_seconds=wait,
                )
            if answer.wait == 0:
                waited = now - started if due is not None else 0.0
                return WaitedFor(self, answer.ticket, waited, now if due is None else min(due, now))
            due = now + wait
            self._sleep(wait)
            now = self._clock()


@dataclass
class WaitedFor:
    """A Hold of a WaitingQuota; one thread's.

    Attributes:
        ticket: what is held.
        waited_seconds: how long it took to get.
        since: its moment, by the quota's clock.
    """

    _quota: WaitingQuota
    ticket: Ticket
    waited_seconds: float
    since: float

    def __post_init__(self) -> None:
        self._left = dict(self.ticket.needs)

    def use(self, kind: Kind) -> bool:
        """See Hold.use."""
        quota = self._quota
        left = self._left.get(kind, 0)
        if not left:
            return False
        limits = quota.limits
        # Half the grace is for the call's way, the other half for what is done between two calls.
        good_for = limits.keep_seconds if self.ticket.keep else limits.grace_seconds / 2
        if quota._clock() > self.since + good_for:
            self.give_back()
            return False
        self._left[kind] = left - 1
        return quota._book.spend(self.ticket, kind, left - 1) if self.ticket.keep else True

    def give_back(self) -> None:
        """See Hold.give_back."""
        left = {kind: count for kind, count in self._left.items() if count}
        self._left.clear()
        if left:
            self._quota._book.give_back(self.ticket, left)


def _named(ticket: Ticket) -> str:
    return " and ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in ticket.needs.items())
