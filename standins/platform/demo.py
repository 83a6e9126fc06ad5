"""The demo's job: publish the DAGs, run every sheet sync once, show what came of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

from standins.platform import bundle, runs
from standins.platform.airflow_env import airflow_env
from standins.platform.api import AirflowApi
from standins.platform.secrets import ADMIN, Secrets
from standins.platform.versions import wait_for_version
from standins.supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from standins.platform.layout import Layout


FLEET_TAG = "sheet-fleet"


class DemoFailedError(SupervisorError):
    """A run failed, or what it wrote is not what it should be."""


def connect(layout: Layout) -> AirflowApi:
    """The REST API as the administrator."""
    return AirflowApi(layout.airflow_url, ADMIN, Secrets.of(layout.secrets_file).admin_password)


def run_syncs(layout: Layout, api: AirflowApi, show: Callable[[runs.Snapshot], None]) -> runs.Snapshot:
    """Run each DAG with the tag `sheet-sync` once, in the version of the working tree.

    Raises:
        ImportFailedError: Airflow cannot import it.
        DemoFailedError: a run failed: which task, why, and where the log is.
    """
    sha = bundle.publish(layout, "Publish the working tree")
    wait_for_version(layout, api, sha)
    dag_ids = runs.tagged_dags(api)
    if not dag_ids:
        raise DemoFailedError(f"No DAG of version {sha[:12]} carries the tag {runs.TAG}: there is nothing to run.")
    run_id = runs.trigger(api, dag_ids)
    snapshot = runs.follow(api, dag_ids, run_id, show)
    if snapshot.failed_dags:
        raise DemoFailedError(describe_failure(layout, api, snapshot))
    for dag_id in runs.tagged_dags(api, FLEET_TAG):  # from now on what is due runs by itself
        api.write("PATCH", f"dags/{dag_id}", {"is_paused": False})
    return snapshot


def describe_failure(layout: Layout, api: AirflowApi, snapshot: runs.Snapshot) -> str:
    """For people: which tasks failed, why, and where their logs are."""
    lines = [f"{len(snapshot.failed_dags)} of {len(snapshot.states)} runs failed."]
    for row in snapshot.failed:
        folder = layout.airflow_home / "logs" / f"dag_id={row.dag_id}" / f"run_id={row.run_id}"
        log = folder / f"task_id={row.task_id}" / f"attempt={max(row.try_number, 1)}.log"
        lines.append(f"  {row.dag_id}, {row.name}: {runs.error_line(api, row)}\n    log: {log}")
    return "\n".join(lines)


def verify(layout: Layout, api: AirflowApi, snapshot: runs.Snapshot) -> None:
    """Compare each synced sheet with its source, cell for cell, by the product's own command.

    Each run's own time goes along: some queries are about the interval that it gives.

    Raises:
        DemoFailedError: the command is missing, or found a difference (it has printed which).
    """
    command = layout.bin / "drivetrain"
    if not command.exists():
        raise DemoFailedError(f"{command} is not there, so nothing was verified: run `make venv`.")
    env = {**_shell_env(), **airflow_env(layout, Secrets.of(layout.secrets_file))}
    env["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"  # its lines are what people came for, not a log-in a tab
    by_time: dict[str, list[str]] = {}
    for dag_id, run_id in sorted({(row.dag_id, row.run_id) for row in snapshot.rows}):
        at = api.read(f"dags/{dag_id}/dagRuns/{run_id}")["run_after"]
        by_time.setdefault(at, []).extend(row.name for row in snapshot.rows if row.dag_id == dag_id and row.summary)
    for at, names in by_time.items():
        result = subprocess.run([str(command), "sheets", "verify", *names, "--at", at], env=env, check=False)
        if result.returncode:
            raise DemoFailedError(f"`drivetrain sheets verify` ended with exit code {result.returncode}.")


def _shell_env() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "PYTHON"))}
