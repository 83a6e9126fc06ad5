"""Pushes as people make them: a clone, a commit, git push. And DAGs whose runs can be held in the middle."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from standins.platform.testing import LocalPlatform
from tests.support.files import write_files
from tests.support.waiting import eventually

WITHOUT = ("snowflake", "sheets")
AUTHOR = "Ada Push <ada@drivetrain.example>"

TICKER = """
from datetime import datetime, timedelta
from airflow.sdk import DAG, task

with DAG("ticker", schedule=timedelta(seconds=3), start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1,
         description="VERSION", tags=["team:platform"], default_args={"owner": "platform"}) as dag:
    @task
    def tick():
        return "VERSION"
    tick()
"""
HELD = """
import time
from pathlib import Path
from airflow.sdk import DAG, task

with DAG("held", schedule=None, tags=["team:platform"], default_args={"owner": "platform"}) as dag:
    @task
    def wait():
        while not Path("GATE").exists():
            time.sleep(0.2)
    @task
    def after():
        return "VERSION"
    wait() >> after()
"""
RAISES = "import nothing_of_that_name\n"


class Clone:
    """A clone of the platform's bundle repository.

    Args:
        platform: whose.
        folder: a new one.
    """

    def __init__(self, platform: LocalPlatform, folder: Path) -> None:
        self.folder = folder
        self._git("clone", "--quiet", str(platform.layout.bundle_repository), str(folder), cwd=folder.parent)

    def push(self, message: str, files: dict[str, str | None]) -> str:
        """Commit files on top of the branch and push; a path with None is deleted."""
        self._git("pull", "--quiet", "--ff-only")
        write_files(self.folder, files)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)
        self._git("push", "--quiet", "origin", "main")
        return self.head()

    def head(self) -> str:
        """What was pushed the last time."""
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str, cwd: Path | None = None) -> str:
        name, _, address = AUTHOR.partition(" <")
        identity = {"NAME": name, "EMAIL": address.rstrip(">")}
        who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in identity.items()}
        done = subprocess.run(
            ["git", *arguments], cwd=cwd or self.folder, env={**os.environ, **who}, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr}")
        return done.stdout


def scheduled_platform(home: Path | None = None, **airflow: str) -> LocalPlatform:
    """A platform whose DAGs also run at their own times; more of Airflow's settings as environment variables."""
    return LocalPlatform(home, without=WITHOUT, airflow={"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "True", **airflow})


def verdict(platform: LocalPlatform, sha: str) -> dict[str, Any]:
    """What the bundle made of a commit, once it did."""
    path = platform.home / "bundles" / "drivetrain" / "verdict.json"

    def look() -> dict[str, Any] | None:
        if not path.exists():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found if found["commit"] == sha else None

    return eventually(f"a verdict on {sha[:12]}", look, 90)


def runs_since(platform: LocalPlatform, dag_id: str, since: str) -> list[dict[str, Any]]:
    """Successful runs that started after a time."""
    runs = platform.api.read(f"dags/{dag_id}/dagRuns", order_by="-run_after", limit=20)["dag_runs"]
    return [run for run in runs if run["state"] == "success" and (run["start_date"] or "") > since]


def ended(platform: LocalPlatform, dag_id: str, run_id: str) -> dict[str, Any]:
    """A run, once it ended."""

    def look() -> dict[str, Any] | None:
        run: dict[str, Any] = platform.api.read(f"dags/{dag_id}/dagRuns/{run_id}")
        return run if run["state"] in ("success", "failed") else None

    return eventually(f"the end of {dag_id} {run_id}", look)


def trigger(platform: LocalPlatform, dag_id: str, run_id: str) -> None:
    """Start a run by REST."""
    platform.api.write("POST", f"dags/{dag_id}/dagRuns", {"dag_run_id": run_id, "logical_date": None})


def wake(platform: LocalPlatform, *dag_ids: str) -> None:
    """Unpause."""
    for dag_id in dag_ids:
        platform.api.write("PATCH", f"dags/{dag_id}", {"is_paused": False})
