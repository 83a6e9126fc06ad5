"""How much values differ from what they were."""

from __future__ import annotations

import math
import random
import statistics
from bisect import bisect_right

import pytest

from drivetrain.features.drift import Bins, edges_of


def quantiles(values: list[float]) -> list[float]:
    return [min(values), *statistics.quantiles(values, n=20, method="inclusive"), max(values)]


def at_most(values: list[float], edges: tuple[float, ...]) -> tuple[float, ...]:
    ordered = sorted(values)
    return tuple(bisect_right(ordered, edge) / len(ordered) for edge in edges)


def bins_of(values: list[float]) -> Bins:
    edges = edges_of(quantiles(values))
    return Bins(edges, at_most(values, edges))


def psi(bins: Bins, values: list[float]) -> float:
    return bins.psi(at_most(values, bins.edges))


def drawn(count: int, mean: float, seed: int) -> list[float]:
    source = random.Random(seed)
    return [source.gauss(mean, 10) for _ in range(count)]


def test_other_values_of_the_same_kind_differ_little_and_moved_ones_much() -> None:
    bins = bins_of(drawn(20_000, 100, 1))
    assert psi(bins, drawn(20_000, 100, 2)) < 0.01
    assert 0.1 < psi(bins, drawn(20_000, 105, 3)) < 0.4, "half a standard deviation"
    assert psi(bins, drawn(20_000, 130, 4)) > 2


def test_values_that_are_mostly_one_and_no_more_are_seen() -> None:
    mostly_zero = [0.0] * 9_000 + [float(number % 7 + 1) for number in range(1_000)]
    bins = bins_of(mostly_zero)
    assert psi(bins, mostly_zero) == 0
    assert psi(bins, [0.0] * 5_000 + [3.0] * 5_000) > 0.5


def test_the_index_is_the_one_of_the_textbooks() -> None:
    bins = Bins((1.0, 2.0), (0.5, 0.8))
    by_hand = sum((a - e) * math.log(a / e) for a, e in ((0.4, 0.5), (0.4, 0.3), (0.2, 0.2)))
    assert bins.psi((0.4, 0.8)) == pytest.approx(by_hand)


@pytest.mark.parametrize("values", [[5.0] * 30, [1.0, 2.0]])
def test_few_or_equal_values_make_bins_too(values: list[float]) -> None:
    bins = bins_of(values)
    assert list(bins.edges) == sorted(set(bins.edges))
    assert math.isfinite(psi(bins, [7.0] * 10))
