"""How each feature view stands: what its spec says, how far it was read, and how its newest run went."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import sqlalchemy as sa

from drivetrain.alerts.features import ViewStanding
from drivetrain.state.feature_tables import feature_runs, feature_views, feature_watermarks
from drivetrain.state.features import RunKind, RunOutcome
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

_V, _W, _R = feature_views.c, feature_watermarks.c, feature_runs.c


def known_views() -> sa.Select[tuple[object, ...]]:
    """Each row of feature_views that has a spec, with `read_until`, and the newest run that was to bring rows."""
    newest = (
        sa.select(_R.outcome, _R.detail, _R.rows, _R.started_at, _R.finished_at)
        .where(_R.project == _V.project, _R.view == _V.view, _R.kind != RunKind.PRUNE)
        .order_by(_R.started_at.desc())
        .limit(1)
        .lateral("newest")
    )
    watermark = sa.and_(_W.project == _V.project, _W.view == _V.view)
    return (
        sa.select(feature_views, _W.read_until, *newest.c)
        .select_from(feature_views.outerjoin(feature_watermarks, watermark).outerjoin(newest, sa.true()))
        .where(_V.removed_at.is_(None))
    )


def view_standings(engine: Engine) -> list[ViewStanding]:
    """Each of them, for alerts."""
    with transaction(engine) as connection:
        return [
            ViewStanding(
                view=row["view"],
                team=row["team"],
                owner=row["owner"],
                freshness=dt.timedelta(seconds=row["freshness_seconds"]),
                fresh_at=row["read_until"] or row["registered_at"],
                is_written=row["read_until"] is not None,
                refused=row["detail"] if row["outcome"] == RunOutcome.REFUSED else "",
                last_run_at=row["started_at"],
            )
            for row in connection.execute(known_views()).mappings()
        ]
