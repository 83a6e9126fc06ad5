"""The check by which Kubernetes restarts a part of Airflow that hangs, against a real database."""

from __future__ import annotations

import socket
import subprocess
import sys

import psycopg
import pytest
from sqlalchemy import URL

from tests.docker.files import REPOSITORY
from tests.support.postgres import database_url, running_postgres

TABLE = "CREATE TABLE job (job_type text, hostname text, state text, latest_heartbeat timestamptz)"
ROW = "INSERT INTO job VALUES (%s, %s, %s, now() - make_interval(secs => %s))"
HERE = socket.gethostname()


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> URL:
    with running_postgres(tmp_path_factory.mktemp("postgres")) as connection:
        yield database_url(connection)


@pytest.fixture
def beats(url):
    """Writes heartbeats, each of a number of seconds ago."""
    text = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(text, autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS job; {TABLE}")
        yield lambda *row: connection.execute(ROW, row)


@pytest.fixture
def check(url, tmp_path):
    def run(part: str, address: URL = url) -> tuple[int, str]:
        file = tmp_path / "url"
        file.write_text(address.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False) + "\n")
        script = str(REPOSITORY / "k8s" / "compose" / "liveness.py")
        command = [sys.executable, "-I", script, part, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr.strip()

    return run


def test_a_part_whose_heartbeat_is_recent_is_left_alone(beats, check):
    beats("TriggererJob", HERE, "running", 3600)  # of a process before this one
    beats("TriggererJob", HERE, "running", 20)
    assert check("triggerer") == (0, "")


def test_a_part_whose_loop_hangs_is_restarted_and_the_reason_is_said(beats, check):
    beats("DagProcessorJob", HERE, "running", 400)
    beats("DagProcessorJob", "another-pod", "running", 1)
    beats("TriggererJob", HERE, "running", 1)
    code, said = check("dag-processor")
    assert code == 1
    assert said.startswith("dag-processor: no heartbeat for 40")


def test_a_part_that_has_not_begun_yet_is_left_to_its_startup_probe(beats, check):
    assert check("scheduler") == (0, "")


def test_nobody_is_restarted_because_the_database_is_away(url, check):
    assert check("triggerer", url.set(port=1)) == (0, "")


def test_nobody_is_restarted_because_the_database_is_not_migrated(url, check):
    text = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(text, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS job")
    assert check("triggerer") == (0, "")
