"""`drivetrain queue` over a real Postgres."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from commands import queue
from drivetrain.errors import FatalError
from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.jobs.queue import Job
from hooks.job_queue import job_queue
from hooks.state import StateHook
from tests.support.postgres import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def jobs(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresQueue]:
    with running_postgres(tmp_path_factory.mktemp("state")) as connection:
        monkeypatch.setenv("AIRFLOW_CONN_DRIVETRAIN_STATE", json.dumps(connection))
        state = StateHook()
        state.migrate()
        found = job_queue("sheet_sync", state=state)
        assert isinstance(found, PostgresQueue)
        yield found
        state.engine.dispose()


def test_a_job_that_was_given_up_is_listed_and_put_back(jobs: PostgresQueue) -> None:
    jobs.publish([Job(key="sales@noon", group="book", kind="sheet_sync"), Job(key="b", group="c", kind="sheet_sync")])
    lease = next(lease for lease in jobs.lease(seconds=60, max_groups=2) if lease.group == "book")
    jobs.bury(lease, lease.deliveries[0], reason="sync sales: no such table")
    run = CliRunner().invoke
    assert "sales@noon  tries 1\n    sync sales: no such table" in run(queue.app, ["dead"]).output
    assert "1 of 1 are in the queue again" in run(queue.app, ["revive", "sales@noon"]).output
    depth = dict(line.split() for line in run(queue.app, ["depth"]).output.splitlines())
    assert (depth["ready"], depth["leased"], depth["dead"]) == ("1", "1", "0")
    again = run(queue.app, ["revive", "sales@noon"])
    assert isinstance(again.exception, FatalError)
    assert "1 of the keys are no dead letters" in str(again.exception)
    assert "PostgresQueue of sheet_sync is ready" in run(queue.app, ["ensure"]).output


def test_a_connection_that_holds_no_queue_is_refused(jobs: PostgresQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DRIVETRAIN_QUEUE", json.dumps({"conn_type": "http", "host": "x"}))
    with pytest.raises(FatalError, match="connection drivetrain_queue: type http holds no queue"):
        job_queue("sheet_sync", state=StateHook())
