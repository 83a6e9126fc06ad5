"""Delete old rows of Airflow's database in small transactions, oldest first.

Killed at any line and run again, the end is the same: a DAG run's own row goes last, so what is left of a half-deleted
run is found again, and a copy in the archive is complete before the first row of it goes.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from drivetrain.errors import RetriableError
from drivetrain.retry import RetryPolicy

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from drivetrain.cleanup.archive import Archive
    from drivetrain.cleanup.pace import Pace
    from drivetrain.cleanup.tables import Aged

Position: TypeAlias = tuple[Any, ...]

MOST_RUNS = 1_000
_ATTEMPTS = 8  # quartered each time, 5,000 rows are one row after seven
_WAIT_SECONDS = 0.2


class BatchTooLongError(RetriableError):
    """The server ended a transaction for its length; it had no effect. A smaller one may pass."""


class RowsBusyError(RetriableError):
    """Somebody else holds rows that have to go too; the transaction had no effect."""


@dataclass(frozen=True)
class OldRun:
    """A DAG run that may go.

    Attributes:
        id: of dag_run.
        run_after: its place in the walk from the oldest on.
    """

    id: int
    run_after: dt.datetime

    @property
    def position(self) -> Position:
        """Where to go on from."""
        return (self.run_after, self.id)


@dataclass(frozen=True)
class Deleted:
    """What one transaction did.

    Attributes:
        rows: by table.
        seconds: from its begin to the end of its commit.
        is_finished: nothing of what it was given is left, but for what somebody else holds.
    """

    rows: Mapping[str, int]
    seconds: float
    is_finished: bool = True


@dataclass(frozen=True)
class Window:
    """A part of a table.

    Attributes:
        keys: ids of the rows that may go.
        after: where the next window begins; None: this was the last.
    """

    keys: Sequence[Any]
    after: Position | None


@dataclass(frozen=True)
class Cut:
    """Which rows of a table are old.

    Attributes:
        before: older than that.
        latest: for dag_version: how many of each DAG stay.
    """

    before: dt.datetime
    latest: int = 0


class MetadataStore(Protocol):
    """Airflow's database, as the clean-up needs it. Errors are drivetrain.errors and the two of this file."""

    def old_runs(
        self, cutoffs: Mapping[str, dt.datetime], kept: Collection[int], after: Position | None, limit: int
    ) -> Sequence[OldRun]:
        """Runs that ended before their DAG's cut-off, whose tasks have all ended, oldest first.

        Args:
            cutoffs: by DAG id; runs of other DAGs stay.
            kept: ids of runs that stay.
            after: where to go on from.
            limit: how many at most.
        """

    def count_runs(self, runs: Sequence[int]) -> Mapping[str, int]:
        """How many rows belong to runs, by table."""

    def run_rows(self, runs: Sequence[int]) -> Iterator[tuple[str, str]]:
        """(table, row as JSON) of all that belongs to runs."""

    def delete_runs(self, runs: Sequence[int], cutoffs: Mapping[str, dt.datetime], limit: int) -> Deleted:
        """Delete so many rows of runs, children first, in one transaction; a run that is not old any more stays."""

    def window(self, table: Aged, cut: Cut, after: Position | None, limit: int) -> Window:
        """Look at so many rows of a table, in its order."""

    def count_aged(self, table: Aged, keys: Sequence[Any]) -> Mapping[str, int]:
        """How many rows go with these, themselves included, by table."""

    def aged_rows(self, table: Aged, keys: Sequence[Any], cut: Cut) -> Iterator[tuple[str, str]]:
        """(table, row as JSON) of those that are still old."""

    def delete_aged(self, table: Aged, keys: Sequence[Any], cut: Cut) -> Deleted:
        """Delete those that are still old, and what goes with them, in one transaction."""


@dataclass
class Tally:
    """What was done, or would be.

    Attributes:
        rows: by table.
        transactions: that deleted something.
        seconds: of all of them.
        longest_seconds: of one.
        skipped: batches left to the next time, since somebody held their rows.
    """

    rows: Counter[str] = field(default_factory=Counter)
    transactions: int = 0
    seconds: float = 0.0
    longest_seconds: float = 0.0
    skipped: int = 0

    def add(self, done: Deleted) -> None:
        """Count a transaction."""
        self.rows.update(done.rows)
        self.transactions += 1
        self.seconds += done.seconds
        self.longest_seconds = max(self.longest_seconds, done.seconds)


class Cleaner:
    """Walks tables from the oldest row on.

    Args:
        store: Airflow's database.
        pace: batch sizes.
        archive: gets a copy first; None: no copy.
        rest: the pause after a transaction, as a share of its time.
        is_over: whether the time is up, asked between transactions.
        dry_run: count, delete nothing.
        sleep: how to wait; tests don't.
    """

    def __init__(
        self,
        store: MetadataStore,
        pace: Pace,
        *,
        archive: Archive | None = None,
        rest: float = 0.0,
        is_over: Callable[[], bool] = lambda: False,
        dry_run: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store, self._pace, self._archive, self._rest = store, pace, archive, rest
        self._is_over, self._dry_run, self._sleep = is_over, dry_run, sleep
        self._retry = RetryPolicy(_ATTEMPTS, _WAIT_SECONDS, max_wait_seconds=5.0, sleep=sleep)
        self._sizes: dict[str, int] = {}
        self._rows_a_run = 20.0
        self.tally = Tally()

    def clean_runs(self, cutoffs: Mapping[str, dt.datetime], kept: Collection[int]) -> bool:
        """Delete old DAG runs with all that belongs to them; whether the walk came to its end in time.

        Raises:
            RetriableError: the database is away, or even one row takes too long.
            FatalError: the role may not do it.
        """
        after: Position | None = None
        while not self._is_over():
            runs = self._store.old_runs(cutoffs, kept, after, self._runs_at_once())
            if not runs:
                return True
            after, ids = runs[-1].position, [run.id for run in runs]
            if self._dry_run:
                self.tally.rows.update(self._store.count_runs(ids))
                continue
            if self._archive:
                self._archive.keep("runs", runs[0].run_after, self._store.run_rows(ids))
            self._remove(ids, cutoffs)
        return False

    def clean_aged(self, table: Aged, cut: Cut) -> bool:
        """Delete the old rows of a table; whether the walk came to its end in time. Raises as clean_runs."""
        after: Position | None = None
        while not self._is_over():
            window = self._store.window(table, cut, after, self._size(table.table))
            keys, after = list(window.keys), window.after
            if keys and self._dry_run:
                self.tally.rows.update(self._store.count_aged(table, keys))
            elif keys:
                if self._archive and table.is_archived:
                    self._archive.keep(table.table, cut.before, self._store.aged_rows(table, keys, cut))
                while keys:
                    keys = self._remove_some(table, keys, cut)
            if after is None:
                return True
        return False

    def _remove(self, ids: list[int], cutoffs: Mapping[str, dt.datetime]) -> None:
        removed, is_finished = 0, False
        while not is_finished and not self._is_over():
            done = self._delete("dag_run", lambda size: self._store.delete_runs(ids, cutoffs, size))
            rows = sum(done.rows.values()) if done else 0
            removed += rows
            is_finished = not done or done.is_finished or not rows
        self._rows_a_run = max(1.0, (self._rows_a_run + removed / len(ids)) / 2)

    def _remove_some(self, table: Aged, keys: list[Any], cut: Cut) -> list[Any]:
        """Delete the first of the keys; the others."""
        taken = 0

        def delete(size: int) -> Deleted:
            nonlocal taken
            taken = min(size, len(keys))
            return self._store.delete_aged(table, keys[:taken], cut)

        self._delete(table.table, delete)
        return keys[taken:]

    def _delete(self, name: str, delete: Callable[[int], Deleted]) -> Deleted | None:
        """One transaction, tried again while it is too long or in somebody's way; None: it stayed in the way."""
        size = self._size(name)

        def once() -> Deleted:
            nonlocal size
            try:
                return delete(size)
            except BatchTooLongError:
                size = self._pace.after_a_failure(size) or 1
                raise

        try:
            done = self._retry.call(once)
        except RowsBusyError:
            self.tally.skipped += 1
            return None
        rows = sum(done.rows.values())
        self._sizes[name] = self._pace.following(size, rows=rows, seconds=done.seconds)
        if rows:
            self.tally.add(done)
        self._sleep(done.seconds * self._rest)
        return done

    def _size(self, name: str) -> int:
        return self._sizes.get(name, self._pace.first())

    def _runs_at_once(self) -> int:
        return MOST_RUNS if self._dry_run else max(1, min(MOST_RUNS, int(self._size("dag_run") / self._rows_a_run)))
