"""Health checks and maintenance in a real Airflow, and what a failed task's callback does there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.e2e.conftest import run_dag, state_of

if TYPE_CHECKING:
    from standins.platform.testing import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]


def test_a_round_looks_at_everything_and_a_dry_run_only_says_what_it_would_tell(platform: LocalPlatform) -> None:
    dry = run_dag(platform, "sheets_health", {"dry_run": True})["look"]
    assert (dry["state"], dry["error"], dry["blind"], dry["dry_run"]) == ("success", "", {}, True)
    look = run_dag(platform, "sheets_health")["look"]
    assert (look["state"], look["failed"], look["blind"]) == ("success", {}, {})


def test_a_failed_task_is_remembered_by_its_callback(platform: LocalPlatform) -> None:
    failed = run_dag(platform, "sheets_health", {"dryrun": True})["look"]
    assert failed["state"] == "failed"
    engine = state_of(platform)
    with engine.connect() as connection:
        which = "kind = 'task' AND line LIKE '%sheets_health%'"  # other tests have other tasks fail
        query = sa.text(f"SELECT channel, team, line, told_at FROM alerts WHERE {which}")
        (row,) = connection.execute(query).all()
    engine.dispose()
    assert (row.channel, row.team) == ("log", "platform")
    assert row.line == "task sheets_health.look failed in try 1: conf: unknown key dryrun; known: dry_run"
    assert row.told_at is not None


def test_maintenance_counts_and_leaves_what_is_young(platform: LocalPlatform) -> None:
    dry = run_dag(platform, "state_maintenance", {"dry_run": True})["prune"]
    assert (dry["state"], dry["months"], dry["rejects"], dry["dry_run"]) == ("success", 0, 0, True)
    done = run_dag(platform, "state_maintenance")["prune"]
    assert (done["state"], done["months"], done["rejects"]) == ("success", 0, 0)
