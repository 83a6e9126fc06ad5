"""What was told, in Postgres; see drivetrain.alerts.telling.Memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from drivetrain.alerts.alert import Alert, Kind, Severity
from drivetrain.alerts.entry import Entry
from drivetrain.state.alert_tables import alerts
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.engine import Engine

_KEY = ("kind", "subject", "channel")
_A = alerts.c


class PostgresAlerts:
    """The memory of the alerts.

    Args:
        engine: of the database that drivetrain.state.migrate has prepared.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def current(self) -> Sequence[Entry]:
        """See Memory."""
        with transaction(self._engine) as connection:
            rows = connection.execute(sa.select(alerts).where(_A.over_told_at.is_(None))).mappings()
            return [_entry(row) for row in rows]

    def keep(self, entries: Collection[Entry]) -> None:
        """See Memory."""
        rows = sorted((_row(entry) for entry in entries), key=lambda row: [row[name] for name in _KEY])
        if not rows:
            return
        put = insert(alerts)
        values: dict[str, Any] = {column.name: put.excluded[column.name] for column in _A if column.name not in _KEY}
        # A task that fails meanwhile says so on its own.
        values["seen_at"] = sa.func.greatest(put.excluded.seen_at, _A.seen_at)
        with transaction(self._engine) as connection:
            connection.execute(put.on_conflict_do_update(index_elements=_KEY, set_=values), rows)

    def forget(self, keys: Collection[tuple[str, str]]) -> None:
        """See Memory."""
        if not keys:
            return
        key = sa.tuple_(_A.kind + "/" + _A.subject, _A.channel)
        with transaction(self._engine) as connection:
            connection.execute(sa.delete(alerts).where(key.in_(list(keys))))


def _row(entry: Entry) -> dict[str, Any]:
    alert = entry.alert
    return {
        "kind": alert.kind.value,
        "subject": alert.subject,
        "channel": entry.channel,
        "severity": alert.severity.value,
        "team": alert.team,
        "owner": alert.owner,
        "line": alert.line,
        "fix": alert.fix,
        "page": alert.page,
        "runbook": alert.runbook,
        "began_at": entry.began_at,
        "seen_at": entry.seen_at,
        "tell_from": entry.tell_from,
        "told_at": entry.told_at,
        "over_at": entry.over_at,
        "over_told_at": entry.over_told_at,
    }


def _entry(row: Any) -> Entry:
    return Entry(
        alert=Alert(
            kind=Kind(row["kind"]),
            subject=row["subject"],
            severity=Severity(row["severity"]),
            team=row["team"],
            owner=row["owner"],
            line=row["line"],
            fix=row["fix"],
            page=row["page"],
            runbook=row["runbook"],
        ),
        channel=row["channel"],
        began_at=row["began_at"],
        seen_at=row["seen_at"],
        tell_from=row["tell_from"],
        told_at=row["told_at"],
        over_at=row["over_at"],
        over_told_at=row["over_told_at"],
    )
