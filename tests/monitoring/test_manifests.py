"""k8s/monitoring as a component of the production overlay, rendered, and against the code that it configures."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml

from standins.platform.layout import Layout
from standins.platform.monitoring import metrics_env
from standins.ports import Ports
from tests.k8s.manifests import kubectl
from tests.support.promql import MONITORING

if TYPE_CHECKING:
    from pathlib import Path

MODERN = "1.37"
OVERLAY = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: drivetrain
resources: [{base}]
components: [{monitoring}]
"""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What kubectl would apply: base with this component."""
    folder = tmp_path_factory.mktemp("overlay")
    base, monitoring = (_relative(MONITORING.parent / name, folder) for name in ("base", "monitoring"))
    (folder / "kustomization.yaml").write_text(OVERLAY.format(base=base, monitoring=monitoring), encoding="utf-8")
    command = [kubectl(), "kustomize", str(folder), "--load-restrictor=LoadRestrictionsNone"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [one for one in yaml.safe_load_all(text) if one]


def _relative(path: Path, folder: Path) -> str:
    return "/".join([".."] * len(folder.resolve().relative_to("/").parts)) + str(path)


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def test_every_object_is_valid_by_todays_schemas(rendered: list[dict[str, Any]]) -> None:
    for one in rendered:
        kubernetes_validate.validate(one, MODERN, strict=True)


def test_airflow_and_its_tasks_send_their_metrics_to_the_exporter(rendered: list[dict[str, Any]]) -> None:
    settings = [one["data"] for name, one in of_kind(rendered, "ConfigMap").items() if "settings" in name]
    assert len(settings) == 2
    service = of_kind(rendered, "Service")["statsd-exporter"]
    ports = {port["name"]: str(port["port"]) for port in service["spec"]["ports"]}
    for one in settings:
        assert one["AIRFLOW__METRICS__STATSD_HOST"] == service["metadata"]["name"]
        assert one["AIRFLOW__METRICS__STATSD_PORT"] == ports["statsd"]
        assert one["AIRFLOW__CORE__EXECUTOR"]  # merged, not replaced


def test_the_exporter_runs_with_nothing_that_it_does_not_need(rendered: list[dict[str, Any]]) -> None:
    spec = of_kind(rendered, "Deployment")["statsd-exporter"]["spec"]["template"]["spec"]
    [container] = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert re.fullmatch(r"[\w./-]+:v\d+\.\d+\.\d+", container["image"])
    [volume] = spec["volumes"]
    mapping = of_kind(rendered, "ConfigMap")[volume["configMap"]["name"]]["data"]["statsd-mapping.yaml"]
    assert mapping == (MONITORING / "statsd-mapping.yaml").read_text(encoding="utf-8")


def test_the_maps_hold_all_rules_and_all_dashboards(rendered: list[dict[str, Any]]) -> None:
    maps = of_kind(rendered, "ConfigMap")
    assert set(maps["prometheus-rules"]["data"]) == {file.name for file in MONITORING.glob("*-rules.yaml")}
    dashboards = {file.name for file in (MONITORING / "dashboards").glob("*.json")}
    assert set(maps["grafana-dashboards"]["data"]) == dashboards


def test_the_local_platform_has_the_same_settings_but_for_where_the_exporter_is(tmp_path: Path) -> None:
    text = (MONITORING / "airflow.env").read_text(encoding="utf-8")
    there = dict(line.split("=", 1) for line in text.splitlines())
    here = metrics_env(Layout(tmp_path, Ports(statsd=1234)))
    differ = {name for name in there if there[name] != here[name]}
    assert set(here) == set(there)
    assert differ == {"AIRFLOW__METRICS__STATSD_HOST", "AIRFLOW__METRICS__STATSD_PORT"}


def test_tags_that_would_make_a_series_of_each_run_are_not_sent() -> None:
    text = (MONITORING / "airflow.env").read_text(encoding="utf-8")
    [listed] = re.findall(r"STATSD_DISABLED_TAGS=(.*)", text)
    disabled = [re.compile(pattern) for pattern in listed.split(",")]
    # Airflow looks for each as a regular expression, anywhere in the tag's name.
    for tag in ("run_id", "dagrun_id", "job_id", "task_id", "map_index", "kwargs", "result", "file_path"):
        assert any(pattern.search(tag) for pattern in disabled), tag
    for tag in ("dag_id", "state", "pool_name", "file_name", "team", "hostname", "status"):
        assert not any(pattern.search(tag) for pattern in disabled), tag
