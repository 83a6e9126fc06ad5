from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from standins.platform import monitoring
from standins.platform.layout import Layout
from standins.platform.secrets import Secrets
from standins.platform.services import platform
from standins.ports import Ports
from standins.supervisor.units import Service


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(monitoring, "prometheus", lambda: Path("/opt/prometheus"))
    return Layout(tmp_path / "home", Ports())


def services(layout: Layout) -> dict[str, Service]:
    return {unit.name: unit for unit in platform(layout) if isinstance(unit, Service)}


def test_without_it_nothing_of_it_runs_and_airflow_sends_nothing(layout: Layout) -> None:
    found = services(layout)
    assert not {"statsd", "prometheus"} & set(found)
    assert not [name for name in found["airflow-scheduler"].env if "STATSD" in name]


def test_with_it_both_run_on_this_machine_alone_and_every_part_of_airflow_sends(layout: Layout) -> None:
    found = services(replace(layout, monitoring=True))
    assert {"statsd", "prometheus"} <= set(found)
    assert "--web.listen-address=127.0.0.1:9090" in found["prometheus"].argv
    for name in ("api-server", "scheduler", "dag-processor", "triggerer"):
        env = found[f"airflow-{name}"].env
        assert (env["AIRFLOW__METRICS__STATSD_HOST"], env["AIRFLOW__METRICS__STATSD_PORT"]) == ("127.0.0.1", "9125")


def test_the_token_is_in_a_private_file_and_in_no_command_line_or_configuration(layout: Layout) -> None:
    found = services(replace(layout, monitoring=True))
    found["prometheus"].prepare()
    folder = layout.home / "prometheus"
    secret = Secrets.of(layout.secrets_file).metrics_token
    assert (folder / "token").read_text() == secret
    assert (folder / "token").stat().st_mode & 0o077 == 0
    assert secret not in (folder / "prometheus.yml").read_text()
    for service in found.values():
        assert not [value for value in (*service.argv, *service.env.values()) if secret in value]


def test_a_changed_rule_starts_prometheus_anew_and_leaves_airflow_alone(layout: Layout, tmp_path: Path) -> None:
    before = services(replace(layout, monitoring=True))
    (tmp_path / "rules").mkdir()
    for file in monitoring.folder(layout).iterdir():
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            (tmp_path / "rules" / file.name).write_text(text.replace("> 1200", "> 1201"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monitoring, "folder", lambda _: tmp_path / "rules")
        after = services(replace(layout, monitoring=True))
    changed = {name for name in before if before[name].fingerprint() != after[name].fingerprint()}
    assert changed == {"prometheus", "statsd"}  # the exporter's file has another path here
