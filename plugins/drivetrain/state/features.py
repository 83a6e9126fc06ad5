"""How far each feature view was read, and how its runs went, in Postgres."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from drivetrain.features.drift import Bins
from drivetrain.state.feature_tables import feature_audits, feature_files, feature_runs, feature_watermarks
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import Engine

    from drivetrain.features.audit import Audited
    from drivetrain.features.landing import LandedFile
    from drivetrain.features.window import Window

USUAL = 20  # runs that say how many rows are usual
COMPARED_AFTER = dt.timedelta(days=7)
_F, _R, _W = feature_files.c, feature_runs.c, feature_watermarks.c


class RunKind(StrEnum):
    """What a run is about: what is new, a range of event times that somebody named, or what is to be forgotten."""

    NEWS = "news"
    BACKFILL = "backfill"
    PRUNE = "prune"


class RunOutcome(StrEnum):
    """How far a run came: its rows are staged, the gates refused them, or they are in Redis."""

    STAGED = "staged"
    REFUSED = "refused"
    WRITTEN = "written"


@dataclass(frozen=True)
class Totals:
    """What became of a run's rows."""

    written: int
    stale: int
    rejected: int


class FileOutcome(StrEnum):
    """What became of a file that arrived."""

    LOADED = "loaded"
    SET_ASIDE = "set aside"


class PostgresFeatureFiles:
    """What became of the files that arrived for one view.

    Args:
        engine: of the database that drivetrain.state.migrate has prepared.
        project: Feast's.
        view: its name.
    """

    def __init__(self, engine: Engine, project: str, view: str) -> None:
        self._engine, self._project, self._view = engine, project, view

    def outcome(self, file: LandedFile) -> FileOutcome | None:
        """What became of this version of a file; None: nothing yet."""
        version = (_F.bucket == file.bucket, _F.name == file.name, _F.generation == file.generation)
        with transaction(self._engine) as connection:
            found = connection.execute(sa.select(_F.outcome).where(*version)).scalar()
        return None if found is None else FileOutcome(found)

    def usual_rows(self) -> Sequence[int]:
        """How many rows the last files had that were loaded, the newest first."""
        query = (
            sa.select(_F.rows)
            .where(_F.project == self._project, _F.view == self._view, _F.outcome == FileOutcome.LOADED)
            .order_by(_F.done_at.desc())
            .limit(USUAL)
        )
        with transaction(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def done(
        self,
        file: LandedFile,
        outcome: FileOutcome,
        *,
        rows: int,
        rejected: int,
        landed_at: dt.datetime,
        now: dt.datetime,
        reason: str = "",
    ) -> None:
        """Keep what became of a file; may be repeated."""
        values = {
            "project": self._project,
            "view": self._view,
            "outcome": outcome,
            "reason": reason,
            "rows": rows,
            "rejected": rejected,
            "landed_at": landed_at,
            "done_at": now,
        }
        put = insert(feature_files).values(bucket=file.bucket, name=file.name, generation=file.generation, **values)
        with transaction(self._engine) as connection:
            connection.execute(put.on_conflict_do_update(index_elements=["bucket", "name", "generation"], set_=values))


class PostgresFeatureRuns:
    """One view's runs.

    Args:
        engine: of the database that drivetrain.state.migrate has prepared.
        project: Feast's.
        view: its name.
    """

    def __init__(self, engine: Engine, project: str, view: str) -> None:
        self._engine = engine
        self._key = {"project": project, "view": view}
        self._mine = sa.and_(_R.project == project, _R.view == view)

    def read_until(self) -> dt.datetime | None:
        """All that was there before that is in Redis; None: nothing was ever read."""
        query = sa.select(_W.read_until).where(_W.project == self._key["project"], _W.view == self._key["view"])
        with transaction(self._engine) as connection:
            return connection.execute(query).scalar()

    def usual_rows(self, kind: RunKind) -> Sequence[int]:
        """How many rows the last runs had that were written, the newest first."""
        query = (
            sa.select(_R.rows)
            .where(self._mine, _R.kind == kind, _R.outcome == RunOutcome.WRITTEN)
            .order_by(_R.started_at.desc())
            .limit(USUAL)
        )
        with transaction(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def bins(self, now: dt.datetime) -> Mapping[str, Bins]:
        """Of the values of the newest run that is a week old and was written, by feature; empty: there is none."""
        query = (
            sa.select(_R.bins)
            .where(
                self._mine,
                _R.outcome == RunOutcome.WRITTEN,
                _R.started_at <= now - COMPARED_AFTER,
                _R.bins != sa.text("'{}'::jsonb"),
            )
            .order_by(_R.started_at.desc())
            .limit(1)
        )
        with transaction(self._engine) as connection:
            found = connection.execute(query).scalar() or {}
        return {name: Bins(tuple(each["edges"]), tuple(each["at_most"])) for name, each in found.items()}

    def staged(
        self,
        run_id: str,
        kind: RunKind,
        window: Window,
        *,
        now: dt.datetime,
        rows: int,
        bins: Mapping[str, Bins],
        refusals: Sequence[str] = (),
    ) -> None:
        """A run has its rows, and what the gates said of them; one that is tried again begins anew."""
        values = {
            "kind": kind,
            "started_at": now,
            "finished_at": now if refusals else None,
            "since": window.since,
            "news_since": window.news_since,
            "until": window.until,
            "outcome": RunOutcome.REFUSED if refusals else RunOutcome.STAGED,
            "detail": "\n".join(refusals),
            "rows": rows,
            "written": None,
            "stale": None,
            "rejected": None,
            "bins": {name: asdict(each) for name, each in bins.items()},
        }
        put = insert(feature_runs).values(**self._key, run_id=run_id, **values)
        with transaction(self._engine) as connection:
            connection.execute(put.on_conflict_do_update(index_elements=[*self._key, "run_id"], set_=values))

    def audited(self, run_id: str, audit: Audited, *, now: dt.datetime) -> None:
        """Keep what an audit found; may be repeated."""
        values = {"audited_at": now, **asdict(audit)}
        values.pop("examples")
        put = insert(feature_audits).values(**self._key, run_id=run_id, **values)
        with transaction(self._engine) as connection:
            connection.execute(put.on_conflict_do_update(index_elements=[*self._key, "run_id"], set_=values))

    def written(self, run_id: str, totals: Totals, *, now: dt.datetime, read_until: dt.datetime | None) -> None:
        """All of a run's rows are in Redis; may be repeated.

        Args:
            run_id: the run's.
            totals: of all its tasks.
            now: the clock.
            read_until: where the watermark is to be at least; None: where it is.
        """
        run = feature_runs.update().where(self._mine, _R.run_id == run_id)
        with transaction(self._engine) as connection:
            connection.execute(
                run.values(
                    outcome=RunOutcome.WRITTEN,
                    finished_at=now,
                    written=totals.written,
                    stale=totals.stale,
                    rejected=totals.rejected,
                )
            )
            if read_until is not None:
                put = insert(feature_watermarks).values(**self._key, read_until=read_until, run_id=run_id, moved_at=now)
                new = put.excluded
                connection.execute(
                    put.on_conflict_do_update(
                        index_elements=list(self._key),
                        set_={"read_until": new.read_until, "run_id": new.run_id, "moved_at": new.moved_at},
                        where=_W.read_until < new.read_until,
                    )
                )
