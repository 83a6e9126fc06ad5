"""Redis' scripts and the ledger in memory play the same games and have to say the same, word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivetrain.quota.ledger import Ledger
from hooks.sheets_quota import RedisBook
from tests.plugins.drivetrain.quota.game import LIMITS, SECOND, Actor, actors, play

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivetrain.quota.ledger import Answer, Ticket
    from drivetrain.quota.port import Kind
    from tests.support.valkey import Valkey


class InRedis:
    """A RedisBook as a ledger: told the time at each question."""

    def __init__(self, client: Any) -> None:
        self.now = 0
        self._book = RedisBook(client, LIMITS, prefix="test", clock=lambda: self.now / SECOND)
        self._asked: set[str] = set()

    def ask(self, ticket: Ticket, now: int, patience: int) -> Answer:
        self.now = now
        again = ticket.id in self._asked
        self._asked.add(ticket.id)
        return self._book.ask(ticket, patience, again=again)

    def spend(self, ticket: Ticket, kind: Kind, index: int, now: int) -> bool:
        self.now = now
        return self._book.spend(ticket, kind, index)

    def give_back(self, ticket: Ticket, left: Mapping[Kind, int]) -> None:
        self._book.give_back(ticket, left)

    def refused(self, kind: Kind, account: str, now: int, retry_after: int | None) -> None:
        self.now = now
        self._book.refused(kind, account, retry_after)


class Recorded:
    """A ledger whose answers are written down."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self.heard: list[Any] = []

    def ask(self, ticket: Ticket, now: int, patience: int) -> Answer:
        answer: Answer = self._ledger.ask(ticket, now, patience)
        self.heard.append((now, answer))
        return answer

    def spend(self, ticket: Ticket, kind: Kind, index: int, now: int) -> bool:
        spent: bool = self._ledger.spend(ticket, kind, index, now)
        self.heard.append((now, spent))
        return spent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


@pytest.mark.parametrize("refusals", [False, True])
@settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_redis_answers_as_the_ledger_does(valkey: Valkey, refusals: bool, data: st.DataObject) -> None:
    # A little later than 1970: a clock of 0 has nothing before it.
    everybody: list[Actor] = data.draw(actors(refusals=refusals))
    with valkey.client() as client:
        client.flushall()
        here, there = Recorded(Ledger(LIMITS)), Recorded(InRedis(client))
        play(here, everybody)
        play(there, everybody)
    assert there.heard == here.heard
