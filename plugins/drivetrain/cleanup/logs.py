"""Which task logs go: by age, and where a team's are too large by whole days, the oldest first.

Two walks over the files at most, whatever their number, and a counter a team and day in memory: the first deletes by
age and adds up what stays, the second deletes by size.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from drivetrain.cleanup.retention import DAY

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping

    from drivetrain.cleanup.files import File, FileStore
    from drivetrain.cleanup.retention import Retention

# Airflow's [logging] log_filename_template begins so.
_NAME = re.compile(r"^dag_id=(?P<dag_id>[^/]+)/run_id=(?P<run_id>[^/]+)/")
_AT_ONCE = 500
NO_TEAM = "none"


@dataclass(frozen=True)
class Owners:
    """Whose logs are whose.

    Attributes:
        teams: of DAGs, by DAG id.
        alive: (DAG id, run id) of runs that have not ended: their logs stay.
    """

    teams: Mapping[str, str]
    alive: Collection[tuple[str, str]] = ()

    def team(self, file: File) -> str:
        """The team whose log it is; NO_TEAM for those of Airflow's own parts."""
        match = _NAME.match(file.name)
        return self.teams.get(match["dag_id"], NO_TEAM) if match else NO_TEAM

    def is_alive(self, file: File) -> bool:
        """Whether its run has not ended."""
        match = _NAME.match(file.name)
        return match is not None and (match["dag_id"], match["run_id"]) in self.alive


@dataclass
class Freed:
    """What went, or would go.

    Attributes:
        files: by team.
        bytes: by team.
        kept_bytes: what is left, by team.
        is_complete: everything was looked at in time.
    """

    files: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    kept_bytes: Counter[str] = field(default_factory=Counter)
    is_complete: bool = True

    def told(self) -> dict[str, Any]:
        """As plain data."""
        numbers = {"files": self.files, "bytes": self.bytes, "kept_bytes": self.kept_bytes}
        return {name: dict(sorted(by.items())) for name, by in numbers.items()} | {"is_complete": self.is_complete}


class Sweep:
    """One clean-up of one store.

    Args:
        store: the logs.
        retention: how long, and how large.
        owners: whose they are.
        now: aware.
        is_over: whether the time is up.
        dry_run: count, delete nothing.
    """

    def __init__(
        self,
        store: FileStore,
        retention: Retention,
        owners: Owners,
        now: dt.datetime,
        *,
        is_over: Callable[[], bool] = lambda: False,
        dry_run: bool = False,
    ) -> None:
        self._store, self._retention, self._owners, self._now = store, retention, owners, now
        self._is_over, self._dry_run = is_over, dry_run
        self._by_day: dict[str, Counter[dt.date]] = defaultdict(Counter)
        self._freed = Freed()

    def run(self) -> Freed:
        """Both walks. Run again it finds less to do, and ends the same."""
        self._walk(self._is_old, count=True)
        too_large = {
            team: cut
            for team, days in self._by_day.items()
            if (limit := self._limit(team)) and (cut := first_day_kept(days, limit, self._now.date()))
        }
        if too_large and self._freed.is_complete:
            # What is old has gone in the first walk; a dry run sees it again.
            self._walk(
                lambda file, team: (
                    team in too_large and file.modified.date() < too_large[team] and not self._is_old(file, team)
                ),
                count=False,
            )
        self._freed.kept_bytes = Counter({team: sum(days.values()) for team, days in self._by_day.items()})
        return self._freed

    def _walk(self, goes: Callable[[File, str], bool], *, count: bool) -> None:
        lots: dict[str, list[File]] = defaultdict(list)
        for file in self._store.files():
            if self._is_over():
                self._freed.is_complete = False
                break
            team, day = self._owners.team(file), file.modified.date()
            is_leaving = goes(file, team) and self._now - file.modified >= DAY and not self._owners.is_alive(file)
            if not is_leaving:
                if count:
                    self._by_day[team][day] += file.size
                continue
            if not count:
                self._by_day[team][day] -= file.size
            lots[team].append(file)
            if len(lots[team]) >= _AT_ONCE:
                self._remove(team, lots.pop(team))
        for team, lot in lots.items():
            self._remove(team, lot)

    def _remove(self, team: str, files: list[File]) -> None:
        gone = files if self._dry_run else self._store.delete(files)
        self._freed.files[team] += len(gone)
        self._freed.bytes[team] += sum(file.size for file in gone)

    def _is_old(self, file: File, team: str) -> bool:
        return self._now - file.modified > self._retention.of(team).logs

    def _limit(self, team: str) -> int | None:
        return self._retention.of(team).log_bytes


def first_day_kept(days: Mapping[dt.date, int], limit: int, today: dt.date) -> dt.date | None:
    """The first day whose logs may stay where a team's are larger than it may have; None: they are not.

    Yesterday and today stay in any case.

    Args:
        days: bytes by the day of the last line.
        limit: bytes that may stay.
        today: in UTC.
    """
    if sum(days.values()) <= limit:
        return None
    total, first = 0, today - DAY
    for day in sorted(days, reverse=True):
        total += days[day]
        if total > limit:
            break
        first = min(first, day)
    return first
