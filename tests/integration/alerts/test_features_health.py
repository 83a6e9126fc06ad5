"""The check of feature views with a real state database and real receivers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.features.window import Window
from drivetrain.state.features import PostgresFeatureRuns, RunKind, Totals
from operators.features_health import FeaturesHealthOperator
from tests.support.feature_board import PROJECT, fill_view, spec_of
from tests.support.operators import Context

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from tests.support.receivers import HttpReceiver

ROUTES = "{channels: {hook: {kind: webhook, connection: hook}}, routes: {default: [hook]}}"
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def include(tmp_path: Path) -> Path:
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alerts" / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    return tmp_path


def run(include: Path, **params: Any) -> dict[str, Any]:
    return FeaturesHealthOperator(task_id="look", include=str(include)).execute(Context(**params))


def test_a_team_hears_of_a_view_that_is_old_and_of_its_end(include: Path, engine: Engine, http: HttpReceiver) -> None:
    now = dt.datetime.now(dt.UTC)
    fill_view(engine, spec_of("young", freshness="4h"), now, age=HOUR)
    fill_view(engine, spec_of("old", freshness="4h"), now, age=5 * HOUR)
    fill_view(engine, spec_of("refused", freshness="4h"), now, age=13 * HOUR, refused=True)
    assert run(include, dry_run=True)["would_tell"]["hook"]
    assert http.got == []
    assert run(include) == {"views": 3, "alerts": 2, "told": 2, "failed": {}}
    (post,) = http.at("/hook")
    told = {alert["key"]: alert for alert in post.json["alerts"]}
    assert {key: alert["severity"] for key, alert in told.items()} == {
        "stale/old": "warning",
        "stale/refused": "critical",
    }
    assert "its last run was refused: rows: 12,000" in told["stale/refused"]["line"]
    runs = PostgresFeatureRuns(engine, PROJECT, "old")
    # What is to be forgotten brings no rows: the view is as old as before.
    runs.staged("prune one", RunKind.PRUNE, Window(until=now), now=now, rows=1, bins={})
    runs.written("prune one", Totals(1, 0, 0), now=now, read_until=None)
    assert run(include)["told"] == 0
    runs.staged("next", RunKind.NEWS, Window(until=now), now=now, rows=1, bins={})
    runs.written("next", Totals(1, 0, 0), now=now, read_until=now)
    assert run(include) == {"views": 3, "alerts": 1, "told": 1, "failed": {}}
    assert [(alert["key"], alert["news"]) for alert in http.at("/hook")[-1].json["alerts"]] == [("stale/old", "over")]


def test_where_there_are_no_views_nothing_is_told(include: Path, engine: Engine, http: HttpReceiver) -> None:
    assert run(include) == {"views": 0, "alerts": 0, "told": 0, "failed": {}}
    assert http.got == []
