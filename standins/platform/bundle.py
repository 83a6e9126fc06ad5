"""Publishes DAGs as Airflow's git bundle: commits of dags/ and include/ in a bare repository of our own.

The commits are made straight from the working tree's files, whether or not they are committed there: what you see in
your editor is what runs. Neither that repository nor its index is touched.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from standins.platform.airflow_env import BUNDLE
from standins.supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from standins.platform.layout import Layout

CONTENT = ("dags", "include", ".airflowignore")
BRANCH = "refs/heads/main"
_IDENTITY = {"NAME": "Drivetrain local platform", "EMAIL": "platform@drivetrain.invalid"}


def ensure_repository(layout: Layout) -> None:
    """Make the bare repository, with an empty first commit, unless it is there; complete one that is half made."""
    if _tip(layout):
        return
    layout.bundle_repository.parent.mkdir(parents=True, exist_ok=True)
    _git(layout, "init", "--quiet", "--bare", "--initial-branch=main", str(layout.bundle_repository))
    _commit(layout, _git(layout, "mktree", input_text=""), "Start")


def publish(layout: Layout, message: str, changes: Mapping[str, str | None] | None = None) -> str:
    """Commit the working tree's DAGs; without a change there is no new commit.

    Args:
        layout: whose repository and working tree.
        message: of the commit.
        changes: path in the bundle -> text, laid over the working tree; None takes a file away.

    Returns:
        The commit's full hash: the version that Airflow will show.
    """
    ensure_repository(layout)
    with tempfile.TemporaryDirectory(dir=layout.bundle_repository.parent) as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index"), "GIT_WORK_TREE": str(layout.repository)}
        present = [name for name in CONTENT if (layout.repository / name).exists()]
        if present:
            _git(layout, "add", "--all", "--", *present, env=index, cwd=layout.repository)
        for path, text in (changes or {}).items():
            if text is None:
                _git(layout, "update-index", "--force-remove", "--", path, env=index, cwd=layout.repository)
            else:
                blob = _git(layout, "hash-object", "-w", "--stdin", input_text=text)
                _git(layout, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
        tree = _git(layout, "write-tree", env=index)
    if tree == _git(layout, "rev-parse", f"{BRANCH}^{{tree}}"):
        return _tip(layout)
    if _removed(layout, tree):
        # Of the working tree's author nobody else asks whether it was meant; on a shared branch a message has to say.
        message = f"{message}\n\nRemoves-DAG: *"
    return _commit(layout, tree, message)


def dag_files(layout: Layout, sha: str) -> list[str]:
    """Paths of the files below dags/ in one version that Airflow parses.

    Those are Python files that have the words "dag" and "airflow" in them, in any case: its safe mode.
    """
    paths = _git(layout, "ls-tree", "-r", "--name-only", sha, "--", "dags/").splitlines()
    texts = {path: _git(layout, "show", f"{sha}:{path}").lower() for path in paths if path.endswith(".py")}
    return [path for path, text in texts.items() if "dag" in text and "airflow" in text]


def committed_at(layout: Layout, sha: str) -> int:
    """When a version was made, in seconds since 1970."""
    return int(_git(layout, "show", "--no-patch", "--format=%ct", sha))


def refusal(layout: Layout, sha: str) -> str | None:
    """Why Airflow does not take a version, in one line; None if it did, or has not looked yet."""
    try:
        verdict = json.loads((layout.home / "bundles" / BUNDLE / "verdict.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if verdict["commit"] != sha or not verdict["refused"]:
        return None
    first = verdict["refused"][0]
    line = f", line {first['line']}" if first["line"] else ""
    return f"{first['file']}{line}: {first['text']}"


def _removed(layout: Layout, tree: str) -> bool:
    """Whether files of the version before are gone."""
    parent = _tip(layout)
    return bool(parent and _git(layout, "diff-tree", "-r", "--diff-filter=D", "--name-only", parent, tree))


def _tip(layout: Layout) -> str:
    if not (layout.bundle_repository / "objects").is_dir():
        return ""
    return _git(layout, "for-each-ref", "--format=%(objectname)", BRANCH)


def _commit(layout: Layout, tree: str, message: str) -> str:
    parent = _tip(layout)
    sha = _git(layout, "commit-tree", tree, *(("-p", parent) if parent else ()), "-m", message)
    # Naming the parent makes a push that came in between fail instead of being lost.
    _git(layout, "update-ref", BRANCH, sha, parent or "0" * 40)
    return sha


def _git(
    layout: Layout,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input_text: str | None = None,
) -> str:
    identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _IDENTITY.items()}
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    # The user's own settings, such as signing or line endings, must not decide what Airflow gets.
    fixed = {"GIT_DIR": str(layout.bundle_repository), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    try:
        result = subprocess.run(
            ["git", *arguments],
            env={**clean, **identity, **fixed, **(env or {})},
            cwd=cwd or layout.bundle_repository.parent,
            input=input_text,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise SupervisorError("git is not installed, and Airflow takes its DAGs from a git repository.") from None
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise SupervisorError(f"git {arguments[0]} failed in {layout.bundle_repository}: {last}")
    return result.stdout.strip()
