"""A quota's users in simulated time, and the server that counts their calls.

Actors ask, wait, oversleep, are slow on the way, keep permissions and do not use them, in an order that Hypothesis
chooses. The oracle is the server: a list of arrivals, and every window counted that begins at one of them.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from drivetrain.quota.ledger import Ticket
from drivetrain.quota.limits import Limits
from drivetrain.quota.port import Kind, Priority

SECOND = 1_000_000
ACCOUNTS = ("one@p", "two@p", "three@p")
LIMITS = Limits(project_reads=7, project_writes=3, account_reads=4, account_writes=2, window_seconds=60)
FOREVER = 10**15


@dataclass(frozen=True)
class Actor:
    """Who wants calls: when, which, and how slow it is."""

    start: int
    account: str
    needs: dict[Kind, int]
    priority: Priority
    keep: bool
    oversleeps: int
    way: int
    uses_after: int
    then: str  # with kept calls: use, give back, die
    refused: tuple[int | None] | None = None  # after its calls, with such a Retry-After


@dataclass
class Server:
    """Calls in the order of their arrival."""

    arrivals: dict[tuple[str, Kind], list[int]] = field(default_factory=dict)

    def call(self, account: str, kind: Kind, at: int) -> None:
        for who in (account, "project"):
            self.arrivals.setdefault((who, kind), []).append(at)

    def worst(self, who: str, kind: Kind, window: int) -> int:
        times = sorted(self.arrivals.get((who, kind), []))
        return max((sum(start <= t < start + window for t in times) for start in times), default=0)


def play(ledger: Any, actors: list[Actor]) -> Server:
    """Run all actors in simulated time, each on its own; `ledger` is Ledger or answers like one."""
    server = Server()
    events: list[tuple[int, int, Any]] = []
    order = iter(range(10**9))

    def at(moment: int, do: Any) -> None:
        heapq.heappush(events, (moment, next(order), do))

    def asks(actor: Actor, ticket: Ticket, now: int, oversleeps: int) -> None:
        answer = ledger.ask(ticket, now, FOREVER)
        assert answer.is_booked
        if answer.wait:
            at(now + answer.wait + oversleeps, lambda t: asks(actor, ticket, t, 0))
            return
        booked = answer.ticket
        for kind, count in booked.needs.items():
            for index in range(count):
                if not booked.keep:
                    server.call(actor.account, kind, now + actor.way)
                elif actor.then == "use":
                    at(now + actor.uses_after, lambda t, k=kind, i=index: uses(actor, booked, k, i, t))
            if actor.refused:
                ledger.refused(kind, actor.account, now, actor.refused[0])
        if booked.keep and actor.then == "give back":
            at(now + actor.uses_after, lambda _: ledger.give_back(booked, booked.needs))

    def uses(actor: Actor, ticket: Ticket, kind: Kind, index: int, now: int) -> None:
        if ledger.spend(ticket, kind, index, now):
            server.call(actor.account, kind, now + actor.way)

    for number, actor in enumerate(actors):
        ticket = Ticket(actor.account, actor.needs, actor.priority, actor.keep, id=f"t{number}")
        at(actor.start, lambda t, a=actor, k=ticket: asks(a, k, t, a.oversleeps))
    while events:
        now, _, do = heapq.heappop(events)
        do(now)
    return server


def actors(limits: Limits = LIMITS, *, refusals: bool = False) -> st.SearchStrategy[list[Actor]]:
    half = round(limits.grace_seconds * SECOND) // 2
    keep = round(limits.keep_seconds * SECOND)
    actor = st.builds(
        Actor,
        # Crowded: most want the same at about the same time.
        start=st.just(0) | st.integers(0, 40).map(lambda second: second * SECOND) | st.integers(0, 130 * SECOND),
        account=st.sampled_from(ACCOUNTS[:1] * 2 + ACCOUNTS),
        needs=st.sampled_from([{Kind.READ: 1}, {Kind.READ: 2}, {Kind.READ: 3}, {Kind.READ: 2, Kind.WRITE: 1}]),
        priority=st.sampled_from(list(Priority)),
        keep=st.booleans(),
        oversleeps=st.sampled_from([0, 1, half, half + 1, 5 * SECOND]),
        way=st.integers(0, half),
        uses_after=st.just(keep) | st.integers(0, keep + SECOND),
        then=st.sampled_from(["use", "use", "give back", "die"]),
        refused=st.none() | st.tuples(st.none() | st.integers(0, 90 * SECOND)) if refusals else st.none(),
    )
    return st.lists(actor, min_size=1, max_size=40)
