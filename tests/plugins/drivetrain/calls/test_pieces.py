"""Long calls in pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.calls.audio import RATE, Window
from drivetrain.calls.pieces import pieces, quietest


def windows(samples: np.ndarray, sizes: list[int]) -> list[Window]:
    found, at = [], 0
    for size in [*sizes, samples.shape[1]]:
        part = samples[:, at : at + size]
        if part.shape[1]:
            found.append(Window(at / RATE, part))
        at += part.shape[1]
    return found


@given(
    seconds=st.floats(0.1, 12),
    sizes=st.lists(st.integers(1, 3 * RATE), max_size=6),
    longest=st.floats(1, 4),
    seed=st.integers(0, 99),
)
def test_pieces_are_all_of_the_sound_in_order_and_none_is_too_long(
    seconds: float, sizes: list[int], longest: float, seed: int
) -> None:
    samples = np.random.default_rng(seed).normal(size=(2, int(seconds * RATE))).astype(np.float32)
    found = list(pieces(windows(samples, sizes), longest_seconds=longest, searched_seconds=0.5))
    assert np.array_equal(np.concatenate([one.samples for one in found], axis=1), samples)
    at = 0.0
    for one in found:
        assert one.start_seconds == pytest.approx(at)
        assert one.seconds <= longest + 1 / RATE
        at += one.seconds


def test_a_cut_is_where_nobody_speaks_in_any_channel() -> None:
    noise = np.random.default_rng(7).normal(size=(2, 10 * RATE)).astype(np.float32)
    noise[0, int(7.0 * RATE) : int(8.0 * RATE)] = 0  # one pauses, the other does not
    noise[:, int(8.6 * RATE) : int(9.0 * RATE)] = 0
    assert 8.6 <= quietest(noise) / RATE <= 9.0
    (first, _) = pieces([Window(0, noise)], longest_seconds=9.5, searched_seconds=4)
    assert 8.6 <= first.seconds <= 9.0


def test_sound_too_short_to_look_into_is_not_cut() -> None:
    assert quietest(np.zeros((1, 100), np.float32)) == 100
