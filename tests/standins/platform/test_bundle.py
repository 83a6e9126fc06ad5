from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from standins.platform import bundle
from standins.platform.layout import Layout
from standins.ports import Ports
from standins.supervisor.errors import SupervisorError


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A repository with one DAG, one SQL file, and things that are no content of a bundle."""
    repository = tmp_path / "repository"
    for name, text in {
        "dags/sync.py": "from airflow.sdk import DAG\n",
        "dags/__pycache__/sync.pyc": "compiled",
        "include/sql/cars.sql": "SELECT 1\n",
        ".airflowignore": "__pycache__/\n",
        ".gitignore": "__pycache__/\n.drivetrain/\n",
        "plugins/hooks/sheets.py": "print('plugin')\n",
    }.items():
        file = repository / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    git(repository, "init", "--quiet")
    return Layout(repository / ".drivetrain", Ports(), repository)


def files(layout: Layout, sha: str) -> dict[str, str]:
    names = git(layout.bundle_repository, "ls-tree", "-r", "--name-only", sha).splitlines()
    return {name: git(layout.bundle_repository, "show", f"{sha}:{name}") for name in names}


def test_a_version_holds_the_dags_and_what_they_include_and_nothing_else(layout: Layout) -> None:
    sha = bundle.publish(layout, "First")
    assert files(layout, sha) == {
        ".airflowignore": "__pycache__/",
        "dags/sync.py": "from airflow.sdk import DAG",
        "include/sql/cars.sql": "SELECT 1",
    }
    assert bundle.dag_files(layout, sha) == ["dags/sync.py"]
    assert git(layout.bundle_repository, "rev-parse", "main") == sha


def test_files_that_airflow_does_not_parse_are_no_dag_files(layout: Layout) -> None:
    sha = bundle.publish(layout, "Helper", {"dags/helper.py": "import json", "dags/notes.txt": "airflow dag"})
    assert bundle.dag_files(layout, sha) == ["dags/sync.py"]


def test_publishing_what_is_published_makes_no_new_version(layout: Layout) -> None:
    assert bundle.publish(layout, "First") == bundle.publish(layout, "Second")


def test_a_version_follows_the_working_tree_whether_or_not_it_is_committed(layout: Layout) -> None:
    first = bundle.publish(layout, "First")
    (layout.repository / "dags/sync.py").unlink()
    (layout.repository / "dags/other.py").write_text("from airflow.sdk import DAG\n")
    second = bundle.publish(layout, "Second")
    assert bundle.dag_files(layout, second) == ["dags/other.py"]
    assert git(layout.bundle_repository, "rev-parse", f"{second}^") == first
    assert git(layout.bundle_repository, "show", "--no-patch", "--format=%s by %an", second) == (
        "Second by Drivetrain local platform"
    )


def test_changes_are_laid_over_the_working_tree_and_do_not_touch_it(layout: Layout) -> None:
    changes = {"dags/probe.py": "print('a probe')", "dags/sync.py": None, "include/sql/cars.sql": "SELECT 2"}
    sha = bundle.publish(layout, "Overlay", changes)
    content = files(layout, sha)
    assert content["dags/probe.py"] == "print('a probe')"
    assert content["include/sql/cars.sql"] == "SELECT 2"
    assert "dags/sync.py" not in content
    assert (layout.repository / "dags/sync.py").exists()
    assert not (layout.repository / "dags/probe.py").exists()
    assert "dags/sync.py" in files(layout, bundle.publish(layout, "Back"))


def test_the_surrounding_repository_is_left_as_it_is(layout: Layout) -> None:
    before = git(layout.repository, "status", "--porcelain", "--branch")
    bundle.publish(layout, "First")
    assert git(layout.repository, "status", "--porcelain", "--branch") == before


def test_a_users_own_git_settings_decide_nothing(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text("[commit]\n\tgpgsign = true\n[core]\n\tautocrlf = true\n\texcludesFile = /dev/stdin\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    # As inside a git hook, where these point at the repository that the hook belongs to.
    monkeypatch.setenv("GIT_DIR", str(layout.repository / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(layout.repository / ".git/index"))
    sha = bundle.publish(layout, "First")
    assert (layout.bundle_repository / "refs/heads/main").read_text().strip() == sha
    assert not (layout.repository / ".git/index").exists()


def test_a_repository_without_dags_publishes_an_empty_version(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "home", Ports(), tmp_path)
    assert bundle.dag_files(layout, bundle.publish(layout, "Nothing")) == []


def test_a_half_made_repository_is_completed(layout: Layout) -> None:
    layout.bundle_repository.mkdir(parents=True)
    (layout.bundle_repository / "HEAD").write_text("ref: refs/heads/main\n")
    assert bundle.dag_files(layout, bundle.publish(layout, "First")) == ["dags/sync.py"]


def test_a_git_that_fails_is_told_in_one_line(layout: Layout) -> None:
    bundle.publish(layout, "First")
    with pytest.raises(SupervisorError, match=r"^git ls-tree failed in .*bundle\.git: fatal: .*nonsense.*$"):
        bundle.dag_files(layout, "nonsense")


def test_a_version_that_lost_files_says_that_it_is_meant(layout: Layout) -> None:
    first = bundle.publish(layout, "First")
    assert "Removes-DAG" not in git(layout.bundle_repository, "show", "--no-patch", "--format=%B", first)
    second = bundle.publish(layout, "Second", {"dags/sync.py": None})
    message = git(layout.bundle_repository, "show", "--no-patch", "--format=%(trailers:key=Removes-DAG)", second)
    assert message == "Removes-DAG: *"


def test_why_a_version_was_refused_is_read_from_the_bundles_verdict(layout: Layout) -> None:
    assert bundle.refusal(layout, "f00") is None
    folder = layout.home / "bundles" / "drivetrain"
    folder.mkdir(parents=True)
    refused = [{"file": "dags/sync.py", "line": 3, "text": "ValueError: no"}]
    (folder / "verdict.json").write_text(json.dumps({"commit": "f00", "refused": refused}))
    assert bundle.refusal(layout, "f00") == "dags/sync.py, line 3: ValueError: no"
    assert bundle.refusal(layout, "another") is None
    (folder / "verdict.json").write_text(json.dumps({"commit": "f00", "refused": []}))
    assert bundle.refusal(layout, "f00") is None
