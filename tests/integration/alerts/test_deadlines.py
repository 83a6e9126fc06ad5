"""What a DAG says of its deadline, and what the triggerer keeps when it is missed."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from drivetrain.alerts.conditions import Findings
from drivetrain.alerts.notice import Links
from drivetrain.alerts.routes import load_routes
from drivetrain.alerts.telling import Teller
from drivetrain.errors import UnavailableError
from drivetrain.state.alerts import PostgresAlerts
from hooks.alerts import senders
from operators.deadlines import keep_missed, told_when_late

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Engine

    from tests.support.receivers import HttpReceiver

ROUTES = """
channels:
  hook: {kind: webhook, connection: hook}
  pager: {kind: webhook, connection: hook, at_least: critical}
routes: {default: [hook, pager]}
"""
CONTEXT = {"dag_run": {"dag_id": "sheets_worker", "dag_run_id": "manual__1"}, "deadline": {"id": "1"}}
WITHIN = dt.timedelta(minutes=20)


@pytest.fixture
def include(tmp_path: Path) -> Path:
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alerts" / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    return tmp_path


def missed(include: Path) -> str:
    """As the triggerer calls it, with what the DAG gave."""
    callback = told_when_late(include, WITHIN).callback
    assert callback.path == "operators.deadlines.keep_missed"
    return asyncio.run(keep_missed(**callback.kwargs, context=CONTEXT))


def test_a_missed_deadline_is_kept_once_for_each_channel_that_hears_warnings(include: Path, engine: Engine) -> None:
    line = missed(include)
    assert line == "DAG sheets_worker: run manual__1 was not over 20 min after it was queued"
    missed(include)
    [entry] = PostgresAlerts(engine).current()
    assert (entry.channel, entry.alert.line, entry.told_at) == ("hook", line, None)


def test_the_next_round_of_a_health_check_tells_it(include: Path, engine: Engine, http: HttpReceiver) -> None:
    missed(include)
    routes = load_routes(include)
    teller = Teller(
        routes, senders(routes), PostgresAlerts(engine), links=Links(), clock=lambda: dt.datetime.now(dt.UTC)
    )
    assert teller.tell(Findings((), frozenset())).told == 1
    assert [one["news"] for post in http.at("/hook") for one in post.json["alerts"]] == ["new"]  # type: ignore[attr-defined]


def test_routes_that_are_wrong_stop_no_dag(include: Path) -> None:
    (include / "alerts" / "routes.yaml").write_text("channels: 1", encoding="utf-8")
    assert told_when_late(include, WITHIN).callback.kwargs["channels"] == []


def test_where_the_state_database_is_away_airflow_marks_the_callback_as_failed(
    include: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = '{"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "x", "password": "x", "schema": "x"}'
    monkeypatch.setenv("AIRFLOW_CONN_DRIVETRAIN_STATE", away)
    with pytest.raises(UnavailableError):
        missed(include)


def test_the_dag_in_the_database_is_the_same_wherever_its_bundle_is(tmp_path: Path) -> None:
    def serialized(folder: Path) -> Any:
        from airflow.sdk import DAG

        (folder / "alerts").mkdir(parents=True)
        (folder / "alerts" / "routes.yaml").write_text(ROUTES, encoding="utf-8")
        dag = DAG("probe", schedule=None, deadline=told_when_late(folder, WITHIN))
        return DagSerialization.to_dict(dag)["dag"]["deadline"]

    assert serialized(tmp_path / "one") == serialized(tmp_path / "two")
