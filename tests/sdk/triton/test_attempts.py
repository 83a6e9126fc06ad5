"""Whom a call asks, and whether again."""

from __future__ import annotations

import random

import pytest

from drivetrain_triton import errors
from drivetrain_triton.attempts import Attempts, Kind, RetryRules
from drivetrain_triton.breaker import BreakerRules
from drivetrain_triton.deadlines import Deadline
from drivetrain_triton.replicas import Replicas
from drivetrain_triton.retry_budget import RetryBudget
from tests.sdk.triton.clocks import Clock


class Call:
    """One call to servers a, b, ... with a clock."""

    def __init__(self, servers: str = "ab", *, attempts: int = 3, share: float = 0.1, failures: int = 5) -> None:
        self.clock = Clock()
        self.replicas = Replicas(servers, BreakerRules(failures), self.clock, random.Random(1))
        self.budget = RetryBudget(share)
        self.rules = RetryRules(attempts)

    def begin(self, *, seconds: float = 10, may_run_twice: bool = False) -> Attempts[str]:
        deadline = Deadline(seconds, self.clock)
        kind = Kind(self.replicas, self.budget, self.rules, "it", may_run_twice=may_run_twice, draw=random.Random(1))
        return Attempts(kind, deadline)


def test_each_attempt_is_of_another_server_at_once_and_then_of_the_first_ones_after_a_pause() -> None:
    attempts = Call("ab", attempts=4).begin()
    asked, pauses = [], []
    for _ in range(3):
        one = attempts.next()
        asked.append(one.replica.transport)
        pauses.append(attempts.failed(one, errors.UnreachableError("away")) or 0)
    assert sorted(asked[:2]) == ["a", "b"]
    assert pauses[0] == 0
    assert all(0 < pause <= 0.1 for pause in pauses[1:])
    last = attempts.next()
    with pytest.raises(errors.UnreachableError, match="away"):
        attempts.failed(last, errors.UnreachableError("away"))


@pytest.mark.parametrize(
    ("error", "is_safe", "is_harmless"),
    [
        (errors.UnreachableError, True, True),
        (errors.OverloadedError, True, True),
        (errors.ConnectionLostError, False, True),
        (errors.DeadlineError, False, False),
        (errors.ServerError, False, False),
        (errors.RefusedError, False, False),
        (errors.NotAllowedError, False, False),
        (errors.ModelNotFoundError, False, False),
        (errors.ProtocolError, False, False),
        (errors.InputError, False, False),
    ],
)
def test_a_call_is_made_again_only_where_it_helps_and_does_no_harm(
    error: type[errors.TritonError], is_safe: bool, is_harmless: bool
) -> None:
    for may_run_twice, is_again in ((False, is_safe), (True, is_harmless)):
        attempts = Call().begin(may_run_twice=may_run_twice)
        asked = attempts.next()
        if is_again:
            attempts.failed(asked, error("x"))
        else:
            with pytest.raises(error, match="x"):
                attempts.failed(asked, error("x"))


def test_no_attempt_begins_after_the_deadline_and_no_pause_goes_beyond_it() -> None:
    call = Call("a")
    attempts = call.begin(seconds=1)
    asked = attempts.next()
    assert asked.left == 1
    call.clock.now += 0.9999
    with pytest.raises(errors.OverloadedError):  # what is known, and not that time is over
        attempts.failed(asked, errors.OverloadedError("full"))
    late = call.begin(seconds=1)
    call.clock.now += 1
    with pytest.raises(errors.DeadlineError, match="it: not done within 1 s"):
        late.next()


def test_a_budget_bounds_how_many_requests_an_outage_adds() -> None:
    call = Call("ab", attempts=2, failures=10**6)
    sent = 0
    for _ in range(1_000):
        attempts = call.begin()
        try:
            while True:
                asked = attempts.next()
                sent += 1
                attempts.failed(asked, errors.OverloadedError("full"))
        except errors.OverloadedError:
            continue
    assert 1_100 <= sent <= 1_112  # a tenth, and ten at once


def test_a_server_that_fails_is_left_alone_and_when_all_do_nothing_is_sent() -> None:
    call = Call("a", attempts=1, failures=2)
    for _ in range(2):
        attempts = call.begin()
        asked = attempts.next()
        with pytest.raises(errors.UnreachableError):
            attempts.failed(asked, errors.UnreachableError("away"))
    with pytest.raises(errors.CircuitOpenError, match=r"all servers failed and are left alone for 1\.0 s"):
        call.begin().next()
    call.clock.now += 1
    attempts = call.begin()
    asked = attempts.next()
    attempts.succeeded(asked)
    call.begin().next()


def test_mistakes_of_callers_and_those_who_wait_for_too_little_say_nothing_of_a_server() -> None:
    call = Call("a", attempts=1, failures=1)
    for error in (errors.RefusedError("x"), errors.ServerError("x"), errors.ModelNotFoundError("x")):
        attempts = call.begin()
        asked = attempts.next()
        with pytest.raises(type(error)):
            attempts.failed(asked, error)
    asked.replica.usual_seconds = 0.5
    for seconds, is_out in ((1.0, False), (2.0, True)):
        attempts = call.begin(seconds=seconds)
        asked = attempts.next()
        with pytest.raises(errors.DeadlineError):
            attempts.failed(asked, errors.DeadlineError("late"))
        assert (asked.replica.breaker.rests_for() > 0) is is_out


def test_a_server_that_answers_sooner_is_asked_and_a_slow_one_again_after_a_while() -> None:
    call = Call("ab")
    slow, fast = call.replicas.all
    slow.usual_seconds, fast.usual_seconds = 0.3, 0.1

    def ask() -> str:
        picked = call.replicas.pick()
        assert picked is not None
        began = picked.begin()
        call.clock.now += 0.1
        picked.end(began)
        return picked.transport

    assert {ask() for _ in range(50)} == {"b"}
    later = [ask() for _ in range(150)]
    assert "a" in later
    fast.under_way = 20
    assert ask() == "a"


def test_what_is_under_way_is_counted_whatever_becomes_of_it() -> None:
    call = Call("a", attempts=1)
    (replica,) = call.replicas.all
    for end in ("succeeded", "abandoned", "failed"):
        attempts = call.begin()
        asked = attempts.next()
        assert replica.under_way == 1
        call.clock.now += 1.001
        if end == "failed":
            with pytest.raises(errors.ServerError):
                attempts.failed(asked, errors.ServerError("x"))
        else:
            getattr(attempts, end)(asked)
        assert replica.under_way == 0
    assert replica.usual_seconds == pytest.approx(1.001 - 1.0 * 0.8**3)


def test_a_hedge_is_of_a_server_that_was_not_asked_and_counts_as_a_retry() -> None:
    call = Call("abc", attempts=2, share=0)
    attempts = call.begin(may_run_twice=True)
    first, second = attempts.next(), attempts.hedge()
    assert second is not None
    assert second.replica is not first.replica
    assert second.number == 2
    assert attempts.hedge() is None, "it has had its attempts"
    for _ in range(9):
        attempts = call.begin()
        attempts.next()
        assert attempts.hedge() is not None
    attempts = call.begin()
    attempts.next()
    assert attempts.hedge() is None, "ten at once are all that there are"


def test_nobody_is_asked_beside_the_only_server_or_those_that_rest_or_once_time_is_over() -> None:
    alone = Call("a").begin()
    alone.next()
    assert alone.hedge() is None
    call = Call("ab", failures=1)
    call.replicas.all[1].breaker.failed()
    attempts = call.begin()
    assert attempts.next().replica.transport == "a"
    assert attempts.hedge() is None
    call = Call("ab")
    attempts = call.begin(seconds=1)
    attempts.next()
    call.clock.now += 1
    assert attempts.hedge() is None


def test_while_another_is_under_way_a_failure_ends_nothing_and_the_last_one_is_what_is_told() -> None:
    call = Call("ab", attempts=2)
    attempts = call.begin(may_run_twice=True)
    first, second = attempts.next(), attempts.hedge()
    assert second is not None
    assert attempts.failed(first, errors.ServerError("first")) is None
    with pytest.raises(errors.OverloadedError, match="second"):
        attempts.failed(second, errors.OverloadedError("second"))


def test_a_request_that_is_given_up_says_nothing_of_its_server() -> None:
    call = Call("ab", failures=1)
    attempts = call.begin(may_run_twice=True)
    first, second = attempts.next(), attempts.hedge()
    assert second is not None
    attempts.succeeded(second)
    attempts.abandoned(first)
    assert first.replica.breaker.rests_for() == 0
    assert attempts.answered_by is second.replica


def test_of_what_has_begun_to_come_nothing_is_asked_again() -> None:
    attempts = Call("ab").begin(may_run_twice=True)
    asked = attempts.next()
    with pytest.raises(errors.UnreachableError):
        attempts.failed(asked, errors.UnreachableError("away"), may_go_on=False)
