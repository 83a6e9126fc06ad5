"""How a queue of workbooks drains when a quota is used fully, minute by minute."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator


class Calls(NamedTuple):
    """Calls of the Sheets API; Google counts reads and writes apart."""

    reads: int
    writes: int


_READS, _WRITES = 0, 1  # places in Calls


@dataclass(frozen=True)
class Arrival:
    """A workbook that is due in a minute.

    Attributes:
        account: which of the accounts serves it, from 0.
        syncs: those that are due.
        priority: the highest of them; the higher goes first.
        deadline: a minute, the earliest of them; of equal priorities the earlier goes first.
    """

    minute: int
    workbook: str
    account: int
    syncs: tuple[str, ...]
    priority: int = 0
    deadline: float = 0


class Done(NamedTuple):
    """A sync that was due in one minute and is done at the beginning of another."""

    sync: str
    due: int
    done: int


@dataclass(frozen=True)
class Drained:
    """How it went.

    Attributes:
        done: every sync that was due. One that was due again before its turn came ran once, for the first time.
        queues: (first minute, minutes) of each time in which calls had to wait for the next minute.
    """

    done: tuple[Done, ...]
    queues: tuple[tuple[int, int], ...]


def drain(
    arrivals: Iterable[Arrival],
    *,
    cost: Callable[[Collection[str]], Calls],
    accounts: int,
    per_account: Calls,
    per_project: Calls,
) -> Drained:
    """Make every call as early as the quota allows: a workbook's reads, then its writes.

    Args:
        arrivals: what is due, in any order.
        cost: calls of some syncs of one workbook together; one read at least.
        accounts: how many there are.
        per_account: calls a minute of each.
        per_project: calls a minute of all.
    """
    waiting = deque(sorted(arrivals, key=lambda arrival: arrival.minute))
    queue = _Queue(cost, accounts, per_account, per_project)
    done: list[Done] = []
    queues: list[tuple[int, int]] = []
    first = minute = 0
    while waiting or queue.is_open:
        if not queue.is_open:
            first = minute = waiting[0].minute
        while waiting and waiting[0].minute <= minute:
            queue.arrive(waiting.popleft())
        done += queue.spend(minute)
        minute += 1
        if not queue.is_open and minute - first > 1:
            queues.append((first, minute - first))
    return Drained(tuple(done), tuple(queues))


class _Visit:
    """A workbook's turn: its syncs with the minute since which each waits, and the calls that are left to make."""

    def __init__(self, arrival: Arrival, due: dict[str, int], calls: Calls, order: _Order) -> None:
        self.workbook, self.account, self.order = arrival.workbook, arrival.account, order
        self.due = due
        self.left = list(calls)
        self.is_dropped = False


_Order = tuple[int, float, int, int]  # priority, deadline, the first minute, and what tells visits apart
_Entry = tuple[_Order, _Visit]  # the least goes first; orders are unique, so visits are never compared


class _Queue:
    def __init__(
        self, cost: Callable[[Collection[str]], Calls], accounts: int, per_account: Calls, per_project: Calls
    ) -> None:
        self._cost, self._per_account, self._per_project = cost, per_account, per_project
        self._entries: tuple[list[list[_Entry]], list[list[_Entry]]] = (
            [[] for _ in range(accounts)],
            [[] for _ in range(accounts)],
        )
        self._not_begun: dict[str, _Visit] = {}
        self._numbers = itertools.count()
        self._open = 0

    @property
    def is_open(self) -> bool:
        """Whether calls are left to make."""
        return self._open > 0

    def arrive(self, arrival: Arrival) -> None:
        """Put a workbook in line. If it stands there already and nothing of it was begun, that turn serves both."""
        due = dict.fromkeys(arrival.syncs, arrival.minute)
        order = (-arrival.priority, arrival.deadline, arrival.minute, next(self._numbers))
        older = self._not_begun.get(arrival.workbook)
        if older is not None:
            due |= older.due
            (priority, deadline, minute, _), (*_, number) = older.order, order
            order = (min(priority, order[0]), min(deadline, order[1]), min(minute, order[2]), number)
            if order[:3] == older.order[:3]:
                older.due, older.left = due, list(self._cost(due))
                return
            older.is_dropped = True
            self._open -= 1
        visit = _Visit(arrival, due, self._cost(due), order)
        self._not_begun[arrival.workbook] = visit
        self._open += 1
        self._push(_READS, visit)

    def spend(self, minute: int) -> Iterator[Done]:
        """Make a minute's calls."""
        for visit in self._spend(_READS):
            self._push(_WRITES, visit)
        for visit in self._spend(_WRITES):
            self._open -= 1
            for sync, due in visit.due.items():
                yield Done(sync, due, minute + 1)

    def _push(self, kind: int, visit: _Visit) -> None:
        heapq.heappush(self._entries[kind][visit.account], (visit.order, visit))

    def _spend(self, kind: int) -> list[_Visit]:
        """Spend a minute's calls of one kind, the most urgent first; the visits that need no more of it."""
        left = self._per_project[kind]
        own = [self._per_account[kind]] * len(self._entries[kind])
        heads: list[tuple[_Entry, int]] = []
        finished = []

        def show(account: int) -> None:
            entries = self._entries[kind][account]
            while entries and entries[0][1].is_dropped:
                heapq.heappop(entries)
            if entries and own[account]:
                heapq.heappush(heads, (entries[0], account))

        for account in range(len(own)):
            show(account)
        while heads and left:
            (_, visit), account = heapq.heappop(heads)
            if self._not_begun.get(visit.workbook) is visit:
                del self._not_begun[visit.workbook]
            used = min(visit.left[kind], own[account], left)
            visit.left[kind] -= used
            own[account] -= used
            left -= used
            if not visit.left[kind]:
                heapq.heappop(self._entries[kind][account])
                finished.append(visit)
            show(account)
        return finished
