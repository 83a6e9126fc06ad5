"""Rules of the platform: by Prometheus' own tool, and against what is sent and what is written."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml
from airflow._shared.observability.metrics.metrics_registry import MetricsRegistry

from drivetrain.dags.alerts import emitted
from drivetrain.dags.versions import measures as versions
from drivetrain.metrics.platform import PREFIX, TEXTS
from services.feature_server.metrics import Metrics
from standins.statsd.lines import Event, Kind, escaped
from standins.statsd.mapping import MappingFile, named
from tests.support.promql import MONITORING, dashboard_queries, metric_of, rules, selectors

PROMTOOL = shutil.which("promtool")
ROOT = MONITORING.parents[1]
ALERTS = [rule for rule in rules() if "alert" in rule]
SENT_BY_SCRAPING = {"up", "statsd_exporter_udp_packets_total"}
PARTS = ("", "_bucket", "_sum", "_count")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian's package prometheus) is not installed")
@pytest.mark.parametrize("command", [("check", "platform-rules.yaml"), ("test", "platform-rules-test.yaml")], ids=str)
def test_promtool_agrees(command: tuple[str, str]) -> None:
    verb, file = command
    done = subprocess.run(
        [str(PROMTOOL), verb, "rules", file], cwd=MONITORING, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_of_the_platform_fires_in_its_test() -> None:
    alerts = {rule["alert"] for group in loaded("platform-rules.yaml")["groups"][1:] for rule in group["rules"]}
    tested = loaded("platform-rules-test.yaml")["tests"]
    samples = [one["labels"] for test in tested for case in test["promql_expr_test"] for one in case["exp_samples"]]
    assert {name for labels in samples for name in re.findall(r'alertname="(\w+)"', labels)} == alerts


def test_every_alert_says_how_bad_it_is_whose_it_is_what_and_what_to_do() -> None:
    for alert in ALERTS:
        assert alert["labels"]["severity"] in ("warning", "critical"), alert["alert"]
        assert "team" in alert["labels"] or "by (team)" in alert["expr"], alert["alert"]
        assert set(alert["annotations"]) == {"summary", "description", "runbook"}, alert["alert"]


def test_every_runbook_that_is_named_has_its_section_and_every_section_of_the_platforms_is_named() -> None:
    named_ones = {alert["annotations"]["runbook"] for alert in ALERTS}
    code = (ROOT / "plugins" / "operators" / "deadlines.py").read_text(encoding="utf-8")
    told = {f"docs/runbooks/{name}" for name in re.findall(r'"(platform\.md#[\w-]+)"', code)}
    assert told
    files = ("platform.md", "pods.md", "sheets.md", "features.md")
    there = {f"docs/runbooks/{file}#{one}" for file in files for one in sections(file)} | {"docs/runbooks/pods.md"}
    assert named_ones | told <= there
    assert {name for name in there if "platform.md" in name} <= named_ones


def test_every_metric_that_a_rule_or_a_dashboard_names_has_a_sender() -> None:
    expressions = [*(rule["expr"] for rule in rules()), *dashboard_queries().values()]
    used = {metric_of(selector) for expression in expressions for selector in selectors(expression)}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    ours = {f"airflow_drivetrain_{measure.name}" for measure in (*versions({}, 0), *emitted([]))} | of_pods()
    scraped = {f"{PREFIX}_{name}" for name in TEXTS} | of_the_feature_server()
    left = used - recorded - ours - scraped - SENT_BY_SCRAPING - sent_by_airflow()
    # tests/monitoring/test_rules.py looks after these.
    theirs = ("airflow_drivetrain_sheets_", "airflow_drivetrain_features_")
    assert {name for name in left if not name.startswith(theirs)} == set()


def test_every_recorded_series_is_used() -> None:
    expressions = [*(rule["expr"] for rule in ALERTS), *dashboard_queries().values()]
    used = {metric_of(selector) for expression in expressions for selector in selectors(expression)}
    assert {rule["record"] for rule in rules() if "record" in rule} <= used


def test_selectors_are_found_in_all_that_we_write() -> None:
    expression = 'sum by (a, b) (rate(x_total{job="y",le!~"1|2"}[5m] offset 1h)) / on (a) (z > 1e9) unless absent(up)'
    assert selectors(expression) == ["up", 'x_total{job="y",le!~"1|2"}', "z"]


def loaded(file: str) -> dict[str, list[dict[str, list[dict[str, str]]]]]:
    content: dict[str, list[dict[str, list[dict[str, str]]]]] = yaml.safe_load((MONITORING / file).read_text("utf-8"))
    return content


def sections(file: str) -> set[str]:
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "runbooks" / file).read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def of_pods() -> set[str]:
    """What the executor counts: names that stand in its source."""
    mappings = MappingFile.load(MONITORING / "statsd-mapping.yaml")
    source = (ROOT / "plugins" / "hooks" / "pod_executor.py").read_text(encoding="utf-8")
    names = [
        re.sub(r"\{.*?\}", "kind", name) for name in re.findall(r'Stats\.incr\(f?"(drivetrain\.pods[^"]+)"', source)
    ]
    found = {name: mappings.find(Event(f"airflow.{name}", Kind.COUNTER, 1)) for name in names}
    return {named(*rule)[0] if rule else escaped(f"airflow.{name}") for name, rule in found.items()}


def of_the_feature_server() -> set[str]:
    """What its page of metrics has."""
    found = set[str]()
    for metric in Metrics().registry.collect():
        found |= {metric.name + part for part in (PARTS if metric.type == "histogram" else ("_total",))}
    return found


def sent_by_airflow() -> set[str]:
    """What the exporter makes of the names that the installed Airflow lists."""
    mappings = MappingFile.load(MONITORING / "statsd-mapping.yaml")
    kinds = {"counter": Kind.COUNTER, "gauge": Kind.GAUGE, "timer": Kind.OBSERVER}
    found = set[str]()
    for name, metric in MetricsRegistry()._metrics.items():
        event = Event(f"airflow.{name}", kinds[metric["type"]], 0)
        rule = mappings.find(event)
        base = named(*rule)[0] if rule else escaped(event.name)
        found |= {base + part for part in (PARTS if event.kind is Kind.OBSERVER else ("",))}
    return found
