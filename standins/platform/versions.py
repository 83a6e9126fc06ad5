"""Waits until Airflow has parsed a version of the bundle."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from standins.platform import bundle
from standins.platform.airflow_env import BUNDLE
from standins.supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from standins.platform.api import AirflowApi
    from standins.platform.layout import Layout


# Airflow looks for new commits and changed files by itself, but may have looked just before the push: it is asked again
# after this long.
ASK_AGAIN_SECONDS = 3.0
# How long a file that made no DAG is waited for, once others have.
GRACE_SECONDS = 8.0


class ImportFailedError(SupervisorError):
    """A DAG file of the version raised when Airflow parsed it."""


@dataclass(frozen=True)
class Version:
    """A pushed commit.

    Attributes:
        sha: its full hash.
        files: paths of the files that Airflow parses.
        committed_at: seconds since 1970; import errors from before belong to an earlier version.
    """

    sha: str
    files: frozenset[str]
    committed_at: float


def broken(version: Version, errors: Iterable[dict[str, Any]]) -> str | None:
    """One line for the first of Airflow's import errors that belongs to the version."""
    for error in errors:
        file = next((file for file in version.files if error["filename"].endswith(file)), None)
        if file and datetime.fromisoformat(error["timestamp"]).timestamp() >= version.committed_at:
            lines = [line.strip() for line in error["stack_trace"].splitlines() if line.strip()]
            where = next((line for line in reversed(lines) if line.startswith("File ") and file in line), "")
            line = where.partition(", line ")[2].partition(",")[0]
            return f"{file}{f', line {line}' if line else ''}: {lines[-1] if lines else 'cannot be imported'}"
    return None


def silent_files(version: Version, dags: Iterable[dict[str, Any]]) -> set[str]:
    """Files of the version that no DAG came from yet. Some never will: a file that loops over nothing."""
    return set(version.files) - {dag["relative_fileloc"] for dag in dags if dag["bundle_version"] == version.sha}


def arrived(version: Version, dags: Iterable[dict[str, Any]]) -> bool:
    """Whether every file of the version that makes DAGs was parsed at it, and at least one was.

    DAGs of files that the version no longer has keep their old version until Airflow takes them for stale.
    """
    mine = [dag for dag in dags if not dag["is_stale"] and dag["relative_fileloc"] in version.files]
    return bool(mine) and all(dag["bundle_version"] == version.sha for dag in mine)


def wait_for_version(layout: Layout, api: AirflowApi, sha: str, timeout_seconds: float = 90.0) -> None:
    """Return once Airflow shows the DAGs of `sha`; at once if it has no DAG files.

    Raises:
        ImportFailedError: a DAG file of that version cannot be imported; file, line and error in one line.
        SupervisorError: it did not arrive in time.
    """
    files = frozenset(bundle.dag_files(layout, sha))
    if not files:
        return
    version = Version(sha, files, bundle.committed_at(layout, sha))
    deadline = time.monotonic() + timeout_seconds
    grace: float | None = None
    asked = 0.0
    while True:
        # The errors second: a file that fails also moves its DAGs to the version, in the same transaction.
        dags = list(api.items("dags", "dags", bundle_name=BUNDLE))
        if line := broken(version, api.items("importErrors", "import_errors")):
            raise ImportFailedError(f"Airflow cannot import version {sha[:12]}: {line}")
        if line := bundle.refusal(layout, sha):
            raise ImportFailedError(f"Airflow keeps the version before {sha[:12]}: {line}")
        if arrived(version, dags):
            grace = grace or time.monotonic() + GRACE_SECONDS
            if (not silent_files(version, dags) or time.monotonic() > grace) and _can_run(api, version, dags):
                return
        if time.monotonic() > asked + ASK_AGAIN_SECONDS:
            asked = time.monotonic()
            _ask_to_parse(api, version, dags)
        if time.monotonic() > deadline:
            raise SupervisorError(
                f"Airflow showed no DAG of version {sha[:12]} within {timeout_seconds:.0f} s: either its files make "
                f"none, or see {layout.home / 'logs' / 'airflow-dag-processor.log'}"
            )
        time.sleep(0.3)


def _can_run(api: AirflowApi, version: Version, dags: Iterable[dict[str, Any]]) -> bool:
    """Whether Airflow can make runs of them: it lists a DAG a moment before it has written what a run needs."""
    mine = (dag["dag_id"] for dag in dags if dag["bundle_version"] == version.sha and not dag["is_stale"])
    return all(api.get(f"dags/{dag_id}/details").is_success for dag_id in mine)


def _ask_to_parse(api: AirflowApi, version: Version, dags: Iterable[dict[str, Any]]) -> None:
    """Have the files parsed whose DAGs are at another version; Airflow fetches the bundle first."""
    behind = {
        dag["file_token"]
        for dag in dags
        if dag["relative_fileloc"] in version.files and dag["bundle_version"] != version.sha
    }
    for token in behind:
        api.put(f"parseDagFile/{token}")  # whatever it answers: that it was asked already is no error
