"""The platform itself: Airflow, Postgres, Redis and the git bundle, started for real."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from standins.platform import runs
from standins.platform.testing import LocalPlatform
from standins.platform.versions import ImportFailedError
from standins.supervisor import processes

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

PROBE = """
from airflow.sdk import DAG, task

with DAG("probe", schedule=None, tags=["sheet-sync"]):

    @task
    def look() -> dict:
        import redis, requests
        from airflow.sdk import Connection
        from airflow.plugins_manager import integrate_macros_plugins

        integrate_macros_plugins()
        extra = Connection.get("google_sheets_default").extra_dejson
        return {"rows": ROWS, "redis": redis.__file__, "requests": requests.__file__, "sheets": extra["api_root"]}

    look()
"""


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    with LocalPlatform(without=("snowflake", "sheets")) as platform:
        yield platform
    left = [process.pid for process in processes.table() if _mentions(process.pid, str(platform.home))]
    assert left == []
    assert not platform.home.exists()


def _mentions(pid: int, home: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return home.encode() in environment


def _run(platform: LocalPlatform, probe: str) -> runs.Snapshot:
    sha = platform.push({"dags/probe.py": probe})
    platform.wait_for_version(sha)
    run_id = runs.trigger(platform.api, ["probe"])
    end = runs.follow(platform.api, ["probe"], run_id, lambda _: None)
    assert platform.api.read(f"dags/probe/dagRuns/{run_id}")["bundle_version"] == sha
    return end


def test_a_pushed_dag_runs_in_its_version_with_connections_and_with_libraries_that_are_the_libraries(
    platform: LocalPlatform,
) -> None:
    [row] = _run(platform, PROBE.replace("ROWS", "1")).rows
    assert row.state == "success"
    assert row.summary["rows"] == 1
    assert row.summary["sheets"] == platform.sheets_url
    assert "site-packages" in row.summary["redis"]
    assert "site-packages" in row.summary["requests"]


def test_a_second_push_is_what_runs_next(platform: LocalPlatform) -> None:
    [row] = _run(platform, PROBE.replace("ROWS", "2")).rows
    assert row.summary["rows"] == 2


def test_a_push_that_changes_an_include_alone_arrives_soon_as_well(platform: LocalPlatform) -> None:
    probe = PROBE.replace("ROWS", "2")
    sha = platform.push({"dags/probe.py": probe, "include/note.txt": "changed"})
    platform.wait_for_version(sha, timeout_seconds=20)  # by itself Airflow would take half a minute


def test_a_failed_task_tells_its_error_line(platform: LocalPlatform) -> None:
    end = _run(platform, PROBE.replace("ROWS", "1 / 0"))
    assert end.failed_dags == ["probe"]
    assert runs.error_line(platform.api, end.failed[0]) == "ZeroDivisionError: division by zero"


def test_a_dag_that_cannot_be_imported_is_told_with_file_line_and_reason(platform: LocalPlatform) -> None:
    sha = platform.push({"dags/probe.py": "from airflow.sdk import DAG\nimport nothing_of_that_name\n"})
    with pytest.raises(ImportFailedError, match=r"dags/probe.py, line 2: ModuleNotFoundError: .*nothing_of_that_name"):
        platform.wait_for_version(sha)


def test_everything_listens_on_this_machine_only(platform: LocalPlatform) -> None:
    listing = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    ours = {
        process.pid
        for record in platform.supervisor.state.all()
        for process in processes.family(record.pid, record.start_ticks, record.marker)
    }
    addresses = [line.split()[3] for line in listing if any(f"pid={pid}," in line for pid in ours)]
    assert len(addresses) == 3
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_no_file_holds_the_administrators_password_but_the_one_that_is_private(platform: LocalPlatform) -> None:
    password = (platform.home / "secrets.json").read_text().split('"admin_password": "')[1].split('"')[0]
    holders = [
        file
        for file in platform.home.rglob("*")
        if file.is_file() and "postgres" not in file.parts and password.encode() in file.read_bytes()
    ]
    assert holders == [platform.home / "secrets.json"]
