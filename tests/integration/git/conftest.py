from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.files import write_files

if TYPE_CHECKING:
    from collections.abc import Mapping

DAG = """
from airflow.sdk import DAG, task
with DAG("{dag_id}", schedule=None, tags=["team:{team}"], default_args={{"owner": "{team}"}}):
    @task
    def work():
        return 1
    work()
"""
ADA = {"NAME": "Ada", "EMAIL": "ada@x.org"}
IDENTITY = {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in ADA.items()}


@pytest.fixture(scope="session", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Airflow's own files go to a temporary folder; set before the first import of it in this process."""
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")


def dag(dag_id: str, team: str = "retail") -> str:
    """A DAG file that is well."""
    return DAG.format(dag_id=dag_id, team=team)


class Remote:
    """A bare repository, and a clone from which it is pushed to.

    Args:
        folder: a new one.
    """

    def __init__(self, folder: Path) -> None:
        self.bare, self.work = folder / "bare.git", folder / "work"
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), cwd=folder)
        self.git("clone", "--quiet", str(self.bare), str(self.work), cwd=folder)
        self.git("checkout", "--quiet", "-B", "main")

    def commit(self, message: str, files: Mapping[str, str | None]) -> str:
        """Commit files; a path with None is deleted. Returns the full hash."""
        write_files(self.work, files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD").stdout.strip()

    def push(self, message: str, files: Mapping[str, str | None]) -> str:
        """Commit, and push whatever it is."""
        sha = self.commit(message, files)
        self.git("push", "--quiet", "--force", "origin", "main")
        return sha

    def git(self, *arguments: str, cwd: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run git in the clone."""
        return subprocess.run(
            ["git", *arguments],
            cwd=cwd or self.work,
            env={**os.environ, **IDENTITY},
            capture_output=True,
            text=True,
            check=check,
        )


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path)
