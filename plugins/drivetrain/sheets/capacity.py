"""Whether Google's quota is enough for the schedules of a day.

An upper bound: each workbook that is due is taken to have changed, which costs two reads and one write, more where it
is large. All connections are counted as one Google project; loads, runs on demand and retries are not counted.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from drivetrain.sheets import limits
from drivetrain.sheets.drain import Arrival, Calls, drain
from drivetrain.sheets.port import Settings
from drivetrain.sheets.schedule import due_times, last_due
from drivetrain.sheets.spec import ColumnType, Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from drivetrain.sheets.catalog import Sync
    from drivetrain.sheets.drain import Done
    from drivetrain.sheets.spec import SheetSyncSpec
    from drivetrain.spec_types import Schedule

    _Pauses = Mapping[tuple[str, int], dt.timedelta | None]  # by sync and minute, the time since it was due before

PER_ACCOUNT = Calls(limits.QUOTA_READS_PER_MINUTE_PER_USER, limits.QUOTA_WRITES_PER_MINUTE_PER_USER)
PER_PROJECT = Calls(limits.QUOTA_READS_PER_MINUTE_PER_PROJECT, limits.QUOTA_WRITES_PER_MINUTE_PER_PROJECT)
# Fewer accounts can't use up what a project has, more add nothing to it.
ENOUGH_ACCOUNTS = PER_PROJECT.writes // PER_ACCOUNT.writes

_PRIORITIES = {Priority.LOW: -1, Priority.NORMAL: 0, Priority.HIGH: 1}
_MINUTE = dt.timedelta(minutes=1)
_LOOK_BACK = dt.timedelta(days=400)
_SHOWN = 5
# Bytes of a value as JSON, on the large side of what is usual; a typed cell has a frame around it.
_USUAL_BYTES = 12
_BYTES = {ColumnType.TEXT: 24, ColumnType.VARIANT: 120, ColumnType.BINARY: 64, ColumnType.TIMESTAMP_TZ: 24}
_CELL_FRAME_BYTES = len(b'{"userEnteredValue":{"stringValue":}},')
_CALLS_AROUND_A_STAGING_TAB = 2


@dataclass(frozen=True)
class Minute:
    """What is due in one minute.

    Attributes:
        at: in the zone of most schedules.
        calls: that it needs at most.
        busiest_account: those of the account that has most to do.
        crons: the schedules that are due, with the workbooks of each, the most first.
    """

    at: dt.datetime
    syncs: int
    workbooks: int
    calls: Calls
    busiest_account: Calls
    crons: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Queue:
    """Calls that have to wait: from their first minute until all are made."""

    first: Minute
    minutes: int


@dataclass(frozen=True)
class Late:
    """A sync that is done later than its objective allows."""

    sync: str
    due: dt.datetime
    done: dt.datetime
    allowed: dt.timedelta
    freshness: str

    @property
    def message(self) -> str:
        """One line."""
        return (
            f"{self.sync}: due at {_clock(self.due)}, done by {_clock(self.done)} at best; with freshness "
            f"{self.freshness} it has to be done by {_clock(self.due + self.allowed)}"
        )


@dataclass(frozen=True)
class Capacity:
    """A day's calls against the quota.

    Attributes:
        cap: calls a minute of all accounts together.
        minutes: those in which something is due.
        queues: of more than one minute.
        late: syncs that miss their objective though every call is made as early as the quota allows, each once.
        sparse: syncs with their longest pause between two due times, where it is longer than their objective.
    """

    day: dt.date
    zone: str
    accounts: int
    cap: Calls
    minutes: tuple[Minute, ...]
    queues: tuple[Queue, ...]
    late: tuple[Late, ...]
    sparse: tuple[tuple[str, dt.timedelta], ...]

    @property
    def busiest(self) -> Minute | None:
        """The minute with the most calls of one kind."""
        return max(self.minutes, key=lambda minute: max(minute.calls), default=None)

    @property
    def summary(self) -> str:
        """The busiest minute in one line."""
        busy = self.busiest
        if busy is None:
            return f"nothing is due on {self.day:%a %Y-%m-%d}"
        return (
            f"busiest minute of {self.day:%a %Y-%m-%d}: {busy.at:%H:%M} {self.zone}, {busy.syncs} syncs in "
            f"{busy.workbooks} workbooks: up to {busy.calls.writes} of {self.cap.writes} writes and {busy.calls.reads} "
            f"of {self.cap.reads} reads a minute with {_accounts(self.accounts)}"
        )

    @property
    def warnings(self) -> list[str]:
        """What is better changed, a line each."""
        lines = []
        if self.queues:
            worst = max(self.queues, key=lambda queue: (queue.minutes, max(queue.first.calls)))
            crons = ", ".join(f"{cron} ({count} workbooks)" for cron, count in worst.first.crons[:_SHOWN])
            more = f" (the longest of {len(self.queues)} queues that day)" if len(self.queues) > 1 else ""
            advice = "use more accounts, or spread" if self.accounts < ENOUGH_ACCOUNTS else "spread"
            lines.append(
                f"this set needs {self._excess(worst.first)}: it drains in {worst.minutes} min{more}; "
                f"{advice} these schedules: {crons}"
            )
        if self.sparse:
            shown = ", ".join(f"{sync} ({_hours(pause)})" for sync, pause in self.sparse[:_SHOWN])
            more = f" and {len(self.sparse) - _SHOWN} more" if len(self.sparse) > _SHOWN else ""
            lines.append(f"freshness is shorter than the pause between two due times: {shown}{more}")
        return lines

    def _excess(self, minute: Minute) -> str:
        """What a minute has too much of: reads or writes, of the project or of one account."""
        where = f"at {minute.at:%H:%M} {self.zone}"
        kinds = range(len(Calls._fields))
        kind = max(kinds, key=lambda kind: minute.calls[kind] / self.cap[kind])
        if minute.calls[kind] > self.cap[kind]:
            return (
                f"{minute.calls[kind]} {Calls._fields[kind]}/min {where}, the cap is {self.cap[kind]} with "
                f"{_accounts(self.accounts)}"
            )
        kind = max(kinds, key=lambda kind: minute.busiest_account[kind] / PER_ACCOUNT[kind])
        return (
            f"{minute.busiest_account[kind]} {Calls._fields[kind]}/min of one account {where}, the cap is "
            f"{PER_ACCOUNT[kind]} an account"
        )


def main_zone(syncs: Iterable[Sync]) -> str:
    """The time zone that most schedules are in."""
    zones = Counter(sync.spec.schedule.timezone for sync in syncs if sync.spec.schedule)
    return min(zones, key=lambda zone: (-zones[zone], zone), default="UTC")


def check_capacity(
    syncs: Sequence[Sync], day: dt.date, *, accounts: int = ENOUGH_ACCOUNTS, rows: Mapping[str, int] | None = None
) -> Capacity:
    """Count a day's calls and let them drain, from an empty queue at midnight on.

    Args:
        syncs: all that share the quota.
        day: in the zone of most schedules.
        accounts: service accounts of the connection, one at least.
        rows: how many each sync has, where that is known. Else `guards.row_limit` is taken, if the spec sets one, and a
            single call for a sync of which nothing is known.
    """
    zone = main_zone(syncs)
    begin = dt.datetime.combine(day, dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), ZoneInfo(zone)).astimezone(dt.UTC)
    specs = {sync.spec.sync: sync.spec for sync in syncs}
    times = {schedule: _times(schedule, begin, end) for schedule in _schedules(specs.values())}
    sizes = {name: _size(spec, (rows or {}).get(name)) for name, spec in specs.items()}

    def cost(names: Collection[str]) -> Calls:
        return _calls([sizes[name] for name in names])

    def at(minute: int) -> dt.datetime:
        return (begin + minute * _MINUTE).astimezone(ZoneInfo(zone))

    pauses = {
        (name, minute): pause for name, spec in specs.items() if spec.schedule for minute, pause in times[spec.schedule]
    }
    arrivals = _arrivals(specs, pauses, accounts)
    drained = drain(arrivals, cost=cost, accounts=accounts, per_account=PER_ACCOUNT, per_project=PER_PROJECT)
    by_minute: dict[int, list[Arrival]] = {}
    for arrival in arrivals:
        by_minute.setdefault(arrival.minute, []).append(arrival)
    minutes = {minute: _minute(at(minute), due, cost, specs) for minute, due in sorted(by_minute.items())}
    return Capacity(
        day=day,
        zone=zone,
        accounts=accounts,
        cap=Calls(*(min(project, own * accounts) for project, own in zip(PER_PROJECT, PER_ACCOUNT, strict=True))),
        minutes=tuple(minutes.values()),
        queues=tuple(Queue(minutes[first], length) for first, length in drained.queues),
        late=tuple(
            Late(done.sync, at(done.due), at(done.done), allowed, specs[done.sync].freshness)
            for done, allowed in _late(drained.done, specs, pauses)
        ),
        sparse=_sparse(specs, pauses),
    )


_Times = tuple[tuple[int, dt.timedelta | None], ...]  # minute of the day, time since it was due before


def _schedules(specs: Iterable[SheetSyncSpec]) -> set[Schedule]:
    return {spec.schedule for spec in specs if spec.schedule}


def _times(schedule: Schedule, begin: dt.datetime, end: dt.datetime) -> _Times:
    """The minutes of the day at which it is due, each with the time since it was due before."""
    found = list(due_times(schedule, begin - _MINUTE, end - _MINUTE))
    if not found:
        return ()
    before = [last_due(schedule, found[0] - _LOOK_BACK, found[0] - _MINUTE), *found[:-1]]
    return tuple(
        ((at - begin) // _MINUTE, at - earlier if earlier else None) for at, earlier in zip(found, before, strict=True)
    )


def _arrivals(specs: Mapping[str, SheetSyncSpec], pauses: _Pauses, accounts: int) -> list[Arrival]:
    due: dict[tuple[int, str], list[SheetSyncSpec]] = {}
    for name, minute in pauses:
        due.setdefault((minute, specs[name].target.spreadsheet_id), []).append(specs[name])
    return [
        Arrival(
            minute,
            workbook,
            zlib.crc32(workbook.encode()) % accounts,  # as the hook chooses a workbook's account
            tuple(spec.sync for spec in found),
            max(_PRIORITIES[spec.priority] for spec in found),
            minute + min(_allowed(spec, pauses[spec.sync, minute]) for spec in found) / _MINUTE,
        )
        for (minute, workbook), found in due.items()
    ]


class _Size(NamedTuple):
    """Cells to read, and what is written: bytes for a batch, or the calls of a staging tab where that is too large."""

    cells: int
    inline_bytes: int
    staged_calls: int


def _size(spec: SheetSyncSpec, known: int | None) -> _Size:
    limit = spec.guards.row_limit if "row_limit" in spec.guards.model_fields_set else 0
    rows = limit if known is None else known
    values = rows * sum(_BYTES.get(column.type, _USUAL_BYTES) for column in spec.columns)
    cells = rows * len(spec.columns)
    inline = values + cells * _CELL_FRAME_BYTES
    if inline <= limits.ADVISED_REQUEST_BYTES:
        return _Size(cells, inline, 0)
    return _Size(cells, 0, _CALLS_AROUND_A_STAGING_TAB + -(-values // limits.ADVISED_REQUEST_BYTES))


def _calls(sizes: Collection[_Size]) -> Calls:
    """As the engine does it: tabs are read together, and batches filled one after the other."""
    reads = 1 + max(1, -(-sum(size.cells for size in sizes) // Settings.read_cells))
    writes, room = 0, -1
    for size in sizes:
        writes += size.staged_calls
        if not size.staged_calls:
            if size.inline_bytes > room:
                writes, room = writes + 1, limits.ADVISED_REQUEST_BYTES
            room -= size.inline_bytes
    return Calls(reads, writes)


def _minute(
    at: dt.datetime,
    due: Sequence[Arrival],
    cost: Callable[[Collection[str]], Calls],
    specs: Mapping[str, SheetSyncSpec],
) -> Minute:
    accounts: dict[int, list[Calls]] = {}
    workbooks: dict[str, set[str]] = {}
    for arrival in due:
        accounts.setdefault(arrival.account, []).append(cost(arrival.syncs))
        for name in arrival.syncs:
            if schedule := specs[name].schedule:
                workbooks.setdefault(schedule.cron, set()).add(arrival.workbook)
    sums = [Calls(*map(sum, zip(*calls, strict=True))) for calls in accounts.values()]
    crons = sorted(((cron, len(found)) for cron, found in workbooks.items()), key=lambda item: (-item[1], item[0]))
    return Minute(
        at=at,
        syncs=sum(len(arrival.syncs) for arrival in due),
        workbooks=len(due),
        calls=Calls(*map(sum, zip(*sums, strict=True))),
        busiest_account=Calls(*map(max, zip(*sums, strict=True))),
        crons=tuple(crons),
    )


def _allowed(spec: SheetSyncSpec, pause: dt.timedelta | None) -> dt.timedelta:
    """How long after a due time its run may be done.

    A tab ages from one due time until the next one is served: what the objective has on top of that pause may be spent
    on waiting. Where the schedule alone uses it up, waiting as long as the objective itself is too long.
    """
    left = spec.freshness_objective - (pause or dt.timedelta())
    return left if left > dt.timedelta() else spec.freshness_objective


def _late(done: Iterable[Done], specs: Mapping[str, SheetSyncSpec], pauses: _Pauses) -> list[tuple[Done, dt.timedelta]]:
    """The latest run of each sync that is done too late, and what its objective would have allowed."""
    worst: dict[str, tuple[Done, dt.timedelta]] = {}
    for each in done:
        allowed = _allowed(specs[each.sync], pauses[each.sync, each.due])
        delay = (each.done - each.due) * _MINUTE
        other = worst.get(each.sync)
        if delay > allowed and (other is None or each.done - each.due > other[0].done - other[0].due):
            worst[each.sync] = (each, allowed)
    return [worst[name] for name in sorted(worst)]


def _sparse(specs: Mapping[str, SheetSyncSpec], pauses: _Pauses) -> tuple[tuple[str, dt.timedelta], ...]:
    longest: dict[str, dt.timedelta] = {}
    for (name, _), pause in pauses.items():
        if pause and pause > longest.get(name, specs[name].freshness_objective):
            longest[name] = pause
    return tuple(sorted(longest.items()))


def _accounts(count: int) -> str:
    return "1 account" if count == 1 else f"{count} accounts"


def _hours(span: dt.timedelta) -> str:
    hours = span / dt.timedelta(hours=1)
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"


def _clock(at: dt.datetime) -> str:
    return f"{at:%a %H:%M}"
