"""What the executor wrote of a pod that failed reaches the channels of the task's team, through a real Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from drivetrain.kubernetes.failures import FailureKind, PodFailure
from standins.platform.airflow_env import sql_uri
from standins.platform.secrets import Secrets
from tests.e2e.conftest import run_dag

if TYPE_CHECKING:
    from standins.platform.testing import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]

OOM = PodFailure(FailureKind.OOM_KILLED, "pod a: container base was killed at its limit", "use heavy", retriable=False)
GONE = PodFailure(FailureKind.NODE_GONE, "pod b: was deleted before it ended", "see the audit log", retriable=True)


def test_a_pod_that_failed_is_told_once_to_its_team_with_the_remedy(platform: LocalPlatform) -> None:
    secrets = Secrets.of(platform.layout.secrets_file)
    insert = "INSERT INTO log (dttm, event, dag_id, task_id, run_id, map_index, try_number, extra) VALUES "
    row = "(now(), 'pod failed', 'sheets_sync_retail', :task, 'manual', -1, 1, :line)"
    airflow = sa.create_engine(sql_uri(platform.layout, secrets, "airflow"))
    with airflow.begin() as connection:
        given = [{"task": "a", "line": OOM.line}, {"task": "b", "line": GONE.line}]
        connection.execute(sa.text(insert + row), given)
    airflow.dispose()

    dry = run_dag(platform, "pod_health", {"dry_run": True})["look"]
    assert (dry["state"], dry["failures"]) == ("success", {"sheets_sync_retail": 2})
    [line] = dry["would_tell"]["log"]
    assert "[critical] retail: task sheets_sync_retail.a: pod a: container base was killed at its limit" in line
    assert "Fix: use heavy" in line

    first = run_dag(platform, "pod_health")["look"]
    assert (first["state"], first["alerts"], first["told"]) == ("success", 1, 1)
    again = run_dag(platform, "pod_health")["look"]
    assert (again["alerts"], again["told"]) == (1, 0)
