"""The ledger: no window of the server's time has too many calls, and nobody waits longer than that takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.quota.ledger import Ledger, Ticket, Times, fitted
from drivetrain.quota.limits import Limits
from drivetrain.quota.port import Kind, Priority
from tests.plugins.drivetrain.quota.game import ACCOUNTS, FOREVER, LIMITS, SECOND, Actor, actors, play


@pytest.mark.parametrize("refusals", [False, True])
@settings(max_examples=200)
@given(st.data())
def test_no_window_of_the_servers_time_has_more_calls_than_the_limit(refusals: bool, data: st.DataObject) -> None:
    all_of_them: list[Actor] = data.draw(actors(refusals=refusals))
    limits = data.draw(st.sampled_from([LIMITS, replace(LIMITS, reserve_share=0)]))
    server = play(Ledger(limits), all_of_them)
    window = round(LIMITS.window_seconds * SECOND)
    assert server.worst("project", Kind.READ, window) <= LIMITS.project_reads
    assert server.worst("project", Kind.WRITE, window) <= LIMITS.project_writes
    for account in ACCOUNTS:
        assert server.worst(account, Kind.READ, window) <= LIMITS.account_reads
        assert server.worst(account, Kind.WRITE, window) <= LIMITS.account_writes


def single(account: str = "one@p", priority: Priority = Priority.NORMAL, kind: Kind = Kind.READ) -> Ticket:
    return Ticket(account, {kind: 1}, priority)


def booked(ledger: Ledger, ticket: Ticket, now: int = 0) -> int:
    answer = ledger.ask(ticket, now, FOREVER)
    assert answer.is_booked
    return now + answer.wait


GOOGLE = Limits(reserve_share=0)
PERIOD = Times.of(GOOGLE).window


def test_a_burst_goes_through_at_once_and_the_limit_is_used_to_the_last_call() -> None:
    ledger = Ledger(GOOGLE)
    assert [booked(ledger, single()) for _ in range(150)] == [0] * 60 + [PERIOD] * 60 + [2 * PERIOD] * 30


def test_reads_and_writes_and_accounts_are_counted_apart_and_the_project_together() -> None:
    ledger = Ledger(Limits(account_reads=2, account_writes=2, project_reads=3, project_writes=300, reserve_share=0))
    assert [booked(ledger, single("one@p")) for _ in range(3)] == [0, 0, PERIOD]
    assert [booked(ledger, single("one@p", kind=Kind.WRITE)) for _ in range(2)] == [0, 0]
    assert [booked(ledger, single("two@p")) for _ in range(2)] == [0, PERIOD]
    assert booked(ledger, single("one@other")) == 0


def test_an_account_that_waits_long_keeps_nothing_of_the_project_from_the_others() -> None:
    ledger = Ledger(Limits(account_reads=2, project_reads=8, reserve_share=0))
    assert [booked(ledger, single("one@p")) for _ in range(6)] == [0, 0, PERIOD, PERIOD, 2 * PERIOD, 2 * PERIOD]
    assert [booked(ledger, single(f"{name}@p")) for name in "abcdef"] == [0] * 6


@given(st.lists(st.integers(0, 20 * SECOND), min_size=1, max_size=60))
def test_who_asks_first_is_served_first(gaps: list[int]) -> None:
    ledger, now, moments = Ledger(LIMITS), 0, []
    for gap in gaps:
        now += gap
        moments.append(booked(ledger, single(), now))
    assert moments == sorted(moments)


def test_the_reserve_is_for_those_above_normal_only() -> None:
    ledger = Ledger(Limits())
    assert [booked(ledger, single()) for _ in range(49)] == [0] * 48 + [PERIOD]
    assert booked(ledger, single(priority=Priority.LOW)) == PERIOD
    assert [booked(ledger, single(priority=Priority.HIGH)) for _ in range(12)] == [0] * 12
    assert booked(ledger, single(priority=Priority.HIGH)) == PERIOD


def test_low_ones_that_wait_make_place_for_normal_ones() -> None:
    ledger = Ledger(Limits(account_reads=2, reserve_share=0))
    low = [single(priority=Priority.LOW) for _ in range(4)]
    assert [booked(ledger, ticket) for ticket in low] == [0, 0, PERIOD, PERIOD]
    assert [booked(ledger, single()) for _ in range(2)] == [PERIOD, PERIOD]
    # They find out when they wake, and queue again in their order.
    assert [booked(ledger, ticket, PERIOD) for ticket in low[2:]] == [2 * PERIOD, 2 * PERIOD]
    assert booked(ledger, low[2], 2 * PERIOD) == 2 * PERIOD


def test_a_low_one_is_not_pushed_aside_where_that_helps_nobody() -> None:
    ledger = Ledger(Limits(account_reads=2, project_reads=3, reserve_share=0))
    booked(ledger, single("one@p"))
    booked(ledger, single("one@p"))
    waiting = single("two@p", Priority.LOW)
    booked(ledger, single("two@p"))
    assert booked(ledger, waiting) == PERIOD
    assert booked(ledger, single("one@p")) == PERIOD
    assert booked(ledger, waiting, PERIOD) == PERIOD, "it kept its place"


def test_nothing_is_booked_beyond_the_patience() -> None:
    ledger = Ledger(Limits(account_reads=1))
    booked(ledger, single())
    for _ in range(5):
        answer = ledger.ask(single(), 0, PERIOD - 1)
        assert (answer.is_booked, answer.wait) == (False, PERIOD)
    assert booked(ledger, single()) == PERIOD


def test_a_refused_account_waits_and_others_do_not() -> None:
    ledger = Ledger(GOOGLE)
    ledger.refused(Kind.READ, "one@p", 0, 30 * SECOND)
    assert booked(ledger, single("one@p")) == 30 * SECOND
    assert booked(ledger, single("one@p", kind=Kind.WRITE)) == 0
    assert booked(ledger, single("two@p")) == 0
    later = [booked(ledger, single("one@p"), 30 * SECOND) for _ in range(31)]
    assert later == [30 * SECOND] * 29 + [30 * SECOND + PERIOD] * 2


def test_two_refused_accounts_at_once_mean_the_project() -> None:
    ledger = Ledger(GOOGLE)
    ledger.refused(Kind.READ, "one@p", 0, 30 * SECOND)
    ledger.refused(Kind.READ, "two@p", 5 * SECOND, 30 * SECOND)
    assert booked(ledger, single("three@p"), 5 * SECOND) == 35 * SECOND
    apart = Ledger(GOOGLE)
    apart.refused(Kind.READ, "one@p", 0, 30 * SECOND)
    apart.refused(Kind.READ, "two@p", 20 * SECOND, 30 * SECOND)
    assert booked(apart, single("three@p"), 20 * SECOND) == 20 * SECOND


def test_who_sleeps_while_the_account_is_closed_waits_on_when_it_wakes() -> None:
    ledger = Ledger(Limits(account_reads=1))
    booked(ledger, single())
    sleeper = single()
    assert booked(ledger, sleeper) == PERIOD
    ledger.refused(Kind.READ, "one@p", PERIOD - SECOND, 90 * SECOND)
    assert booked(ledger, sleeper, PERIOD) == PERIOD + 89 * SECOND


def test_an_unused_kept_permission_is_nobodys_after_its_time() -> None:
    limits = Limits(account_writes=4, reserve_share=0)
    ledger = Ledger(limits)
    kept = Ticket("one@p", {Kind.WRITE: 2}, keep=True)
    assert booked(ledger, kept) == 0
    assert booked(ledger, single(kind=Kind.WRITE)) > 0, "each kept one counts where its time begins and where it ends"
    after = round(limits.keep_seconds * SECOND) + 1
    fresh = [booked(ledger, single(kind=Kind.WRITE), after) for _ in range(3)]
    assert fresh == [after] * 3
    assert not ledger.spend(kept, Kind.WRITE, 0, after)


def test_what_is_given_back_is_free_at_once() -> None:
    ledger = Ledger(Limits(account_writes=4, reserve_share=0))
    kept = Ticket("one@p", {Kind.WRITE: 2}, keep=True)
    booked(ledger, kept)
    ledger.give_back(kept, {Kind.WRITE: 2})
    assert [booked(ledger, single(kind=Kind.WRITE)) for _ in range(5)] == [0] * 4 + [PERIOD]


def test_more_than_there_ever_is_at_once_is_cut() -> None:
    limits = Limits(account_reads=10, account_writes=1, reserve_share=0)
    plain = fitted(Ticket("one@p", {Kind.READ: 99, Kind.WRITE: 0}), limits)
    assert (plain.needs, plain.keep) == ({Kind.READ: 10}, False)
    kept = fitted(Ticket("one@p", {Kind.READ: 99}, keep=True), limits)
    assert (kept.needs, kept.keep) == ({Kind.READ: 5}, True)
    none_to_keep = fitted(Ticket("one@p", {Kind.READ: 2, Kind.WRITE: 1}, keep=True), limits)
    assert (none_to_keep.needs, none_to_keep.keep) == ({Kind.READ: 2, Kind.WRITE: 1}, False)


def test_idle_accounts_leave_no_memory() -> None:
    ledger = Ledger(GOOGLE)
    for number in range(200):
        booked(ledger, single(f"a{number}@p"), number * 10 * SECOND)
    assert sum(len(log) for _, _, log in ledger.calls()) <= 2 * 2 * PERIOD // (10 * SECOND) + 2
