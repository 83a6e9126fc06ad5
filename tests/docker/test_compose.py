"""docker-compose.yaml, read and not started: it is the local platform, closed to the outside, with no secret in it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from standins.platform import postgres
from standins.platform.layout import Layout
from standins.platform.services import AIRFLOW_PARTS, platform
from standins.ports import Ports
from tests.docker.files import REPOSITORY, VARIABLE, compose

CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
ONCE = {"settings", "warehouse-load", "workbooks", "bundle", "migrate", "state-migrate", "demo"}
# These run only where they are asked for.
MONITORING = {"statsd", "statsd_web", "prometheus"}
FEATURES = {"bigquery", "bigquery_storage", "gcs", "pubsub", "features"}  # emulators are no images of ours
# A unit of the local platform -> its container, where the name is another.
NAMES = {"warehouse": "warehouse-load", "airflow-migrate": "migrate"}


def test_each_part_of_the_local_platform_is_a_container(services, tmp_path):
    units = [unit.name for unit in platform(Layout(tmp_path, Ports()))]
    expected = {NAMES.get(name, name.removeprefix("airflow-")) for name in units}
    assert set(services) == expected | {"settings", "demo"}


def test_airflows_parts_run_the_commands_of_the_local_platform(services):
    for part, flags in AIRFLOW_PARTS.items():
        assert services[part]["command"] == ["airflow", part, *flags]


def test_postgres_has_the_databases_and_the_options_of_the_local_platform(services, tmp_path):
    service = services["postgres"]
    script = (REPOSITORY / "k8s" / "compose" / "postgres-init.sql").read_text()
    made = {service["environment"]["POSTGRES_DB"], *re.findall(r"(?m)^CREATE DATABASE (\w+);", script)}
    assert made == set(postgres.DATABASES)
    assert service["environment"]["POSTGRES_USER"] == postgres.ROLE
    local = [one for one in postgres.server(Layout(tmp_path, Ports())) if "=" in one]
    here = {"listen_addresses", "port", "unix_socket_directories"}
    options = {f"-c{one}" for one in local if not one.startswith("-") and one.split("=")[0] not in here}
    assert set(service["command"][1:]) == options


def test_ports_are_those_of_the_local_platform_and_open_on_this_machine_alone(services):
    raw = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text())["services"]
    published = {port for service in raw.values() for port in service.get("ports", [])}
    inside = {"airflow": 8080, "postgres": 5432, "redis": 6379}
    assert published == {
        f"127.0.0.1:${{DRIVETRAIN_PORT_{name.upper()}:-{port}}}:{inside.get(name, port)}"
        for name, port in vars(Ports()).items()
        if name not in {*MONITORING, *FEATURES}
    }
    assert not [name for name, service in services.items() if service.get("network_mode") == "host"]


def test_each_container_either_has_a_health_check_or_runs_once(services):
    for name, service in services.items():
        if name in ONCE:
            assert service["restart"] == "no", name
            assert "healthcheck" not in service, name
        else:
            check = service["healthcheck"]
            assert check["test"][0] in ("CMD", "CMD-SHELL"), name
            assert {"interval", "timeout", "retries"} <= set(check), name
            assert service["restart"] == "unless-stopped", name


def test_each_waits_for_others_under_a_condition_that_they_can_meet(services):
    for name, service in services.items():
        for other, need in service.get("depends_on", {}).items():
            assert need["condition"] in CONDITIONS
            expected = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert need["condition"] == expected, f"{name} waits for {other}"


def needs(services: dict[str, Any], name: str) -> set[str]:
    direct = set(services[name].get("depends_on", {}))
    return direct.union(*(needs(services, other) for other in direct))


def test_tasks_start_only_once_there_is_all_that_they_read(services):
    first = {"settings", "migrate", "state-migrate", "bundle", "warehouse-load", "workbooks", "api-server"}
    assert needs(services, "scheduler") >= first
    for name in services:
        assert name not in needs(services, name)


def test_each_container_is_guarded(services):
    for name, service in services.items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert "privileged" not in service, name
        assert "cap_add" not in service, name
        assert not [one for one in service.get("volumes", []) if "docker.sock" in one], name


def test_what_is_mounted_from_the_working_tree_is_read_only_and_exists(services):
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source, _, *mode = volume.split(":")
            if source.startswith("."):
                assert mode == ["ro"], f"{name}: {volume}"
                assert (REPOSITORY / source).exists(), f"{name}: {volume}"


def test_each_volume_is_declared_and_used(services):
    used = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert {name for name in used if not name.startswith(".")} == set(compose()["volumes"])


def test_each_container_has_limits(services):
    for name, service in services.items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name


def test_each_image_can_be_another_and_has_a_tag_that_says_which(services):
    raw = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text())["services"]
    for name, service in raw.items():
        variable = VARIABLE.fullmatch(service["image"])
        assert variable, f"{name}: {service['image']} is no variable with a default"
        tag = variable[2].partition(":")[2]
        assert tag, name
        assert tag != "latest", name


def test_each_of_our_images_is_built_by_one_service_alone(services):
    built = [service["image"] for service in services.values() if "build" in service]
    assert sorted(built) == ["drivetrain-standins:local", "drivetrain:local"]
    assert {service["image"] for service in services.values()} - set(built) == {"postgres:18", "valkey/valkey:9"}


def test_no_secret_is_in_the_file_or_in_an_environment(services):
    for name, service in services.items():
        environment = service.get("environment", {})
        for key, value in environment.items():
            if re.search(r"(?i)password|secret|token|key|credential", key):
                assert key.endswith("_FILE"), f"{name}: {key}"
                assert str(value).startswith("/run/"), f"{name}: {key}"
    text = (REPOSITORY / "docker-compose.yaml").read_text()
    assert not re.search(r"://[^/\s:]+:[^/\s@]+@", text), "a URL with a password"


def test_the_password_of_postgres_is_all_that_its_container_gets_to_see(services):
    named = [one.split(":")[0] for one in services["postgres"]["volumes"] if not one.startswith(".")]
    assert named == ["postgres", "postgres-password"]
    mounts = {name: " ".join(service.get("volumes", [])) for name, service in services.items()}
    assert {name for name, text in mounts.items() if "postgres-password" in text} == {"postgres", "settings"}


def test_the_migration_reads_which_roles_teams_have(services):
    folder = services["migrate"]["command"][-1]
    assert f"./include:{folder}:ro" in services["migrate"]["volumes"]


def test_compose_itself_accepts_the_file(docker):
    version = docker("compose", "version", "--short")
    if version.returncode:
        pytest.skip(f"Docker's compose plugin is not installed: {version.stderr.strip().splitlines()[0]}")
    result = docker("compose", "--profile", "demo", "config", "--quiet")
    assert result.returncode == 0, result.stderr
    assert not result.stderr
