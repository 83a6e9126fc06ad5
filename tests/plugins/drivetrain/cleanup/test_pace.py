from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivetrain.cleanup.pace import Pace

PACE = Pace(seconds=0.5, most=5_000, start=500)


def test_a_slow_transaction_halves_the_next_and_a_fast_one_doubles_it() -> None:
    assert PACE.following(1_000, rows=1_000, seconds=0.75) == 667
    assert PACE.following(1_000, rows=1_000, seconds=10) == 500
    assert PACE.following(1_000, rows=1_000, seconds=0.4) == 1_250
    assert PACE.following(1_000, rows=1_000, seconds=0.001) == 2_000
    assert PACE.following(1_000, rows=1_000, seconds=0) == 2_000


def test_one_that_found_little_says_nothing_about_more() -> None:
    assert PACE.following(1_000, rows=3, seconds=0.001) == 1_000
    assert PACE.following(1_000, rows=3, seconds=1) == 500, "but slow is slow"


def test_one_that_the_server_ended_is_quartered_down_to_a_row() -> None:
    sizes, size = [], PACE.after_a_failure(5_000)
    while size:
        sizes.append(size)
        size = PACE.after_a_failure(size)
    assert sizes == [1_250, 312, 78, 19, 4, 1]


@given(st.integers(1, 10**6), st.floats(1e-6, 100), st.integers(1, 10**5))
def test_it_comes_to_the_wanted_time_whatever_a_row_costs(start: int, seconds: float, rows_a_second: int) -> None:
    pace = Pace(seconds=seconds, most=50_000, start=start)
    size = pace.first()
    for _ in range(40):
        size = pace.following(size, rows=size, seconds=size / rows_a_second)
        assert 1 <= size <= 50_000
    ideal = max(1, min(50_000, seconds * rows_a_second))
    assert ideal / 2 <= size <= ideal * 2
