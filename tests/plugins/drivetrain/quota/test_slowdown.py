from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivetrain.quota.slowdown import LEAST, LONGEST_PAUSE, WHOLE, Brake

SECOND = 1_000_000
WINDOW = 60 * SECOND


def test_a_refusal_closes_for_as_long_as_the_server_asks_and_halves_the_rate() -> None:
    brake = Brake().refused(1000 * SECOND, 30 * SECOND, WINDOW)
    assert brake.closed_until == 1030 * SECOND
    assert brake.limit(60, 1030 * SECOND, WINDOW) == 30


def test_a_tenth_of_the_limit_comes_back_with_every_window() -> None:
    brake = Brake().refused(0, 0, WINDOW)
    assert [brake.limit(60, minute * WINDOW, WINDOW) for minute in range(7)] == [30, 36, 42, 48, 54, 60, 60]


def test_pauses_that_nobody_asked_for_double_up_to_a_window() -> None:
    brake, now, pauses = Brake(), 0, []
    for _ in range(6):
        brake = brake.refused(now, None, WINDOW)
        pauses.append((brake.closed_until - now) / SECOND)
        now = brake.closed_until
    assert pauses == [5, 10, 20, 40, 60, 60]
    assert brake.limit(60, now, WINDOW) == 60 * LEAST // WHOLE == 3


def test_refusals_of_calls_that_were_on_their_way_count_once() -> None:
    first = Brake().refused(0, None, WINDOW)
    more = first.refused(1 * SECOND, None, WINDOW).refused(2 * SECOND, 20 * SECOND, WINDOW)
    assert (more.share, more.closed_until) == (first.share, 22 * SECOND)


@given(st.lists(st.tuples(st.integers(0, 10**10), st.none() | st.integers(0, 10**13)), max_size=30))
def test_whatever_happens_some_calls_get_through_and_all_of_them_in_the_end(
    refusals: list[tuple[int, int | None]],
) -> None:
    brake, now = Brake(), 0
    for after, asked in refusals:
        now += after
        brake = brake.refused(now, asked, WINDOW)
        assert brake.closed_until <= now + LONGEST_PAUSE
        assert 1 <= brake.limit(60, now, WINDOW) <= 60
        assert brake.limit(1, now, WINDOW) == 1
    assert brake.limit(60, max(brake.closed_until, now) + 10 * WINDOW, WINDOW) == 60
