"""What a failed task's callback does."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from drivetrain.alerts.alert import Kind
from drivetrain.alerts.conditions import Findings
from drivetrain.alerts.notice import Links
from drivetrain.alerts.routes import load_routes
from drivetrain.alerts.telling import Teller
from drivetrain.state.alert_tables import alerts
from drivetrain.state.alerts import PostgresAlerts
from hooks.alerts import senders
from operators.alert_notifier import AlertNotifier

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from tests.support.receivers import HttpReceiver

ROUTES = "channels: {hook: {kind: webhook, connection: hook}}\nroutes: {default: [hook]}\n"


@pytest.fixture
def include(tmp_path: Path) -> Path:
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alerts" / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    return tmp_path


def context(**changes: Any) -> Any:
    ti = SimpleNamespace(dag_id="sheets_worker", task_id="drain", try_number=2)
    run = SimpleNamespace(dag_id="sheets_worker", run_id="scheduled__2026-11-25T12:00:00+00:00")
    return {"ti": ti, "dag_run": run, "exception": ValueError("it broke\nhere"), **changes}


def told(http: HttpReceiver) -> list[tuple[str, str]]:
    return [(one["news"], one["line"]) for post in http.at("/hook") for one in post.json["alerts"]]  # type: ignore[attr-defined]


def test_a_failed_task_is_told_once_however_often_it_fails(
    include: Path, engine: Engine, http: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example")
    notifier = AlertNotifier(include=str(include))
    for _ in range(3):
        notifier(context())
    assert told(http) == [("new", "task sheets_worker.drain failed in try 2: it broke here")]
    (post,) = http.at("/hook")
    (link,) = post.json["alerts"][0]["links"]  # type: ignore[index]
    run = "scheduled__2026-11-25T12%3A00%3A00%2B00%3A00"
    assert link == f"https://airflow.example/dags/sheets_worker/runs/{run}/tasks/drain"


def test_a_failed_run_is_told_by_its_dag(include: Path, engine: Engine, http: HttpReceiver) -> None:
    AlertNotifier(include=str(include))(context(ti=None, exception=None, reason="timed out"))
    assert told(http) == [("new", "DAG sheets_worker failed: timed out")]


def test_what_could_not_be_delivered_the_next_round_delivers_and_says_when_it_is_over(
    include: Path, engine: Engine, http: HttpReceiver
) -> None:
    http.answers["/hook"] = [404]
    AlertNotifier(include=str(include))(context())
    assert told(http) == []
    routes, now = load_routes(include), dt.datetime.now(dt.UTC)
    nothing = Findings((), frozenset({Kind.LATE}), frozenset({Kind.TASK}))
    for later in (dt.timedelta(), routes.quiet + dt.timedelta(minutes=1)):
        clock = lambda later=later: now + later  # noqa: E731
        Teller(routes, senders(routes), PostgresAlerts(engine), links=Links(), clock=clock).tell(nothing)
    assert [news for news, _ in told(http)] == ["new", "over"]


def test_without_the_state_database_it_is_told_all_the_same(
    include: Path, http: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_DRIVETRAIN_STATE")
    notifier = AlertNotifier(include=str(include))
    notifier(context())
    notifier(context())
    assert len(told(http)) == 2, "without memory, each time"


def test_a_broken_routing_file_does_not_hide_the_tasks_own_failure(
    include: Path, engine: Engine, http: HttpReceiver
) -> None:
    (include / "alerts" / "routes.yaml").write_text("channels: {}", encoding="utf-8")
    AlertNotifier(include=str(include))(context())
    assert http.got == []
    with engine.connect() as connection:
        assert connection.execute(sa.select(alerts)).all() == []
