"""How all syncs stand, and how runs ended lately: what alerts and metrics are made of."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import sqlalchemy as sa

from drivetrain.alerts.facts import SyncStanding
from drivetrain.state.tables import sheet_runs, sheet_syncs
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

_S, _R = sheet_syncs.c, sheet_runs.c
_HOUR, _DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def sync_standings(engine: Engine) -> list[SyncStanding]:
    """Every sync that git has, by name."""
    query = sa.select(sheet_syncs).where(_S.removed_at.is_(None)).order_by(_S.sync)
    with transaction(engine) as connection:
        return [
            SyncStanding(
                sync=row["sync"],
                team=row["team"],
                owner=row["owner"],
                mode=row["mode"],
                is_scheduled=row["cron"] is not None,
                is_paused=row["paused_at"] is not None,
                freshness=dt.timedelta(seconds=row["freshness_seconds"]),
                fresh_at=row["last_success_at"] or row["registered_at"],
                last_success_at=row["last_success_at"],
                last_attempt_at=row["last_attempt_at"],
                last_error=row["last_error"] or "",
                failures=row["failures"],
            )
            for row in connection.execute(query).mappings()
        ]


def runs_of_the_last_hour(engine: Engine, now: dt.datetime) -> dict[tuple[str, str], int]:
    """How many runs ended, by team and outcome. Those that were due more than a day ago don't count.

    One step in the index for each sync, and bounds on the due time leave other months unopened.
    """
    lately = (
        sa.select(_R.outcome)
        .where(_R.sync == _S.sync, _R.due_at > now - _DAY, _R.due_at <= now + _HOUR, _R.finished_at > now - _HOUR)
        .lateral()
    )
    query = (
        sa.select(_S.team, lately.c.outcome, sa.func.count().label("runs"))
        .select_from(sheet_syncs.join(lately, sa.true()))
        .where(_S.removed_at.is_(None))
        .group_by(_S.team, lately.c.outcome)
    )
    with transaction(engine) as connection:
        return {(row.team, row.outcome): row.runs for row in connection.execute(query)}
