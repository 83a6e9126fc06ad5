from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from standins.platform import runs
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
    """Trigger a DAG over REST, follow it to its end; state and outcome of each sync or load that it ran."""
    api = platform.api
    api.write("PATCH", f"dags/{dag_id}", {"is_paused": False})
    run = api.write("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf or {}})
    end = runs.follow(api, [dag_id], run["dag_run_id"], lambda _: None)
    return {
        row.name: {
            "task_id": row.task_id,
            "state": row.state,
            "run_id": run["dag_run_id"],
            "error": runs.error_line(api, row) if row.state == "failed" else "",
            **row.summary,
        }
        for row in end.rows
    }
