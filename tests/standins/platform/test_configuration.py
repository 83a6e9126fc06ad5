from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from standins.platform.airflow_env import airflow_env
from standins.platform.connections import write_connections
from standins.platform.layout import Layout
from standins.platform.secrets import Secrets
from standins.platform.services import platform
from standins.ports import Ports
from standins.supervisor.units import Service


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "home", Ports())


def test_secrets_are_random_private_and_the_same_next_time(layout: Layout, tmp_path: Path) -> None:
    first = Secrets.of(layout.secrets_file)
    assert stat.S_IMODE(layout.secrets_file.stat().st_mode) == 0o600
    assert Secrets.of(layout.secrets_file) == first
    assert Secrets.of(tmp_path / "other.json").admin_password != first.admin_password


def test_a_secret_that_an_older_file_lacks_is_added_and_the_others_stay(layout: Layout) -> None:
    first = Secrets.of(layout.secrets_file)
    known = json.loads(layout.secrets_file.read_text())
    del known["jwt_secret"]
    layout.secrets_file.write_text(json.dumps(known))
    second = Secrets.of(layout.secrets_file)
    assert second.fernet_key == first.fernet_key
    assert second.jwt_secret


def test_connections_are_readable_by_their_owner_only(layout: Layout) -> None:
    write_connections(layout, Secrets.of(layout.secrets_file))
    assert stat.S_IMODE(layout.connections_file.stat().st_mode) == 0o600
    content = json.loads(layout.connections_file.read_text())
    wanted = {"snowflake_default", "google_sheets_default", "drivetrain_state", "redis_default"}
    assert wanted <= set(content)
    assert json.loads(content["snowflake_default"]["extra"])["port"] == layout.ports.snowflake


def test_no_connection_and_no_password_of_the_administrator_is_in_airflows_environment(layout: Layout) -> None:
    secrets = Secrets.of(layout.secrets_file)
    env = airflow_env(layout, secrets)
    assert not any(key.startswith("AIRFLOW_CONN") for key in env)
    assert not any(secrets.admin_password in value for value in env.values())


def test_airflow_expands_nothing_in_its_configuration(layout: Layout) -> None:
    # It would replace $NAME and ~ in values from the environment.
    assert not any(
        "$" in value or value.startswith("~") for value in airflow_env(layout, Secrets.of(layout.secrets_file)).values()
    )


def test_every_service_is_declared_with_paths_that_exist_and_secrets_that_are_not_in_its_arguments(
    layout: Layout,
) -> None:
    secrets = json.loads(Secrets.of(layout.secrets_file) and layout.secrets_file.read_text())
    services = [unit for unit in platform(layout) if isinstance(unit, Service)]
    assert {"postgres", "redis", "airflow-api-server", "airflow-scheduler"} <= {service.name for service in services}
    for service in services:
        assert Path(service.argv[0]).exists(), service.name
        assert not any(secret in argument for secret in secrets.values() for argument in service.argv), service.name


def test_what_needs_a_part_that_is_left_out_is_left_out_too(layout: Layout) -> None:
    names = {unit.name for unit in platform(layout, without=("snowflake", "postgres"))}
    assert "warehouse" not in names
    assert not any(name.startswith("airflow") for name in names)
    assert "sheets" in names
