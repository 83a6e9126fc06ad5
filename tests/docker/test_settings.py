"""Containers get the settings of `make up`: the same options, where only addresses and folders differ."""

from __future__ import annotations

import configparser
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from standins.platform.airflow_env import airflow_env
from standins.platform.connections import connections
from standins.platform.layout import Layout
from standins.platform.secrets import Secrets
from standins.ports import Ports
from tests.docker.files import REPOSITORY, Instruction, lineage

SECRETS = Secrets("admin-password", "fernet-key", "jwt-secret", "api-secret", "postgres-password", "cleanup-password")
BROWSER_PORT = 18080


@pytest.fixture
def layout(settings: ModuleType) -> Any:
    return settings.Containers()


@pytest.fixture
def options(settings: ModuleType, layout: Any) -> dict[str, str]:
    """AIRFLOW__SECTION__OPTION -> value, as containers get them."""
    sections = settings.airflow_options(layout, SECRETS, BROWSER_PORT)
    return {
        f"AIRFLOW__{section.upper()}__{option.upper()}": value
        for section, values in sections.items()
        for option, value in values.items()
    }


def test_every_option_is_that_of_the_local_platform_but_for_where_things_are(options):
    local = Layout(Path("/local"), Ports(airflow=1001, postgres=1002, redis=1003, snowflake=1004, sheets=1005))
    places = {
        str(local.connections_file): "/etc/drivetrain/connections.json",
        str(local.airflow_home): "/opt/airflow",
        str(local.home): "/var/lib/drivetrain",
        "127.0.0.1:1001": "api-server:8080",
        "127.0.0.1:1002": "postgres:5432",
    }
    expected = {name: value for name, value in airflow_env(local, SECRETS).items() if name.startswith("AIRFLOW__")}
    for here, there in places.items():
        expected = {name: value.replace(here, there) for name, value in expected.items()}
    # What a browser asks for, and what the server listens on.
    expected |= {
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{BROWSER_PORT}",
        "AIRFLOW__API__HOST": "0.0.0.0",
        "AIRFLOW__API__PORT": "8080",
    }
    assert options == expected


def test_what_is_no_option_of_airflow_is_known_to_the_compose_file(services):
    local = airflow_env(Layout(Path("/local"), Ports()), SECRETS)
    others = {name for name in local if not name.startswith("AIRFLOW__")} - {"AIRFLOW_HOME"}
    assert others <= set(services["scheduler"]["environment"])


def addresses(settings: ModuleType, layout: Any, options: dict[str, str]) -> set[tuple[str, int]]:
    named = layout.named(connections(layout, SECRETS))
    found = {(one["host"], one["port"]) for one in named.values() if "host" in one}
    extras = [json.loads(one["extra"]) for one in named.values() if "extra" in one]
    found |= {(extra["host"], extra["port"]) for extra in extras if "host" in extra}
    text = json.dumps({name: value for name, value in options.items() if name != "AIRFLOW__API__BASE_URL"})
    text += json.dumps(named)
    found |= {(host, int(port)) for host, port in re.findall(r"(?://|@)([\w.-]+):(\d+)", text)}
    assert "127.0.0.1" not in text
    assert "localhost" not in text
    return found


def test_each_address_is_a_container_that_listens_there(settings, layout, options, services):
    found = addresses(settings, layout, options)
    assert {name for name, _ in found} == {"api-server", "postgres", "redis", "snowflake", "sheets"}
    for name, port in found:
        assert [one for one in services[name]["ports"] if one.endswith(f":{port}")], f"{name} does not listen on {port}"


def mounts(service: dict[str, Any]) -> list[str]:
    return [*service.get("tmpfs", []), *(volume.split(":")[1] for volume in service.get("volumes", []))]


def test_each_folder_that_airflow_writes_to_or_reads_from_is_mounted(options, layout, services):
    text = json.dumps(options) + json.dumps(connections(layout, SECRETS))
    folders = {Path(found) for found in re.findall(r"/(?:opt/airflow|etc/drivetrain|var/lib/drivetrain)[\w./-]*", text)}
    assert len(folders) > 6
    for part in ("api-server", "scheduler", "dag-processor", "triggerer"):
        mounted = {Path(one) for one in mounts(services[part])}
        for folder in folders:
            assert mounted & {folder, *folder.parents}, f"{part}: {folder} is on the read-only root"


def test_each_volume_takes_over_a_folder_that_belongs_to_the_containers_user(services, instructions: list[Instruction]):
    owned = {
        image: {
            path
            for one in instructions
            if one.stage in lineage(instructions, image) and one.name == "RUN" and "chown" in one.text
            for path in one.text.split()
            if path.startswith("/")
        }
        for image in ("airflow", "standins")
    }
    stages = {service["image"]: service["build"]["target"] for service in services.values() if "build" in service}
    for name, service in services.items():
        if service["image"] in stages:
            for volume in service.get("volumes", []):
                source, target, *_ = volume.split(":")
                if not source.startswith("."):
                    assert target in owned[stages[service["image"]]], f"{name}: {target}"


@pytest.fixture
def written(settings: ModuleType, layout: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "SETTINGS", tmp_path)
    monkeypatch.setattr(settings, "POSTGRES_PASSWORD", tmp_path / "postgres" / "password")
    monkeypatch.setenv("DRIVETRAIN_PORT_AIRFLOW", str(BROWSER_PORT))
    settings.write(layout, Secrets.of(layout.secrets_file))
    return tmp_path


def test_only_the_owner_reads_what_is_written_and_postgres_reads_its_own_password_alone(written):
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in written.rglob("*") if file.is_file()}
    assert modes == {"airflow.cfg": 0o600, "connections.json": 0o600, "secrets.json": 0o600, "password": 0o444}


def test_a_second_start_keeps_the_secrets(settings, layout, written):
    before = {file: file.read_text() for file in written.rglob("*") if file.is_file()}
    settings.write(layout, Secrets.of(layout.secrets_file))
    assert {file: file.read_text() for file in written.rglob("*") if file.is_file()} == before


def test_the_file_says_what_the_options_say_even_with_a_percent_sign(settings, layout, written, monkeypatch):
    monkeypatch.setattr(settings, "airflow_options", lambda *_: {"logging": {"log_format": "%(asctime)s 100%"}})
    settings.write(layout, SECRETS)
    parser = configparser.ConfigParser()
    parser.read(written / "airflow.cfg")
    assert parser["logging"]["log_format"] == "%(asctime)s 100%"


@pytest.mark.slow
def test_airflow_reads_each_option_from_the_file(settings, layout, written, tmp_path):
    options = settings.airflow_options(layout, Secrets.of(layout.secrets_file), BROWSER_PORT)
    read = (
        "import json, sys; from airflow.configuration import conf; "
        "print(json.dumps({s: {o: conf.get(s, o) for o in names} for s, names in json.load(sys.stdin).items()}))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    result = subprocess.run(
        [sys.executable, "-c", read],
        input=json.dumps({section: list(values) for section, values in options.items()}),
        env={**clean, "AIRFLOW_CONFIG": str(written / "airflow.cfg"), "AIRFLOW_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=True,
    )
    assert json.loads(result.stdout.splitlines()[-1]) == options
