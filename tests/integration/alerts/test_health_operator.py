"""The operator with a real registry, queue and servers."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.sdk.exceptions import AirflowFailException

from drivetrain.errors import RetriableError
from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.jobs.queue import Job
from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.dispatch import KIND, Trigger
from drivetrain.sheets.registry import RunRecord
from drivetrain.state.alert_tables import alerts
from drivetrain.state.syncs import PostgresRegistry
from operators.sheets_health import SheetsHealthOperator
from tests.support.operators import Context
from tests.support.sheets import sync_spec

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from tests.support.receivers import HttpReceiver, MailReceiver

ROUTES = """
channels:
  hook: {kind: webhook, connection: hook}
  mail: {kind: email, to: [retail@drivetrain.example]}
routes:
  default: [hook]
  retail: [mail]
limits: {failures: 1}
"""
DRIFT = (
    "sync drifted: tab 'Stock' lacks the columns PRICE: set drift: add (write them) or drift: ignore (leave them out)"
)


@pytest.fixture
def include(tmp_path: Path) -> Path:
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alerts" / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    return tmp_path


@pytest.fixture
def trouble(engine: Engine) -> PostgresRegistry:
    """A sync of lending whose columns drifted, a late one of retail, and a message that nobody can use."""
    now = dt.datetime.now(dt.UTC)
    registry = PostgresRegistry(engine)
    hourly = {"cron": "0 * * * *"}
    late = sync_spec(sync="late_one", team="retail", schedule=hourly, freshness="1h")
    drifted = sync_spec(sync="drifted", team="lending", schedule=hourly, freshness="2d")
    registry.register([Sync(late, "SELECT 1"), Sync(drifted, "SELECT 1")], now - dt.timedelta(hours=2))
    registry.record([failed("drifted", now, DRIFT)])
    queue = PostgresQueue(engine, kind=KIND)
    queue.publish([Job("odd", "book", KIND, {"sync": 7})])
    (lease,) = queue.lease(seconds=60)
    queue.bury(lease, lease.deliveries[0], reason="message odd: sync: not a text")
    return registry


def failed(sync: str, at: dt.datetime, error: str, outcome: str = "failed") -> RunRecord:
    return RunRecord(
        sync=sync,
        job_key=f"{sync}@{at.isoformat()}",
        due_at=at,
        trigger=Trigger.SCHEDULE,
        attempt=1,
        started_at=at,
        finished_at=at,
        outcome=outcome,
        is_final=True,
        error=error,
    )


def run(include: Path, **params: Any) -> dict[str, Any]:
    operator = SheetsHealthOperator(task_id="look", include=str(include), redis_conn_id="no_redis")
    return operator.execute(Context(**params))


def keys(http: HttpReceiver) -> list[str]:
    return sorted(told["key"] for post in http.at("/hook") for told in post.json["alerts"])  # type: ignore[attr-defined]


def test_teams_hear_of_their_own_syncs_and_the_platform_of_the_rest(
    include: Path, trouble: PostgresRegistry, http: HttpReceiver, mail: MailReceiver
) -> None:
    assert run(include) == {"alerts": 4, "told": 4, "failed": {}, "blind": {}}
    assert keys(http) == ["dead_letters/refused", "drift/drifted", "failing/drifted"]
    ((recipients, body),) = mail.got
    assert recipients == ["retail@drivetrain.example"]
    assert "Subject: Drivetrain: 1 new" in body
    assert run(include)["told"] == 0


def test_a_good_run_ends_the_alert(include: Path, trouble: PostgresRegistry, http: HttpReceiver) -> None:
    run(include)
    now = dt.datetime.now(dt.UTC)
    trouble.record([failed("drifted", now, "", outcome="written"), failed("late_one", now, "", outcome="written")])
    assert run(include) == {"alerts": 1, "told": 3, "failed": {}, "blind": {}}
    over = [told["key"] for told in http.at("/hook")[-1].json["alerts"]]  # type: ignore[attr-defined]
    assert over == ["drift/drifted", "failing/drifted"]


def test_a_dry_run_prints_and_neither_tells_nor_remembers(
    include: Path, trouble: PostgresRegistry, http: HttpReceiver, mail: MailReceiver, engine: Engine
) -> None:
    would = run(include, dry_run=True)["would_tell"]
    assert {channel: len(lines) for channel, lines in would.items()} == {"hook": 3, "mail": 1}
    assert (http.got, mail.got) == ([], [])
    with engine.connect() as connection:
        assert connection.execute(sa.select(alerts)).all() == []


def test_a_misspelled_parameter_is_refused(include: Path, trouble: PostgresRegistry, http: HttpReceiver) -> None:
    with pytest.raises(AirflowFailException, match="unknown key dryrun; known: dry_run"):
        run(include, dryrun=True)
    assert http.got == []


def test_a_broken_routing_file_fails_the_task_with_file_and_key(include: Path) -> None:
    (include / "alerts" / "routes.yaml").write_text(ROUTES.replace("[mail]", "[male]"), encoding="utf-8")
    with pytest.raises(AirflowFailException, match=r"alerts/routes\.yaml: .*routes\.retail: no channel is called male"):
        run(include)


def test_where_nobody_can_be_told_the_task_fails_to_be_tried_again(
    include: Path, trouble: PostgresRegistry, http: HttpReceiver, mail: MailReceiver
) -> None:
    http.answers["/hook"] = [404, 404]
    with pytest.raises(RetriableError, match="hook: connection hook: HTTP 404"):
        run(include)
    assert len(mail.got) == 1, "the other channel heard its part"
    http.answers.clear()
    assert run(include)["told"] == 3
    assert len(mail.got) == 1


def test_what_can_not_be_looked_at_is_said_and_the_rest_is_told(
    include: Path, trouble: PostgresRegistry, http: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_NO_REDIS", json.dumps({"conn_type": "redis", "host": "127.0.0.1", "port": 1}))
    done = run(include)
    assert list(done["blind"]) == ["quota"]
    assert (done["alerts"], done["told"]) == (5, 4), "that it is blind is told once that lasts"
