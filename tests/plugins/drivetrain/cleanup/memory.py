"""Airflow's database and a folder, in memory, that can fail at any call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from drivetrain.cleanup.files import File
from drivetrain.cleanup.metadata import BatchTooLongError, Deleted, OldRun, RowsBusyError, Window

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from drivetrain.cleanup.metadata import Cut, Position
    from drivetrain.cleanup.tables import Aged


class KilledError(BaseException):
    """The process died."""


@dataclass
class MemoryDatabase:
    """Runs with tasks, and rows of one table that ages.

    Attributes:
        runs: id -> (dag id, run_after).
        tasks: id of the run -> ids of its tasks.
        aged: id -> when.
        seconds_a_row: what a transaction takes.
        longest: a longer one is ended.
        busy: ids of runs that somebody holds.
        dies_at: number of the call that kills the process.
    """

    runs: dict[int, tuple[str, dt.datetime]] = field(default_factory=dict)
    tasks: dict[int, list[int]] = field(default_factory=dict)
    aged: dict[int, dt.datetime] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    seconds_a_row: float = 0.0001
    longest: float = 1.0
    busy: set[int] = field(default_factory=set)
    dies_at: int = 0
    calls: int = 0
    transactions: list[int] = field(default_factory=list)
    vacuumed: list[str] = field(default_factory=list)

    def _called(self) -> None:
        self.calls += 1
        if self.calls == self.dies_at:
            raise KilledError

    def teams(self) -> dict[str, str]:
        return self.tags

    def dag_ids(self) -> set[str]:
        return {dag for dag, _ in self.runs.values()}

    def latest_runs(self, dag_id: str, latest: int) -> list[int]:
        mine = [(at, run) for run, (dag, at) in self.runs.items() if dag == dag_id]
        return [run for _, run in sorted(mine, reverse=True)[:latest]]

    def old_runs(
        self, cutoffs: Mapping[str, dt.datetime], kept: Collection[int], after: Position | None, limit: int
    ) -> list[OldRun]:
        self._called()
        old = sorted(
            (at, run)
            for run, (dag, at) in self.runs.items()
            if dag in cutoffs and at < cutoffs[dag] and run not in kept
        )
        return [OldRun(run, at) for at, run in old if after is None or (at, run) > after][:limit]

    def count_runs(self, runs: Sequence[int]) -> Mapping[str, int]:
        self._called()
        return Counter(dag_run=len(runs), task_instance=sum(len(self.tasks.get(run, ())) for run in runs))

    def run_rows(self, runs: Sequence[int]) -> Iterator[tuple[str, str]]:
        self._called()
        for run in runs:
            yield from (("task_instance", f'{{"id": {task}}}') for task in self.tasks.get(run, ()))
            yield "dag_run", f'{{"id": {run}}}'

    def delete_runs(self, runs: Sequence[int], cutoffs: Mapping[str, dt.datetime], limit: int) -> Deleted:
        self._called()
        if self.busy & set(runs):
            raise RowsBusyError("held")
        rows: Counter[str] = Counter()
        tasks = [(run, task) for run in runs for task in self.tasks.get(run, ())][:limit]
        rest = [run for run in runs if run in self.runs][: limit - len(tasks)]
        self._check(len(tasks) + len(rest))
        for run, task in tasks:
            self.tasks[run].remove(task)
            rows["task_instance"] += 1
        for run in rest:
            assert not self.tasks.pop(run, None), "a parent went before its child"
            del self.runs[run]
            rows["dag_run"] += 1
        return Deleted(rows, rows.total() * self.seconds_a_row, rows.total() < limit)

    def window(self, table: Aged, cut: Cut, after: Position | None, limit: int) -> Window:
        self._called()
        if table.table != "log":
            return Window((), None)
        ids = sorted(key for key in self.aged if after is None or key > after[0])[:limit]
        return Window([key for key in ids if self.aged[key] < cut.before], (ids[-1],) if len(ids) == limit else None)

    def count_aged(self, table: Aged, keys: Sequence[Any]) -> Mapping[str, int]:
        return {table.table: len(keys)}

    def aged_rows(self, table: Aged, keys: Sequence[Any], cut: Cut) -> Iterator[tuple[str, str]]:
        self._called()
        yield from ((table.table, f'{{"id": {key}}}') for key in keys)

    def delete_aged(self, table: Aged, keys: Sequence[Any], cut: Cut) -> Deleted:
        self._called()
        self._check(len(keys))
        for key in keys:
            del self.aged[key]
        return Deleted({table.table: len(keys)}, len(keys) * self.seconds_a_row)

    def vacuum(self, tables: Collection[str]) -> list[str]:
        self.vacuumed = sorted(tables)
        return self.vacuumed

    def _check(self, rows: int) -> None:
        if rows * self.seconds_a_row > self.longest:
            raise BatchTooLongError("ended")
        self.transactions.append(rows)


@dataclass
class MemoryFiles:
    """A folder.

    Attributes:
        content: name -> (size, when).
        written: name -> bytes.
        held: names that can't be deleted.
        dies_at: number of the deletion or write that kills the process.
    """

    content: dict[str, tuple[int, dt.datetime]] = field(default_factory=dict)
    written: dict[str, bytes] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    dies_at: int = 0
    calls: int = 0
    walks: int = 0

    def files(self) -> Iterator[File]:
        self.walks += 1
        for name, (size, modified) in list(self.content.items()):
            yield File(name, size, modified)

    def delete(self, files: Sequence[File]) -> list[File]:
        self._called()
        gone = [file for file in files if file.name in self.content and file.name not in self.held]
        for file in gone:
            del self.content[file.name]
        return gone

    def write(self, name: str, content: IO[bytes]) -> None:
        self._called()
        assert name not in self.written
        self.written[name] = content.read()

    def _called(self) -> None:
        self.calls += 1
        if self.calls == self.dies_at:
            raise KilledError
