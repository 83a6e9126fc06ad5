"""What was looked at, once for all conditions and metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from drivetrain.jobs.queue import DeadLetter, Depth


@dataclass(frozen=True)
class SyncStanding:
    """How one sync stands that git has.

    Attributes:
        mode: of writing, such as "append".
        is_scheduled: False: on demand only, so it is never late.
        freshness: the objective.
        fresh_at: when the data in the tab was read; where it never was, when the sync was registered.
        failures: in a row.
    """

    sync: str
    team: str
    owner: str
    mode: str
    is_scheduled: bool
    is_paused: bool
    freshness: dt.timedelta
    fresh_at: dt.datetime
    last_success_at: dt.datetime | None
    last_attempt_at: dt.datetime | None
    last_error: str
    failures: int

    def late_at(self) -> dt.datetime:
        """When it becomes late, or became it."""
        return self.fresh_at + self.freshness


@dataclass(frozen=True)
class QuotaUse:
    """How much of a quota the last window's calls took.

    Attributes:
        account: "" for the project as a whole.
        kind: "read" or "write".
        calls: in the last window.
        limit: calls in a window from which on those of normal priority wait; the rest is the reserve.
    """

    project: str
    account: str
    kind: str
    calls: int
    limit: int

    @property
    def share(self) -> float:
        """1: whoever comes next waits. What high priority spends of the reserve comes on top."""
        return self.calls / self.limit


@dataclass(frozen=True)
class Facts:
    """One look at everything. None: it could not be seen, which is not the same as all being well.

    Attributes:
        syncs: all that git has, paused ones too.
        dead_letters: the latest.
        quota: of every project and account that made calls lately.
        runs: how many ended in the last hour, by team and outcome.
        blind: what could not be seen although it should be there, and why.
    """

    at: dt.datetime
    syncs: Sequence[SyncStanding]
    dead_letters: Sequence[DeadLetter] | None = None
    depth: Depth | None = None
    quota: Sequence[QuotaUse] | None = None
    runs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    blind: Mapping[str, str] = field(default_factory=dict)
