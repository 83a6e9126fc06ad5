"""A good push, a bad one around the gate, its mending, a file that is gone: with a real Airflow and schedules."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from standins.platform.secrets import ADMIN, Secrets
from standins.platform.services import platform
from tests.e2e.conftest import run_dag, state_of
from tests.e2e.git_push import (
    AUTHOR,
    HELD,
    RAISES,
    TICKER,
    WITHOUT,
    Clone,
    ended,
    runs_since,
    scheduled_platform,
    trigger,
    verdict,
    wake,
)
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from standins.platform.testing import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def guarded() -> Iterator[LocalPlatform]:
    """Airflow with schedules and the guarded bundle."""
    with scheduled_platform() as running:
        yield running


@pytest.fixture(scope="module")
def clone(guarded: LocalPlatform, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(guarded, tmp_path_factory.mktemp("clone") / "bundle")


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for which runs of the DAG `held` wait."""
    return tmp_path_factory.mktemp("gate") / "open"


def now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


def states(running: LocalPlatform, dag_id: str, run_id: str) -> list[str]:
    tasks = running.api.read(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
    return [task["state"] for task in tasks]


def versions(running: LocalPlatform, dag_id: str, since: str) -> set[str]:
    return {run["bundle_version"] for run in runs_since(running, dag_id, since)}


def alerts(running: LocalPlatform) -> list[Any]:
    engine = state_of(running)
    with engine.connect() as connection:
        query = sa.text("SELECT * FROM alerts WHERE kind = 'push' ORDER BY began_at")
        rows = list(connection.execute(query).all())
    engine.dispose()
    return rows


def test_a_bad_commit_stops_nothing_is_told_and_is_over_once_it_is_mended(
    guarded: LocalPlatform, clone: Clone, gate: Path
) -> None:
    def texts(version: str) -> dict[str, str | None]:
        held = HELD.replace("GATE", str(gate)).replace("VERSION", version)
        return {"dags/ticker.py": TICKER.replace("VERSION", version), "dags/held.py": held}

    good = clone.push("Add a ticker", texts("one"))
    guarded.wait_for_version(good)
    wake(guarded, "ticker", "held", "platform_health")
    trigger(guarded, "held", "in-flight")
    eventually("the run is in its first task", lambda: "running" in states(guarded, "held", "in-flight"))
    eventually("a scheduled run of the good commit", lambda: runs_since(guarded, "ticker", ""))

    bad = clone.push("Break both", {name: RAISES + str(text) for name, text in texts("two").items()})
    found = verdict(guarded, bad)
    assert (found["runs"], found["stopped"]) == (good, ["held", "ticker"])
    assert [(problem["file"], problem["line"]) for problem in found["refused"]] == [
        ("dags/held.py", 1),
        ("dags/ticker.py", 1),
    ]
    assert "No module named 'nothing_of_that_name'" in found["refused"][0]["text"]
    refused_at = now()

    # The schedule goes on, a trigger works, the run in the middle ends, all with the last good commit.
    assert eventually("a scheduled run after the refusal", lambda: versions(guarded, "ticker", refused_at)) == {good}
    trigger(guarded, "held", "by-hand")
    gate.touch()
    for run_id in ("in-flight", "by-hand"):
        run = ended(guarded, "held", run_id)
        assert (run["state"], run["bundle_version"]) == ("success", good)
    assert guarded.api.read("importErrors")["total_entries"] == 0
    assert [guarded.api.read(f"dags/{dag_id}")["is_stale"] for dag_id in ("held", "ticker")] == [False, False]

    # Somebody is told: which commit, whose, where, what, and what to do.
    (alert,) = alerts(guarded)
    assert (alert.team, alert.owner, alert.over_at) == ("platform", AUTHOR, None)
    assert alert.line.startswith(f"commit {bad[:12]} (Break both) was refused, {good[:12]} goes on: dags/held.py:1: ")
    assert "No module named 'nothing_of_that_name', and 1 more; it would stop 2 DAGs: held, ticker" in alert.line
    assert f"git revert {bad[:12]}" in alert.fix
    assert run_dag(guarded, "platform_health")["look"]["state"] == "success"
    assert alerts(guarded)[0].told_at is not None

    mended = clone.push("Mend both", texts("three"))
    guarded.wait_for_version(mended)
    mended_at = now()
    eventually("a scheduled run of the mended commit", lambda: mended in versions(guarded, "ticker", mended_at))
    eventually("the alert is over", lambda: alerts(guarded)[0].over_at)
    assert run_dag(guarded, "platform_health")["look"]["state"] == "success"
    assert alerts(guarded)[0].over_told_at is not None


def test_a_file_that_is_gone_stays_until_the_message_says_that_it_is_meant(
    guarded: LocalPlatform, clone: Clone
) -> None:
    wake(guarded, "platform_health")
    good = clone.push("Add another", {"dags/other.py": TICKER.replace('"ticker"', '"other"')})
    guarded.wait_for_version(good)
    lost = clone.push("Tidy up", {"dags/other.py": None})
    found = verdict(guarded, lost)
    assert [problem["code"] for problem in found["refused"]] == ["vanished"]
    assert "write `Removes-DAG: other`" in found["refused"][0]["fix"]
    trigger(guarded, "other", "still-here")

    meant = clone.push("Tidy up for good\n\nRemoves-DAG: other", {"include/sql/note.sql": "SELECT 1\n"})
    assert verdict(guarded, meant)["refused"] == []
    eventually("the DAG is gone", lambda: guarded.api.read("dags/other")["is_stale"])
    eventually("the alert is over", lambda: all(row.over_at for row in alerts(guarded)))


def test_a_restart_on_a_fresh_disk_goes_on_with_what_ran(guarded: LocalPlatform, clone: Clone) -> None:
    ran = clone.head()
    bad = clone.push("Break the ticker", {"dags/ticker.py": RAISES + TICKER})
    verdict(guarded, bad)
    guarded.supervisor.down()
    shutil.rmtree(guarded.home / "bundles")
    guarded.supervisor.up(platform(guarded.layout, publish=False, without=WITHOUT))
    assert verdict(guarded, bad)["runs"] == ran
    assert guarded.api.read("importErrors")["total_entries"] == 0


def test_a_push_that_changes_no_dag_makes_no_version_and_neither_do_ten_parses(
    guarded: LocalPlatform, clone: Clone
) -> None:
    guarded.wait_for_version(clone.push("Mend the ticker", {"dags/ticker.py": TICKER}))

    def numbers() -> dict[str, int]:
        found: dict[str, int] = {}
        for version in guarded.api.items("dags/~/dagVersions", "dag_versions"):
            found[version["dag_id"]] = max(found.get(version["dag_id"], 0), version["version_number"])
        return found

    # A DAG with runs gets a new version for a change; one without is replaced in place.
    assert run_dag(guarded, "platform_health")["look"]["state"] == "success"
    before = numbers()
    assert before["platform_health"] >= 1
    guarded.wait_for_version(clone.push("Say it better", {"include/README.md": "Queries and specs.\n"}))
    guarded.wait_for_version(clone.push("Nothing", {"include/README.md": "Specs and queries.\n"}))
    health = guarded.api.read("dags/platform_health")
    for _ in range(10):
        parsed_at = guarded.api.read("dags/platform_health")["last_parsed_time"]
        guarded.api.put(f"parseDagFile/{health['file_token']}")
        eventually("a parse", lambda at=parsed_at: guarded.api.read("dags/platform_health")["last_parsed_time"] != at)
    assert numbers() == before
    secrets = Secrets.of(guarded.layout.secrets_file)
    login = {"AIRFLOW_URL": guarded.airflow_url, "AIRFLOW_USER": ADMIN, "AIRFLOW_PASSWORD": secrets.admin_password}
    command = [str(guarded.layout.bin / "drivetrain"), "dags", "versions", "--json", "--days", "1"]
    told = subprocess.run(command, env={**os.environ, **login}, capture_output=True, text=True, check=True).stdout
    counted = json.loads(told)
    assert counted["versions"].get("ticker", 0) == before["ticker"] - 1, "a DAG's first version is no change"
    assert counted["too_many"] == []


def test_airflows_own_bundle_would_have_stopped_them(tmp_path: Path) -> None:
    """Why there is a guard. Once Airflow keeps them by itself, this fails, and the guard may go."""
    bundle = {
        "name": "drivetrain",
        "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
        "kwargs": {"repo_url": str(tmp_path / "home/git/bundle.git"), "tracking_ref": "main", "refresh_interval": 2},
    }
    settings = {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle])}
    with scheduled_platform(home=tmp_path / "home", **settings) as stock:
        clone = Clone(stock, tmp_path / "clone")
        held = HELD.replace("GATE", str(tmp_path / "open"))
        stock.wait_for_version(clone.push("Add two", {"dags/ticker.py": TICKER, "dags/held.py": held}))
        wake(stock, "ticker", "held")
        trigger(stock, "held", "in-flight")
        eventually("the run is in its first task", lambda: "running" in states(stock, "held", "in-flight"))
        clone.push("Break both", {"dags/ticker.py": RAISES + TICKER, "dags/held.py": RAISES + held})
        for dag_id in ("ticker", "held"):
            eventually(f"{dag_id} is stale", lambda name=dag_id: stock.api.read(f"dags/{name}")["is_stale"])
        # The schedule is off, a trigger is refused, and of the run in the middle the second task never starts.
        answer = stock.api.post("dags/held/dagRuns", json={"dag_run_id": "by-hand", "logical_date": None})
        assert answer.status_code in (400, 404)
        stopped_at = now()
        (tmp_path / "open").touch()
        eventually("the first task ends", lambda: "running" not in states(stock, "held", "in-flight"))
        with pytest.raises(AssertionError):
            eventually("the run's end", lambda: stock.api.read("dags/held/dagRuns/in-flight")["end_date"], 10)
        assert versions(stock, "ticker", stopped_at) == set()
