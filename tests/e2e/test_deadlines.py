"""A run that is not over in time, in a real Airflow: scheduler, triggerer, the kept alert, the next health check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tests.e2e.conftest import run_dag, state_of
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from standins.platform.testing import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]

PROBE = """
import time
from datetime import timedelta
from pathlib import Path
from airflow.sdk import DAG, task
from operators.deadlines import told_when_late

for name, seconds in (("dawdles", 1), ("hurries", 600)):
    with DAG(name, schedule=None, tags=["team:platform"], default_args={"owner": "platform"},
             deadline=told_when_late(Path(__file__).parents[1] / "include", timedelta(seconds=seconds))) as dag:
        @task
        def sleep():
            time.sleep(5)
        sleep()
    globals()[name] = dag
"""


def remembered(platform: LocalPlatform) -> list[Any]:
    engine = state_of(platform)
    query = "SELECT channel, team, severity, line, told_at FROM alerts WHERE subject LIKE '%deadline missed' ORDER BY 1"
    with engine.connect() as connection:
        rows = list(connection.execute(sa.text(query)).all())
    engine.dispose()
    return rows


def test_a_run_that_is_late_is_told_once_and_one_that_is_not_is_not_told(platform: LocalPlatform) -> None:
    platform.wait_for_version(platform.push({"dags/deadlines.py": PROBE}))
    for dag in ("dawdles", "hurries"):
        assert run_dag(platform, dag)["sleep"]["state"] == "success"
    [kept] = eventually("an alert of the missed deadline", lambda: remembered(platform), 60)
    assert (kept.channel, kept.team, kept.severity) == ("log", "platform", "warning")
    assert kept.line.startswith("DAG dawdles: run manual__")
    assert kept.line.endswith("was not over 1 s after it was queued")
    assert run_dag(platform, "sheets_health")["look"]["told"] >= 1
    [told] = remembered(platform)
    assert told.told_at is not None
    # Each parse makes the deadline anew; it is the same one, so the DAG that has run gets no second version.
    assert platform.api.read("dags/dawdles/dagVersions")["total_entries"] == 1
