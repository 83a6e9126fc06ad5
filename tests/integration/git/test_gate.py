"""`drivetrain dags check` as people and CI call it, and the server-side hook with a real git push."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.dags.pre_receive import PRE_RECEIVE
from tests.integration.git.conftest import dag

if TYPE_CHECKING:
    from tests.integration.git.conftest import Remote

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[3]
GOOD = {"dags/one.py": dag("one"), "dags/two.py": dag("two")}


def drivetrain(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "drivetrain"
    return subprocess.run([str(program), "dags", *arguments], capture_output=True, text=True, check=False)


def problems(remote: Remote, *arguments: str) -> list[dict[str, Any]]:
    done = drivetrain("check", "--json", "--repository", str(remote.work), *arguments)
    found: list[dict[str, Any]] = json.loads(done.stdout)["problems"]
    assert done.returncode == bool(found)
    return found


def test_the_gate_names_every_problem_with_its_place(remote: Remote) -> None:
    remote.commit("Good", GOOD)
    bad = {
        "dags/one.py": "from airflow.sdk import Variable\nVariable.get('x')\n" + dag("one"),
        "dags/two.py": None,
        "dags/three.py": dag("three").replace("team:retail", "retail"),
        "dags/four.py": dag("four").replace('"four"', '"four", description=str({*"abcdefgh"})'),
        "dags/five.py": "import datetime\n"
        + dag("five").replace("schedule=None", "start_date=datetime.datetime.now()"),
        "dags/six.py": dag("six") + f'PASSWORD = "{"x" * 12}"\n',
        "dags/seven.py": dag("six"),
    }
    remote.commit("Bad", bad)
    found = {
        (one["code"], one["file"], one["line"]) for one in problems(remote, "--commit", "HEAD", "--against", "HEAD^")
    }
    assert found == {
        ("import-error", "dags/one.py", 2),
        ("vanished", "dags/two.py", None),
        ("no-owner", "dags/three.py", None),
        ("varies", "dags/four.py", None),
        ("varies", "dags/five.py", 4),
        ("secret", "dags/six.py", 8),
        ("duplicate-dag", "dags/six.py", None),
    }


def test_a_clean_checkout_is_checked_and_not_the_working_tree(remote: Remote) -> None:
    remote.commit("Good", GOOD)
    (remote.work / "dags/one.py").write_text("raise ValueError(1)\n# airflow dag\n")
    assert problems(remote, "--commit", "HEAD") == []
    (problem,) = problems(remote)
    assert (problem["code"], problem["text"]) == ("import-error", "ValueError: 1")


def test_a_revision_that_is_not_there_is_one_line(remote: Remote) -> None:
    remote.commit("Good", GOOD)
    done = drivetrain("check", "--repository", str(remote.work), "--commit", "nowhere")
    assert done.returncode == 1
    assert "no commit is called nowhere: fetch it, or name another" in done.stderr.splitlines()[-1]


def test_a_file_that_hangs_ends_with_the_time(remote: Remote) -> None:
    remote.commit("Hang", {"dags/one.py": "import time\nwhile True:\n    time.sleep(1)\n" + dag("one")})
    (problem,) = problems(remote, "--one-parser")
    assert problem["code"] == "import-error"
    assert "imeout" in problem["text"]


def test_the_hook_refuses_a_bad_push_and_lets_a_good_one_and_other_branches_through(remote: Remote) -> None:
    assert drivetrain("hook", "install", str(remote.bare)).returncode == 0
    assert drivetrain("hook", "install", str(remote.bare)).returncode == 0, "safe to repeat"

    def push(*refs: str) -> subprocess.CompletedProcess[str]:
        return remote.git("push", "--quiet", "origin", *refs, check=False)

    good = remote.commit("Good", GOOD)
    assert push("main").returncode == 0
    remote.commit("Bad", {"dags/one.py": "import nothing_of_that_name\n" + dag("one"), "dags/two.py": None})
    refused = push("main")
    assert refused.returncode != 0
    assert "dags/one.py:1: ModuleNotFoundError: No module named 'nothing_of_that_name'" in refused.stderr
    assert "Removes-DAG: two" in refused.stderr
    assert remote.git("rev-parse", "main", cwd=remote.bare).stdout.strip() == good
    assert push("main:feature").returncode == 0
    assert "can't be deleted" in push(":main").stderr
    remote.commit("Mend\n\nRemoves-DAG: two", {"dags/one.py": dag("one")})
    assert push("main").returncode == 0


def test_the_hook_of_somebody_else_is_left_alone(remote: Remote) -> None:
    hook = remote.bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 0\n")
    done = drivetrain("hook", "install", str(remote.bare))
    assert done.returncode == 1
    assert "there is another hook" in done.stderr
    assert hook.read_text() == "#!/bin/sh\nexit 0\n"


def test_the_hook_of_the_distribution_is_the_one_that_people_read() -> None:
    assert (ROOT / "k8s/git/pre-receive").read_text(encoding="utf-8") == PRE_RECEIVE
    assert os.access(ROOT / "k8s/git/pre-receive", os.X_OK)
