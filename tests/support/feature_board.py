"""Feature views with runs, files and audits, as the tasks would have left them."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING

from drivetrain.features.audit import Audited
from drivetrain.features.landing import LandedFile
from drivetrain.features.spec import FeatureSpec, Landing
from drivetrain.features.window import Window
from drivetrain.spec_types import Schedule
from drivetrain.state.feature_loads import LoadOutcome, PostgresFeatureLoads
from drivetrain.state.feature_views import PostgresFeatureViews
from drivetrain.state.features import FileOutcome, PostgresFeatureFiles, PostgresFeatureRuns, RunKind, Totals

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

PROJECT = "marketplace"
REFUSAL = "rows: 12,000; the last runs had 1,000 at the median, and 10 times that is the most"
_HOUR = dt.timedelta(hours=1)


def spec_of(view: str, *, team: str = "retail", freshness: str = "4h", lands: bool = True) -> FeatureSpec:
    """Of a view that runs every hour."""
    return FeatureSpec(
        view=view,
        team=team,
        owner=f"{team}@marketplace.example",
        schedule=Schedule(cron="0 * * * *", timezone="Asia/Kolkata"),
        freshness=freshness,
        landing=Landing(bucket="landing", prefix=f"features/{view}/") if lands else None,
    )


def fill_view(
    engine: Engine,
    spec: FeatureSpec,
    now: dt.datetime,
    *,
    runs: int = 12,
    age: dt.timedelta = _HOUR,
    refused: bool = False,
) -> None:
    """A view whose last run but a refused one read all that was there `age` ago."""
    draw = random.Random(spec.view)
    PostgresFeatureViews(engine, PROJECT).register([spec], now - runs * _HOUR)
    of = PostgresFeatureRuns(engine, PROJECT, spec.view)
    for number in range(runs):
        at = now - age - (runs - 1 - number) * _HOUR
        of.staged(f"run {number}", RunKind.NEWS, Window(until=at), now=at, rows=1_000 + number, bins={})
        done = at + dt.timedelta(seconds=draw.uniform(2, 40))
        of.written(f"run {number}", Totals(written=900, stale=100, rejected=number), now=done, read_until=at)
    if refused:
        of.staged("refused", RunKind.NEWS, Window(until=now), now=now, rows=12_000, bins={}, refusals=[REFUSAL])
    found = Audited(entities=1_000, missing=0, older=1, newer=3, different={"price": 1}, examples=())
    of.audited("audit", found, now=now - 2 * _HOUR)
    loads = PostgresFeatureLoads(engine, PROJECT, spec.view)
    for number, kind in enumerate((LoadOutcome.LOADED, LoadOutcome.REFUSED) if spec.landing is None else ()):
        loads.begin(f"load {number}", now - (2 - number) * _HOUR, overlap=_HOUR / 12, oldest=None)
        refused_one = {"reason": "car_id: is missing", "city": "<i>Pune</i>"}
        why = "" if kind is LoadOutcome.LOADED else "9 of its 10 rows are rejected (at most 1.0%)"
        loads.done(f"load {number}", kind, now=now, rows=10, rejected=9, rejects=[refused_one], detail=why)
    if spec.landing is not None:
        files = PostgresFeatureFiles(engine, PROJECT, spec.view)
        for number, outcome in enumerate((FileOutcome.LOADED, FileOutcome.SET_ASIDE)):
            file = LandedFile(spec.landing.bucket, f"{spec.landing.prefix}{number}.parquet", 1 + number)
            reason = "" if outcome is FileOutcome.LOADED else "<b>price</b>: the file has no such column"
            landed = now - _HOUR
            files.done(
                file,
                outcome,
                rows=500,
                rejected=3,
                landed_at=landed,
                now=landed + dt.timedelta(seconds=2),
                reason=reason,
            )
