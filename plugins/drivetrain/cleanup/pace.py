"""How many rows the next transaction takes, by how long the last one took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Batch sizes that make a transaction take about the same time, whatever the rows and the load are.

    Attributes:
        seconds: what a transaction should take.
        most: rows of one, however fast it is.
        start: rows of the first.
    """

    seconds: float = 0.5
    most: int = 5_000
    start: int = 500

    def first(self) -> int:
        """The size to begin with."""
        return min(self.start, self.most)

    def following(self, size: int, *, rows: int, seconds: float) -> int:
        """The size after a transaction: twice as large or half as large at most, since one measurement is not much.

        Args:
            size: what the transaction was allowed to take.
            rows: what it took.
            seconds: how long it was, its commit included.
        """
        if seconds <= self.seconds and rows < size / 2:
            return size  # it ended early for want of rows: no reason to believe in more
        factor = self.seconds / seconds if seconds > 0 else 2.0
        return self._within(round(size * min(max(factor, 0.5), 2.0)))

    def after_a_failure(self, size: int) -> int | None:
        """The size after a transaction that the server ended for its length; None: it was one row already."""
        return None if size <= 1 else self._within(size // 4)

    def _within(self, size: int) -> int:
        return max(1, min(size, self.most))
