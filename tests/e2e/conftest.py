from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from standins.platform import runs
from standins.platform.airflow_env import airflow_env
from standins.platform.secrets import Secrets
from standins.platform.testing import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def platform() -> Iterator[LocalPlatform]:
    """The whole platform, as `make up` starts it, on ports and in a folder of its own."""
    with LocalPlatform() as running:
        running.wait_for_version(running.push())
        yield running


def run_dag(platform: LocalPlatform, dag_id: str, conf: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Trigger a DAG over REST, follow it to its end; each task's state and what it returned."""
    api = platform.api
    api.write("PATCH", f"dags/{dag_id}", {"is_paused": False})
    run = api.write("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf or {}})
    end = runs.follow(api, [dag_id], run["dag_run_id"], lambda _: None)
    return {
        row.task_id: {
            "state": row.state,
            "run_id": run["dag_run_id"],
            "error": runs.error_line(api, row) if row.state == "failed" else "",
            **row.summary,
        }
        for row in end.rows
    }


def drivetrain(platform: LocalPlatform, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run our command line with the platform's Airflow settings."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")}
    env |= airflow_env(platform.layout, Secrets.of(platform.layout.secrets_file))
    command = [str(platform.layout.bin / "drivetrain"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=240, check=False)
