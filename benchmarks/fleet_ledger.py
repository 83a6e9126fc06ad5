"""Whether a fleet did what it had to: every due time once, none too late, and every sheet as its query says.

What is due is counted from the generator's own minutes, not from the cron text that the product reads. Sheets are read
through gspread and queries through the driver's plain cursor, which is not how the product reads either of them.
"""

from __future__ import annotations

import datetime as dt
import math
import os
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from standins.fleet.schedules import ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from multiprocessing.context import ForkServerContext
    from pathlib import Path

    import gspread

    from drivetrain.sheets.catalog import Sync
    from drivetrain.sheets.spec import SheetSyncSpec
    from standins.fleet.fleet import Fleet

MINUTE = dt.timedelta(minutes=1)
DAY_MINUTES = 24 * 60
_TABS_A_CALL = 10
_SHOWN = 5


@dataclass(frozen=True)
class DueTimes:
    """When each sync is due between `begin` (inclusive) and `end` (exclusive).

    Attributes:
        by_sync: instants in UTC, in their order, by the sync's name.
    """

    begin: dt.datetime
    end: dt.datetime
    by_sync: Mapping[str, tuple[dt.datetime, ...]]

    @staticmethod
    def of(fleet: Fleet, begin: dt.datetime, end: dt.datetime) -> DueTimes:
        """By the generator's lists of minutes.

        Args:
            fleet: whose syncs.
            begin: a whole minute, less than a week before `end`.
            end: likewise.
        """
        local = begin.astimezone(ZoneInfo(ZONE))
        first = (local.isoweekday() % 7) * DAY_MINUTES + local.hour * 60 + local.minute
        length = (end - begin) // MINUTE
        found = {}
        for sync in fleet.syncs:
            after = sorted((minute - first) % (7 * DAY_MINUTES) for minute in sync.schedule.week)
            found[sync.name] = tuple(begin + minute * MINUTE for minute in after if minute < length)
        return DueTimes(begin, end, found)

    def __iter__(self) -> Iterator[tuple[str, dt.datetime]]:
        return ((sync, at) for sync, times in self.by_sync.items() for at in times)

    def __len__(self) -> int:
        return sum(map(len, self.by_sync.values()))


@dataclass
class Account:
    """Due times against the registry's records.

    Attributes:
        done: due times that ended well, `superseded` among them: a later due time of the sync did their work.
        lost: due times without a good end.
        unasked: records of scheduled runs that nobody was due for.
        outcomes: how many ended how.
        lags: from the due time to the end, in minutes, of those that are done.
        attempts: above the first.
    """

    done: int = 0
    lost: list[tuple[str, dt.datetime]] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    lags: list[float] = field(default_factory=list)
    attempts: int = 0


def settle(due: DueTimes, records: Iterable[Any]) -> Account:
    """Hold due times against records of sheet_runs: sync, due_at, trigger, outcome, is_final, attempt, finished_at."""
    from drivetrain.sheets.registry import GOOD_OUTCOMES

    account, ended = Account(), {}
    wanted = set(due)
    for record in records:
        if record.trigger != "schedule":
            continue
        account.attempts += record.attempt - 1
        place = record.sync, record.due_at
        if place not in wanted:
            account.unasked.append(f"{record.sync}@{record.due_at.isoformat()}")
        elif record.outcome in GOOD_OUTCOMES and record.is_final:
            ended[place] = record
    for place in due:
        if (record := ended.get(place)) is None:
            account.lost.append(place)
            continue
        account.done += 1
        account.outcomes[record.outcome] += 1
        account.lags.append((record.finished_at - record.due_at) / MINUTE)
    return account


@dataclass(frozen=True)
class Age:
    """How old a sync's tab was at its oldest; None: it never ran."""

    sync: str
    oldest: dt.timedelta | None
    objective: dt.timedelta

    @property
    def share(self) -> float:
        """Of the objective."""
        return math.inf if self.oldest is None else self.oldest / self.objective

    @property
    def is_late(self) -> bool:
        """Whether that was older than it may be."""
        return self.share > 1

    def __str__(self) -> str:
        was = "it never ran" if self.oldest is None else f"{self.oldest} old"
        return f"{self.sync}: {was}, its objective is {self.objective}"


def ages(objectives: Mapping[str, dt.timedelta], until: dt.datetime, records: Iterable[Any]) -> list[Age]:
    """How old each sync's tab was at its oldest up to `until`.

    A tab is as old as the moment at which its run began to read. The first record of a sync is where counting begins.
    """
    from drivetrain.sheets.registry import GOOD_OUTCOMES

    runs: dict[str, list[tuple[dt.datetime, dt.datetime]]] = defaultdict(list)
    for record in records:
        if record.outcome in GOOD_OUTCOMES and record.outcome != "superseded":
            runs[record.sync].append((record.finished_at, record.started_at))
    found = []
    for sync, objective in objectives.items():
        ended = sorted(runs.get(sync, ()))
        if not ended:
            found.append(Age(sync, None, objective))
            continue
        as_of, oldest = ended[0][1], dt.timedelta()
        for finished, started in ended:
            oldest, as_of = max(oldest, finished - as_of), max(as_of, started)
        found.append(Age(sync, max(oldest, until - as_of), objective))
    return found


@dataclass(frozen=True)
class Look:
    """One workbook to compare.

    Attributes:
        runs: by sync, the due times of its runs, which are what an append is about.
    """

    spreadsheet_id: str
    runs: Mapping[str, tuple[dt.datetime, ...]]


@dataclass
class Verdict:
    """How sheets and queries compare.

    Attributes:
        equal: tabs that say what their query says.
        different: the others, a line each.
        cells: that were compared.
        doubled: rows that an append added more than once.
        missing: rows that an append should have added.
    """

    equal: int = 0
    different: list[str] = field(default_factory=list)
    cells: int = 0
    doubled: int = 0
    missing: int = 0

    def add(self, other: Verdict) -> None:
        """Both together."""
        self.equal += other.equal
        self.different += other.different
        self.cells += other.cells
        self.doubled += other.doubled
        self.missing += other.missing


def verify(
    context: ForkServerContext, include: Path, syncs: Sequence[Sync], runs: Mapping[str, Sequence[dt.datetime]]
) -> Verdict:
    """Compare every tab with its query, cell for cell and by type, two workbooks at a time.

    Args:
        context: of the processes.
        include: the folder with specs/ and sql/.
        syncs: all of them.
        runs: by sync, the due times of all its runs.
    """
    books: dict[str, dict[str, tuple[dt.datetime, ...]]] = defaultdict(dict)
    for sync in syncs:
        books[sync.spec.target.spreadsheet_id][sync.spec.sync] = tuple(sorted(runs.get(sync.spec.sync, ())))
    total = Verdict()
    with context.Pool(2, initializer=_begin, initargs=(dict(os.environ), include)) as pool:
        for verdict in pool.imap_unordered(_compare, [Look(name, asked) for name, asked in books.items()], chunksize=4):
            total.add(verdict)
    return total


_HERE: dict[str, Any] = {}  # of a process of the pool


def _begin(environment: Mapping[str, str], include: Path) -> None:
    os.environ.update(environment)
    from drivetrain.sheets.catalog import SyncFiles
    from hooks.google_sheets import GoogleSheetsHook
    from hooks.snowflake import ArrowSnowflakeHook

    _HERE.update(
        syncs=SyncFiles(include),
        google=GoogleSheetsHook(),
        snowflake=ArrowSnowflakeHook("snowflake_default").get_conn(),
    )


def _compare(look: Look) -> Verdict:
    syncs = [_HERE["syncs"][name] for name in look.runs]
    book = _HERE["google"].gspread_client(look.spreadsheet_id).open_by_key(look.spreadsheet_id)
    verdict = Verdict()
    for start in range(0, len(syncs), _TABS_A_CALL):
        some = syncs[start : start + _TABS_A_CALL]
        for sync, values in zip(some, _tabs(book, [sync.spec for sync in some]), strict=True):
            verdict.add(_verdict(sync, values, look.runs[sync.spec.sync]))
    return verdict


def _tabs(book: gspread.Spreadsheet, specs: Sequence[SheetSyncSpec]) -> list[list[list[Any]]]:
    """The columns of some syncs from their headers on; nothing for a tab that is not there."""
    from drivetrain.sheets import a1

    rows = {
        tab["properties"]["title"]: tab["properties"]["gridProperties"]["rowCount"]
        for tab in book.fetch_sheet_metadata(params={"fields": "sheets.properties"})["sheets"]
    }
    there = [spec for spec in specs if spec.target.tab in rows]
    ranges = []
    for spec in there:
        row, column = a1.parse_cell(spec.target.anchor)
        last = rows[spec.target.tab] - 1
        ranges.append(
            a1.block(spec.target.tab, first_row=row, first_column=column, last_row=last, columns=len(spec.columns))
        )
    params: dict[str, Any] = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "SERIAL_NUMBER"}
    found = book.values_batch_get(ranges, params=params)["valueRanges"] if there else []
    values = {spec.sync: entry.get("values", []) for spec, entry in zip(there, found, strict=True)}
    return [values.get(spec.sync, []) for spec in specs]


def _verdict(sync: Sync, values: list[list[Any]], runs: Sequence[dt.datetime]) -> Verdict:
    from drivetrain.sheets.spec import Mode
    from drivetrain.sheets.verify import differences

    spec = sync.spec
    header, cells = (values[0], values[1:]) if values else ([], [])
    verdict = Verdict(cells=len(values) * len(spec.columns))
    rows = _appended(sync, runs) if spec.mode is Mode.APPEND and not spec.keys else _query(sync, _time_of(runs))
    if spec.mode is not Mode.APPEND:
        problems = differences(spec, header, cells, rows)
    else:
        # The fleet's syncs have their table's key in the first column, and no row of it is in two intervals.
        there, wanted = Counter(_key(row) for row in cells), {_key(row) for row in rows}
        verdict.doubled, verdict.missing = there.total() - len(there), len(wanted - set(there))
        problems = [f"{verdict.doubled} doubled, {verdict.missing} missing"] * bool(verdict.doubled or verdict.missing)
        if not spec.keys:
            problems += [f"{key}: in no interval" for key in set(there) - wanted]
            # A retry may have added an interval after a later one.
            problems = problems or differences(spec, header, sorted(cells, key=_key), sorted(rows, key=_key))
    verdict.equal = int(not problems)
    if problems:
        verdict.different = [f"{spec.sync} ({spec.mode.value}): {'; '.join(problems[:_SHOWN])}"]
    return verdict


def _time_of(runs: Sequence[dt.datetime]) -> dt.datetime:
    """The time of the last run; now, if there was none."""
    return runs[-1] if runs else dt.datetime.now(dt.UTC)


def _key(row: Sequence[Any]) -> str:
    value = row[0] if row else ""
    return str(value) if isinstance(value, str) else str(int(value))


def _appended(sync: Sync, runs: Sequence[dt.datetime]) -> list[tuple[Any, ...]]:
    """The rows of every interval that its runs were about."""
    from drivetrain.sheets.schedule import run_window

    spec = sync.spec
    ends = {run_window(spec.schedule, spec.freshness_objective, at).end: at for at in runs}
    return [row for _, at in sorted(ends.items()) for row in _query(sync, at)]


def _query(sync: Sync, at: dt.datetime) -> list[tuple[Any, ...]]:
    """What the query says now, for a run that is about `at`; columns in the spec's order."""
    from drivetrain.sheets.schedule import bind, run_window

    spec = sync.spec
    parameters = bind(spec.source.parameters, run_window(spec.schedule, spec.freshness_objective, at))
    with closing(_HERE["snowflake"].cursor()) as cursor:
        cursor.execute(sync.sql, parameters or None)
        names = [description.name for description in cursor.description]
        places = [names.index(column.name) for column in spec.columns]
        return [tuple(row[i] for i in places) for row in cursor.fetchall()]
