from __future__ import annotations

import time

import pytest

from drivetrain.errors import (
    AccessDeniedError,
    AmbiguousWriteError,
    DrivetrainError,
    FatalError,
    QuotaExceededError,
    RetriableError,
    UnavailableError,
)
from drivetrain.retry import RetryPolicy

QUICK = RetryPolicy(attempts=4, initial_wait_seconds=0, max_wait_seconds=0)


class Calls:
    """Fails with each error in turn, then answers."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.at: list[float] = []

    def __call__(self) -> str:
        self.at.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_a_call_that_works_happens_once() -> None:
    calls = Calls()
    assert QUICK.call(calls) == "done"
    assert len(calls.at) == 1


@pytest.mark.parametrize("kind", [RetriableError, QuotaExceededError, UnavailableError])
def test_a_call_without_effect_is_tried_again_until_it_works(kind: type[RetriableError]) -> None:
    calls = Calls(kind("one"), kind("two"), kind("three"))
    assert QUICK.call(calls) == "done"
    assert len(calls.at) == 4


def test_the_last_error_is_raised_as_it_is_once_the_attempts_are_used_up() -> None:
    last = UnavailableError("four")
    calls = Calls(UnavailableError("one"), UnavailableError("two"), QuotaExceededError("three"), last, Exception())
    with pytest.raises(UnavailableError) as caught:
        QUICK.call(calls)
    assert caught.value is last
    assert len(calls.at) == QUICK.attempts


@pytest.mark.parametrize("error", [FatalError("no"), AccessDeniedError("no"), DrivetrainError("no"), KeyError("bug")])
def test_what_no_retry_can_help_is_raised_at_once(error: BaseException) -> None:
    calls = Calls(error)
    with pytest.raises(type(error)) as caught:
        QUICK.call(calls)
    assert caught.value is error
    assert len(calls.at) == 1


def test_a_write_whose_answer_was_lost_is_not_repeated() -> None:
    calls = Calls(UnavailableError("refused"), AmbiguousWriteError("lost"))
    with pytest.raises(AmbiguousWriteError):
        QUICK.call(calls)
    assert len(calls.at) == 2


def test_a_write_whose_answer_was_lost_is_repeated_where_that_is_harmless() -> None:
    calls = Calls(AmbiguousWriteError("lost"), AmbiguousWriteError("lost"))
    assert QUICK.call(calls, ambiguous_too=True) == "done"
    assert len(calls.at) == 3


def test_the_other_side_s_wait_is_kept() -> None:
    waited: list[float] = []
    policy = RetryPolicy(attempts=4, initial_wait_seconds=0, sleep=waited.append)
    assert policy.call(Calls(QuotaExceededError("slow down", retry_after_seconds=30))) == "done"
    assert waited == [30]


def test_a_longer_wait_than_the_policy_s_longest_is_left_to_the_task_s_own_retry() -> None:
    waited: list[float] = []
    calls = Calls(QuotaExceededError("come back in an hour", retry_after_seconds=3600))
    with pytest.raises(QuotaExceededError, match="in an hour"):
        RetryPolicy(attempts=4, sleep=waited.append).call(calls)
    assert waited == []
    assert len(calls.at) == 1


def test_waits_without_a_wish_are_drawn_from_ranges_that_double_up_to_the_longest() -> None:
    waited: list[float] = []
    policy = RetryPolicy(attempts=9, initial_wait_seconds=1, max_wait_seconds=8, sleep=waited.append)
    assert policy.call(Calls(*(UnavailableError(str(n)) for n in range(8)))) == "done"
    assert len(waited) == 8
    assert all(0 <= wait <= limit for wait, limit in zip(waited, (1, 2, 4, 8, 8, 8, 8, 8), strict=True))


def test_one_policy_serves_many_calls() -> None:
    for _ in range(3):
        calls = Calls(UnavailableError("once"))
        assert QUICK.call(calls) == "done"
        assert len(calls.at) == 2
