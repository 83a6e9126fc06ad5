"""The bundle against real git repositories and a real parse, without a running Airflow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.git.conftest import dag
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hooks.guarded_bundle import GuardedGitDagBundle
    from tests.integration.git.conftest import Remote

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

GOOD = {"dags/one.py": dag("one"), "dags/two.py": dag("two", "growth"), "include/queries.sql": "SELECT 1\n"}
RAISES = "import nothing_of_that_name\n"


@pytest.fixture
def make(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., GuardedGitDagBundle]]:
    """Makes bundles of the remote's main branch; `ran` is what Airflow's table says ran the last time."""
    from airflow.dag_processing.bundles import base

    from hooks.guarded_bundle import GuardedGitDagBundle

    monkeypatch.setattr(base, "get_bundle_storage_root_path", lambda: tmp_path / "bundles")
    made: list[GuardedGitDagBundle] = []

    class Bundle(GuardedGitDagBundle):
        ran: str | None = None

        def _version_in_airflow(self) -> str | None:
            return self.ran

        def _keep(self, alerts: Any, is_judged: bool) -> None:
            self.told = [(alert.team, alert.line) for alert in alerts]

    def bundle(ran: str | None = None, **arguments: Any) -> GuardedGitDagBundle:
        one = Bundle(
            name="b", tracking_ref="main", repo_url=str(remote.bare), **{"patience_seconds": 120.0, **arguments}
        )
        one.ran = ran
        made.append(one)
        return one

    yield bundle
    for one in made:
        one._parser.close()


def at(bundle: GuardedGitDagBundle) -> str:
    return str(bundle.get_current_version().version)


def found(tmp_path: Path) -> Any:
    return json.loads((tmp_path / "bundles" / "b" / "verdict.json").read_text(encoding="utf-8"))


def test_a_bad_tip_is_refused_and_a_mended_one_taken(remote: Remote, make: Any, tmp_path: Path) -> None:
    good = remote.push("Good", GOOD)
    bundle = make()
    bundle.initialize()
    assert at(bundle) == good
    bad = remote.push("Bad", {"dags/one.py": RAISES + dag("one")})
    for _ in range(2):
        bundle.refresh()
        assert at(bundle) == good
        assert (bundle.path / "dags/one.py").read_text() == GOOD["dags/one.py"]
    verdict = found(tmp_path)
    assert (verdict["commit"], verdict["runs"], verdict["stopped"]) == (bad, good, ["one"])
    assert (verdict["author"], verdict["refused"][0]["line"]) == ("Ada <ada@x.org>", 1)
    assert [team for team, _ in bundle.told] == ["retail"]

    mended = remote.push("Mended", {"dags/one.py": dag("one"), "dags/three.py": RAISES + "# airflow dag\n"})
    bundle.refresh()
    assert at(bundle) == mended
    assert [line.split(": ", 1)[1] for _, line in bundle.told] == [
        "dags/three.py:1: ModuleNotFoundError: No module named 'nothing_of_that_name'"
    ], "a new file that raises stops nothing but itself"
    assert found(tmp_path)["refused"] == []


def test_a_dag_may_go_once_a_message_of_the_push_says_so(remote: Remote, make: Any, tmp_path: Path) -> None:
    good = remote.push("Good", GOOD)
    bundle = make()
    bundle.initialize()
    remote.push("Tidy up", {"dags/two.py": None})
    bundle.refresh()
    assert (at(bundle), found(tmp_path)["refused"][0]["code"]) == (good, "vanished")
    remote.commit("It is meant\n\nRemoves-DAG: two", {})
    meant = remote.push("More", {"include/queries.sql": "SELECT 2\n"})
    bundle.refresh()
    assert at(bundle) == meant


def test_a_branch_that_is_set_back_is_followed(remote: Remote, make: Any) -> None:
    good = remote.push("Good", GOOD)
    bundle = make()
    bundle.initialize()
    remote.push("Bad", {"dags/one.py": RAISES})
    bundle.refresh()
    remote.git("reset", "--quiet", "--hard", good)
    remote.git("push", "--quiet", "--force", "origin", "main")
    bundle.refresh()
    assert at(bundle) == good
    assert bundle.told == []


def test_a_file_that_ends_the_parser_or_hangs_is_refused(remote: Remote, make: Any, tmp_path: Path) -> None:
    good = remote.push("Good", GOOD)
    bundle = make()
    bundle.initialize()
    remote.push("Die", {"dags/one.py": f"import os\nos._exit(3)\n{dag('one')}"})
    bundle.refresh()
    assert (at(bundle), found(tmp_path)["refused"][0]["code"]) == (good, "unchecked")
    assert "exit code 3" in found(tmp_path)["refused"][0]["text"]
    remote.push("Hang", {"dags/one.py": f"import time\nwhile True: time.sleep(1)\n{dag('one')}"})
    bundle.refresh()
    assert at(bundle) == good
    assert "imeout" in found(tmp_path)["refused"][0]["text"]


def test_while_there_is_no_verdict_the_last_good_commit_stays(remote: Remote, make: Any) -> None:
    good = remote.push("Good", GOOD)
    bundle = make(patience_seconds=0.0)
    bundle.initialize()
    tip = remote.push("Better", {"dags/one.py": dag("one") + "# better\n"})
    bundle.refresh()
    assert at(bundle) == good
    while at(bundle) != tip:
        bundle._parser.is_ready(60.0)
        bundle.refresh()


def test_on_an_empty_disk_it_starts_with_what_airflow_ran(remote: Remote, make: Any, tmp_path: Path) -> None:
    good = remote.push("Good", GOOD)
    remote.push("Bad", {"dags/one.py": RAISES})
    bundle = make(ran=good)
    bundle.initialize()
    assert at(bundle) == good
    shutil.rmtree(tmp_path / "bundles")
    first = make()
    first.initialize()
    assert at(first) != good, "an Airflow that ran nothing yet has nothing to lose"


def test_dag_files_count_as_changed_when_what_they_read_has_changed(
    remote: Remote, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hooks.guarded_bundle._TOUCH_SECONDS", (0.0, 0.5))
    remote.push("first", {"dags/a.py": dag("a"), "include/specs/a.yaml": "a: 1", "README.md": "one"})
    bundle = make()
    bundle.initialize()
    file = bundle.path / "dags" / "a.py"
    for changed, is_new in (({"README.md": "two"}, False), ({"include/specs/a.yaml": "a: 2"}, True)):
        before = file.stat().st_mtime_ns
        sha = remote.push("next", changed)
        bundle.refresh()
        assert at(bundle) == sha
        assert (file.stat().st_mtime_ns > before) is is_new, changed
    # One that was being parsed meanwhile may have read what was before: it is said again.
    once = file.stat().st_mtime_ns
    eventually("that they are said to have changed again", lambda: bundle.refresh() or file.stat().st_mtime_ns > once)
    twice = file.stat().st_mtime_ns
    bundle.refresh()
    assert file.stat().st_mtime_ns == twice


def test_a_task_gets_the_version_that_it_asks_for(remote: Remote, make: Any) -> None:
    remote.push("Good", GOOD)
    bad = remote.push("Bad", {"dags/one.py": RAISES})
    bundle = make(version=bad)
    bundle.initialize()
    assert (bundle.path / "dags/one.py").read_text() == RAISES


def test_unguarded_it_is_airflows_own_bundle(remote: Remote, make: Any) -> None:
    remote.push("Good", GOOD)
    bundle = make(is_guarded=False)
    bundle.initialize()
    bad = remote.push("Bad", {"dags/one.py": RAISES})
    bundle.refresh()
    assert at(bundle) == bad
