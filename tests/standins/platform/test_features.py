from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from standins.platform import features
from standins.platform.layout import Layout
from standins.platform.services import platform
from standins.ports import Ports
from standins.supervisor.errors import SupervisorError
from standins.supervisor.units import Service

OWN = {"bigquery", "feature-server", "gcs", "pubsub"}


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(features, "bigquery_command", lambda *_: ("/opt/bigquery",))
    monkeypatch.setattr(features, "emulator_command", lambda port: ("/opt/pubsub", str(port)))
    monkeypatch.setattr(features, "gcs_command", lambda *_: (("/opt/gcs",), {}))
    return Layout(tmp_path / "home", Ports())


def services(layout: Layout) -> dict[str, Service]:
    return {unit.name: unit for unit in platform(layout) if isinstance(unit, Service)}


def connections(layout: Layout) -> set[str]:
    return set(json.loads(layout.connections_file.read_text()))


def test_without_it_nothing_of_it_runs_and_airflow_knows_of_no_feature_store(layout: Layout) -> None:
    found = services(layout)
    assert not OWN & set(found)
    assert "feature_store_default" not in connections(layout)
    assert "PUBSUB_EMULATOR_HOST" not in found["airflow-triggerer"].env


def test_with_it_all_parts_run_and_every_part_of_airflow_finds_them(layout: Layout) -> None:
    found = services(replace(layout, features=True))
    assert set(found) >= OWN
    assert {"feature_store_default", "google_cloud_default"} <= connections(layout)
    for name in ("api-server", "scheduler", "dag-processor", "triggerer"):
        env = found[f"airflow-{name}"].env
        assert env["PUBSUB_EMULATOR_HOST"] == "127.0.0.1:8085"
        assert env["STORAGE_EMULATOR_HOST"] == "http://127.0.0.1:4443"


def test_without_googles_sdk_all_but_files_that_arrive_runs(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: int) -> tuple[str, ...]:
        raise FileNotFoundError("the Pub/Sub emulator is not installed")

    monkeypatch.setattr(features, "emulator_command", missing)
    assert OWN & set(services(replace(layout, features=True))) == {"bigquery", "feature-server"}


def test_without_bigquerys_emulator_it_says_how_to_get_it(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: int) -> tuple[str, ...]:
        raise FileNotFoundError("python is missing: run `make venv-bigquery`")

    monkeypatch.setattr(features, "bigquery_command", missing)
    with pytest.raises(SupervisorError, match=r"a feature store needs BigQuery's emulator: .*make venv-bigquery"):
        platform(replace(layout, features=True))


def test_what_was_chosen_is_known_to_the_next_command_until_all_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIVETRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DRIVETRAIN_MONITORING", raising=False)
    chosen = Layout.from_env("features")
    assert (chosen.features, chosen.monitoring) == (True, False)
    assert not Layout.from_env().features, "nothing was started with it"
    chosen.remember()
    assert Layout.from_env() == chosen
    assert Layout.from_env("monitoring") == replace(chosen, monitoring=True), "one more does not end the other"
    monkeypatch.setenv("DRIVETRAIN_MONITORING", "1")
    assert Layout.from_env().monitoring
    monkeypatch.delenv("DRIVETRAIN_MONITORING")
    chosen.forget()
    assert Layout.from_env() == replace(chosen, features=False)
