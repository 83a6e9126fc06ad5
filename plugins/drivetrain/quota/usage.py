"""How a quota was used lately, for people to look at: pure, from counts of ten seconds each.

The log of calls knows the last minute only, which is all that a decision needs. So calls and refusals are counted
besides, by slots; hooks/sheets_quota_scripts.py does it, and here the counts become lines of a chart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.quota.ledger import Times
from drivetrain.quota.limits import Scope
from drivetrain.quota.port import Kind, Priority
from drivetrain.quota.slowdown import WHOLE, Brake
from drivetrain.quota.windows import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drivetrain.quota.limits import Limits

SLOT_SECONDS = 10
HISTORY_SECONDS = 900
POINTS = HISTORY_SECONDS // SLOT_SECONDS
# What a slot's counts are called, before the name of the log.
MADE, REFUSED = "made", "refused"


@dataclass(frozen=True)
class Usage:
    """Calls of one kind, of one account or of a whole project.

    Attributes:
        account: "" for the project.
        limit: calls in a window, by Google.
        normal: of these, what priorities up to normal may spend; the rest is the reserve.
        calls: in the window up to each of POINTS moments, SLOT_SECONDS apart; the last one is now. Exact but for that
            one, whose window begins within a slot: of that slot as much is taken as is left of it by time.
        waiting: calls that are booked for later.
        refused: by Google, within HISTORY_SECONDS.
        share: of the limit, 0 to 1, that may be spent; less than 1 after a refusal.
        opens_in_seconds: how long no call is made, because Google refused one; 0: it is open.
    """

    project: str
    account: str
    kind: Kind
    limit: int
    normal: int
    calls: tuple[int, ...]
    waiting: int
    refused: int
    share: float
    opens_in_seconds: float

    @property
    def now(self) -> int:
        """Calls in the last window."""
        return self.calls[-1]


@dataclass(frozen=True)
class Counts:
    """What is kept of one project.

    Attributes:
        slots: by their numbers, which are seconds since 1970 by SLOT_SECONDS: counts by names, "made:read:<account>".
        brakes: the fields of its brakes: "<log>:closed", "<log>:share", "<log>:since".
        waiting: calls booked for later, by log.
    """

    slots: Mapping[int, Mapping[str, int]]
    brakes: Mapping[str, int]
    waiting: Mapping[str, int]


def slots_of_interest(now: int, window: int) -> range:
    """Numbers of the slots that a chart needs.

    Args:
        now: in microseconds.
        window: likewise.
    """
    newest = now // (SLOT_SECONDS * MICROSECONDS)
    return range(newest - POINTS - _slots_in(window) + 2, newest + 1)


def usages(project: str, counts: Counts, limits: Limits, now: int) -> list[Usage]:
    """The project's reads and writes, then each account's.

    Args:
        project: its name.
        counts: of it.
        limits: of Google.
        now: in microseconds, by the clock that the counts were made by.
    """
    accounts = sorted({name.partition(":")[2] for name in _logs(counts)} - {""})
    return [
        _usage(project, account, kind, counts, limits, now)
        for account in ("", *accounts)
        for kind in (Kind.READ, Kind.WRITE)
    ]


def _usage(project: str, account: str, kind: Kind, counts: Counts, limits: Limits, now: int) -> Usage:
    log = f"{kind.value}:{account}" if account else kind.value
    scope = Scope.ACCOUNT if account else Scope.PROJECT
    window = round(limits.window_seconds * MICROSECONDS)
    slots = slots_of_interest(now, window)
    made = [counts.slots.get(slot, {}).get(f"{MADE}:{log}", 0) for slot in slots]
    refused = [counts.slots.get(slot, {}).get(f"{REFUSED}:{log}", 0) for slot in slots[-POINTS:]]
    width = _slots_in(window)
    calls = [sum(made[at : at + width]) for at in range(POINTS)]
    slot_length = SLOT_SECONDS * MICROSECONDS
    calls[-1] += made[-width - 1] * (slot_length - now % slot_length) // slot_length
    brake = Brake(
        closed_until=counts.brakes.get(f"{log}:closed", 0),
        share=counts.brakes.get(f"{log}:share", WHOLE),
        since=counts.brakes.get(f"{log}:since", 0),
    )
    return Usage(
        project=project,
        account=account,
        kind=kind,
        limit=limits.allowed(kind, scope, Priority.HIGH),
        normal=limits.allowed(kind, scope, Priority.NORMAL),
        calls=tuple(calls),
        waiting=counts.waiting.get(log, 0),
        refused=sum(refused),
        share=brake.share_at(now, Times.of(limits).window) / WHOLE,
        opens_in_seconds=max(brake.closed_until - now, 0) / MICROSECONDS,
    )


def _logs(counts: Counts) -> Iterable[str]:
    yield from counts.waiting
    for counted in counts.slots.values():
        for name in counted:
            yield name.partition(":")[2]


def _slots_in(window: int) -> int:
    return max(round(window / (SLOT_SECONDS * MICROSECONDS)), 1)
