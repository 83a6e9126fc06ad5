"""The fleet's way through a real Airflow: what is due is dispatched into the queue, and workers drain it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from standins.platform.airflow_env import airflow_env
from standins.platform.secrets import Secrets
from tests.e2e.conftest import run_dag, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from standins.platform.testing import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture
def state(platform: LocalPlatform) -> Iterator[Engine]:
    engine = state_of(platform)
    yield engine
    engine.dispose()


def asleep_since_yesterday(state: Engine) -> None:
    """As if nothing had been dispatched for a day."""
    with state.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE sheet_syncs SET dispatched_until = now() - interval '36 days', next_due_at = now() "
                "WHERE cron IS NOT NULL"
            )
        )


def dispatch(platform: LocalPlatform) -> dict[str, Any]:
    return run_dag(platform, "sheets_dispatch")["dispatch"]


def drain(platform: LocalPlatform, state: Engine) -> None:
    """Run the workers until nothing waits. The event of new jobs may have woken some before us."""
    for _ in range(5):
        shards = run_dag(platform, "sheets_worker")
        assert {name: (shard["state"], shard["error"]) for name, shard in shards.items()} == {
            "drain 0": ("success", ""),
            "drain 1": ("success", ""),
        }
        with state.connect() as connection:
            if connection.execute(sa.text("SELECT count(*) FROM jobs")).scalar() == 0:
                return
    raise AssertionError("jobs are left in the queue")


def test_what_became_due_while_nothing_ran_is_made_up_for_once(platform: LocalPlatform, state: Engine) -> None:
    first = dispatch(platform)
    assert (first["state"], first["added"], first["due"], first["broken"]) == ("success", 18, 0, [])
    asleep_since_yesterday(state)
    again = dispatch(platform)
    assert (again["due"], again["new"]) == (18, 18), "the latest due time of each, and no more"
    drain(platform, state)
    with state.connect() as connection:
        by_schedule = "SELECT sync, outcome, attempt FROM sheet_runs WHERE trigger = 'schedule'"
        runs = connection.execute(sa.text(by_schedule)).all()
        stands = connection.execute(
            sa.text("SELECT count(*) FROM sheet_syncs WHERE last_success_at IS NOT NULL")
        ).scalar()
    assert len(runs) == len({run.sync for run in runs}) == 18
    assert {run.outcome for run in runs} <= {"written", "unchanged", "already_applied"}
    assert {run.attempt for run in runs} == {1}
    assert stands == 18
    assert dispatch(platform)["due"] == 0
    with state.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM jobs")).scalar() == 0


def test_every_tab_is_then_as_its_query_says(platform: LocalPlatform) -> None:
    env = airflow_env(platform.layout, Secrets.of(platform.layout.secrets_file))
    command = [str(platform.layout.bin / "drivetrain"), "sheets", "verify"]
    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin", **env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.count(" equal") == 18
