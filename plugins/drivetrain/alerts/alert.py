"""What there is to tell: a condition that holds, in one line for the person who has to act."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

PLATFORM = "platform"  # the team that keeps what all teams share
_LONGEST_LINE = 600
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


class Severity(StrEnum):
    """How soon somebody has to look."""

    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Larger is worse."""
        return list(Severity).index(self)


class Kind(StrEnum):
    """What is wrong."""

    LATE = "late"
    FAILING = "failing"
    DRIFT = "drift"
    DEAD = "dead_letters"
    QUEUE = "queue_age"
    QUOTA = "quota"
    BLIND = "blind"
    TASK = "task"
    CHANNEL = "channel"
    PUSH = "push"
    IMPORT = "import"
    VERSIONS = "versions"
    POD = "pod"
    STALE = "stale"


@dataclass(frozen=True)
class Alert:
    """One condition that holds.

    Attributes:
        subject: what it is about, for example a sync's name: kind and subject are the same for as long as it holds.
        owner: whom to write to, "" where that is the team.
        line: what is wrong, named.
        fix: what to do.
        page: the board's page below Airflow's own address, "" for none.
        runbook: a section of docs/runbooks, such as "sheets.md#columns-drifted".
        since: since when, as far as it is known.
        hold: it is told only once it held for so long.
    """

    kind: Kind
    subject: str
    severity: Severity
    team: str
    line: str
    fix: str
    owner: str = ""
    page: str = ""
    runbook: str = ""
    since: dt.datetime | None = None
    hold: dt.timedelta = dt.timedelta(0)

    @property
    def key(self) -> str:
        """By which it is remembered."""
        return f"{self.kind.value}/{self.subject}"


def one_line(text: str, limit: int = _LONGEST_LINE) -> str:
    """Somebody's text as part of a line: no breaks, no control characters, not endless."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def span(length: dt.timedelta) -> str:
    """A length of time in its two largest units, such as "3 h 12 min"."""
    left, parts = int(length.total_seconds()), list[str]()
    for size, unit in _UNITS:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
        elif parts:
            break
    return " ".join(parts[:2]) or "less than a minute"
