"""How much a feature's values differ from what they were: the population stability index over bins of quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST = 1e-4  # an empty bin counts as that much: else one row in a new place would make the index infinite


@dataclass(frozen=True)
class Bins:
    """Ranges of values.

    Attributes:
        edges: n edges, each larger than the one before; a value that is equal to one is below it.
        at_most: the share of values that are at most each edge, shape (n,).
    """

    edges: tuple[float, ...]
    at_most: tuple[float, ...]

    def psi(self, at_most: Sequence[float]) -> float:
        """The population stability index of other values against these: 0 for the same shares in each bin.

        Args:
            at_most: the share of the others that are at most each edge, shape (n,).
        """
        index = 0.0
        for before, now in zip(_shares(self.at_most), _shares(at_most), strict=True):
            expected, actual = max(before, _LEAST), max(now, _LEAST)
            index += (actual - expected) * math.log(actual / expected)
        return index


def edges_of(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Edges of bins with about as many values each; fewer where many values are equal.

    Args:
        quantiles: the least value, the largest, and those between them at even distances of rank.
    """
    return tuple(sorted({value for value in quantiles if value < quantiles[-1]}))


def _shares(at_most: Sequence[float]) -> list[float]:
    """The share in each bin, shape (n + 1,)."""
    return [high - low for low, high in pairwise((0.0, *at_most, 1.0))]
