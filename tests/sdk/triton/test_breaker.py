"""When a server is left alone."""

from __future__ import annotations

from drivetrain_triton.breaker import Breaker, BreakerRules, State
from tests.sdk.triton.clocks import Clock

RULES = BreakerRules(failures=3, rest_seconds=1, longest_rest_seconds=3)


def broken(clock: Clock) -> Breaker:
    breaker = Breaker(RULES, clock)
    for _ in range(3):
        breaker.failed()
    return breaker


def test_a_server_rests_after_so_many_failures_one_after_the_other() -> None:
    breaker = Breaker(RULES, Clock())
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
    assert (breaker.state, breaker.lets_through()) == (State.CLOSED, True)
    breaker.failed()
    assert (breaker.state, breaker.lets_through(), breaker.rests_for()) == (State.OPEN, False, 1)


def test_one_request_alone_tries_it_and_its_success_lets_all_through() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now += 1
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    assert breaker.state is State.TRYING
    breaker.succeeded()
    assert [breaker.lets_through() for _ in range(3)] == [True] * 3


def test_each_failure_in_a_row_makes_the_rest_longer_up_to_a_bound() -> None:
    clock = Clock()
    breaker = broken(clock)
    rests = []
    for _ in range(4):
        rests.append(breaker.rests_for())
        clock.now += breaker.rests_for()
        assert breaker.lets_through()
        breaker.failed()
    assert rests == [1, 2, 3, 3]


def test_who_tries_and_never_tells_does_not_keep_the_server_out_for_ever() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now += 1
    assert breaker.lets_through()
    clock.now += 1
    assert breaker.lets_through()


def test_requests_that_went_out_before_do_not_make_the_rest_longer() -> None:
    clock = Clock()
    breaker = broken(clock)
    for _ in range(5):
        breaker.failed()
    assert breaker.rests_for() == 1
