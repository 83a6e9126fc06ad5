"""How far a feature view's query was asked, and what became of its rows, in Postgres."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from drivetrain.state.feature_tables import feature_loads
from drivetrain.state.features import USUAL
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import Engine

_L = feature_loads.c


class LoadOutcome(StrEnum):
    """How far a load came."""

    BEGUN = "begun"
    REFUSED = "refused"
    LOADED = "loaded"


@dataclass(frozen=True)
class KnownLoad:
    """A load that was begun.

    Attributes:
        since: it asks for what was new from then on; None: for all.
        until: and before then.
        rows: that it had, once it is loaded.
        rejected: of those.
    """

    since: dt.datetime | None
    until: dt.datetime
    outcome: LoadOutcome
    rows: int
    rejected: int


class PostgresFeatureLoads:
    """One view's loads.

    Args:
        engine: of the database that drivetrain.state.migrate has prepared.
        project: Feast's.
        view: its name.
    """

    def __init__(self, engine: Engine, project: str, view: str) -> None:
        self._engine = engine
        self._key = {"project": project, "view": view}
        self._mine = sa.and_(_L.project == project, _L.view == view)

    def begin(self, run_id: str, now: dt.datetime, *, overlap: dt.timedelta, oldest: dt.datetime | None) -> KnownLoad:
        """The run's load, with its times: a run that is tried again asks for what it asked for at first.

        Else a first try whose rows were loaded, and that died before it said so, would be followed by one which takes
        them for loaded up to a later time.

        Args:
            run_id: the run's.
            now: the clock.
            overlap: how long before the last load's end it asks again.
            oldest: from when on a first load asks; None: for all.
        """
        since = self.next_since(overlap, oldest)
        with transaction(self._engine) as connection:
            put = insert(feature_loads).values(
                **self._key, run_id=run_id, since=since, until=now, outcome=LoadOutcome.BEGUN
            )
            connection.execute(put.on_conflict_do_nothing())
            columns = (_L.since, _L.until, _L.outcome, _L.rows, _L.rejected)
            found = connection.execute(sa.select(*columns).where(self._mine, _L.run_id == run_id)).one()
        return KnownLoad(found.since, found.until, LoadOutcome(found.outcome), found.rows, found.rejected)

    def next_since(self, overlap: dt.timedelta, oldest: dt.datetime | None) -> dt.datetime | None:
        """From when on a load asks that begins now; see begin."""
        loaded = sa.select(sa.func.max(_L.until)).where(self._mine, _L.outcome == LoadOutcome.LOADED)
        with transaction(self._engine) as connection:
            last: dt.datetime | None = connection.execute(loaded).scalar()
        return oldest if last is None else last - overlap

    def usual_rows(self) -> Sequence[int]:
        """How many rows the last loads had that had any, the newest first."""
        query = (
            sa.select(_L.rows)
            .where(self._mine, _L.outcome == LoadOutcome.LOADED, _L.rows > 0)
            .order_by(_L.until.desc())
            .limit(USUAL)
        )
        with transaction(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def done(
        self,
        run_id: str,
        outcome: LoadOutcome,
        *,
        now: dt.datetime,
        rows: int,
        rejected: int,
        rejects: Sequence[Mapping[str, Any]],
        detail: str = "",
    ) -> None:
        """Keep what became of it; may be repeated.

        Args:
            run_id: the run's.
            outcome: refused, or loaded.
            now: the clock.
            rows: that it had.
            rejected: of those.
            rejects: the first of them, as JSON, with the reason.
            detail: why it was refused.
        """
        change = feature_loads.update().where(self._mine, _L.run_id == run_id)
        values = {"outcome": outcome, "done_at": now, "rows": rows, "rejected": rejected, "detail": detail}
        with transaction(self._engine) as connection:
            connection.execute(change.values(**values, rejects=list(rejects)))
