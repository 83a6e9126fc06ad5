"""Which feature views there are, and what their specs say, in Postgres: for whoever has no specs, such as a board."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects.postgresql import insert

from drivetrain.state.feature_tables import feature_views
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy.engine import Engine

    from drivetrain.features.spec import FeatureSpec

_V = feature_views.c


class PostgresFeatureViews:
    """The views of one project.

    Args:
        engine: of the database that drivetrain.state.migrate has prepared.
        project: Feast's.
    """

    def __init__(self, engine: Engine, project: str) -> None:
        self._engine, self._project = engine, project

    def register(self, specs: Sequence[FeatureSpec], now: dt.datetime, *, only_these: bool = False) -> None:
        """Keep what they say; may be repeated.

        Args:
            specs: some views'.
            now: aware.
            only_these: there are no others; those that were known are kept as removed.
        """
        with transaction(self._engine) as connection:
            for spec in specs:
                values = {
                    "team": spec.team,
                    "owner": spec.owner,
                    "freshness_seconds": int(spec.freshness_objective.total_seconds()),
                    "cron": spec.schedule.cron if spec.schedule else None,
                    "lands_in": f"gs://{spec.landing.bucket}/{spec.landing.prefix}" if spec.landing else None,
                    "removed_at": None,
                }
                key = {"project": self._project, "view": spec.view}
                put = insert(feature_views).values(**key, registered_at=now, **values)
                connection.execute(put.on_conflict_do_update(index_elements=list(key), set_=values))
            if only_these:
                others = (_V.project == self._project, _V.view.not_in([spec.view for spec in specs]))
                gone = feature_views.update().where(*others, _V.removed_at.is_(None))
                connection.execute(gone.values(removed_at=now))
