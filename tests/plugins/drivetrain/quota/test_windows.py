"""The earliest moment, against an oracle that tries every moment and counts every window."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.quota.windows import Room, Shape, earliest

WINDOW = 10


def fits(times: list[int], limit: int, shape: Shape, moment: int) -> bool:
    """Whether no window that gets something new has more than the limit: counted one by one."""
    new = [moment] * shape.count + ([moment + shape.keep] * shape.count if shape.keep else [])
    every = times + new
    for start in range(min(new) - WINDOW + 1, max(new) + 1):
        window = range(start, start + WINDOW)
        if any(t in window for t in new) and sum(t in window for t in every) > limit:
            return False
    return True


shapes = st.builds(Shape, st.integers(1, 3), st.sampled_from([0, 0, 4, 9]))
logs = st.lists(st.integers(0, 40), max_size=14).map(sorted)


@settings(max_examples=300)
@given(st.lists(st.tuples(logs, st.integers(0, 4), shapes), min_size=1, max_size=3), st.integers(0, 40))
def test_it_is_the_first_moment_at_which_no_window_of_any_log_gets_too_full(
    given_rooms: list[tuple[list[int], int, Shape]], at: int
) -> None:
    keep = given_rooms[0][2].keep
    rooms = []
    for times, more, shape in given_rooms:
        shape = Shape(shape.count, keep)
        rooms.append(Room(times, shape.most + more, shape))
    found = earliest(rooms, at, WINDOW)
    oracle = next(m for m in range(at, 200) if all(fits(list(r.times), r.limit, r.shape, m) for r in rooms))
    assert found == oracle


def test_what_never_fits_is_said_and_not_waited_for() -> None:
    with pytest.raises(ValueError, match="never fits into 3"):
        earliest([Room([], 3, Shape(2, keep=5))], 0, WINDOW)


@given(logs, st.integers(0, 9), st.integers(0, 40))
def test_a_kept_call_may_be_made_at_any_time_until_its_end(times: list[int], used_after: int, at: int) -> None:
    shape = Shape(1, keep=9)
    moment = earliest([Room(times, 4, shape)], at, WINDOW)
    before = sorted([*times, moment, moment + shape.keep])
    after = sorted([*times, moment + min(used_after, shape.keep)])
    for start in range(-WINDOW, 80):
        window = range(start, start + WINDOW)
        assert sum(t in window for t in after) <= sum(t in window for t in before)
