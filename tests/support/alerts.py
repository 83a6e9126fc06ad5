"""Facts and alerts in one line, for tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from drivetrain.alerts.alert import Alert, Kind, Severity
from drivetrain.alerts.facts import Facts, SyncStanding
from drivetrain.jobs.queue import DeadLetter, Depth

NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


def standing(sync: str = "stock", **changes: Any) -> SyncStanding:
    """A sync of team retail that is well: half an hour old, its objective two hours."""
    fields: dict[str, Any] = {
        "sync": sync,
        "team": "retail",
        "owner": "retail@drivetrain.example",
        "mode": "replace",
        "is_scheduled": True,
        "is_paused": False,
        "freshness": 2 * HOUR,
        "fresh_at": NOON - HOUR / 2,
        "last_success_at": NOON - HOUR / 2,
        "last_attempt_at": NOON - HOUR / 2,
        "last_error": "",
        "failures": 0,
    }
    return SyncStanding(**fields | changes)


def facts(*syncs: SyncStanding, at: dt.datetime = NOON, **changes: Any) -> Facts:
    return Facts(at=at, syncs=syncs, **changes)


def letter(key: str = "stock@1", sync: str | None = "stock", **changes: Any) -> DeadLetter:
    fields: dict[str, Any] = {
        "key": key,
        "group": "book",
        "kind": "sheet_sync",
        "payload": {"sync": sync} if sync else {},
        "reason": "no such table",
        "attempts": 1,
        "buried_at": NOON - HOUR,
    }
    return DeadLetter(**fields | changes)


def depth(**changes: Any) -> Depth:
    fields: dict[str, Any] = {"ready": 0, "delayed": 0, "leased": 0, "dead": 0, "oldest_seconds": None}
    return Depth(**fields | changes)


def alert(subject: str = "stock", kind: Kind = Kind.LATE, **changes: Any) -> Alert:
    fields: dict[str, Any] = {
        "severity": Severity.WARNING,
        "team": "retail",
        "line": f"sync {subject}: 3 h old",
        "fix": "look",
        "page": f"/drivetrain/sheets/{subject}",
    }
    return Alert(kind=kind, subject=subject, **fields | changes)
