"""A real Prometheus scrapes a real run: no rule, alert or dashboard asks for what nothing sends."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from airflow._shared.observability.metrics.metrics_registry import MetricsRegistry

from standins.platform.testing import LocalPlatform
from standins.prometheus.config import PAGE
from standins.prometheus.program import PrometheusError, prometheus
from tests.e2e.conftest import run_dag, state_of
from tests.support.feature_board import fill_view, spec_of
from tests.support.promql import dashboard_queries, metric_of, rules, selectors
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(900)]

PROBE = """
import time
from datetime import timedelta
from pathlib import Path
from airflow.sdk import DAG, task
from operators.deadlines import told_when_late

with DAG("monitored", schedule=None, tags=["team:platform"], default_args={"owner": "platform"},
         deadline=told_when_late(Path(__file__).parents[1] / "include", timedelta(seconds=1))):
    @task(pool="narrow")
    def narrow(number):
        time.sleep(3)
    @task
    def fails():
        raise ValueError("on purpose")
    narrow.expand(number=[1, 2, 3, 4])
    fails()
"""
# What no run here can send: it takes Kubernetes, a broken task, or queueing that Airflow does not measure any more.
# Their names are looked for in the installed Airflow instead.
NOT_HERE = {
    "airflow_kubernetes_executor_pod_creation_status": "kubernetes_executor.pod_creation_status",
    "airflow_kubernetes_executor_pod_creation_seconds_bucket": "kubernetes_executor.pod_creation",
    "airflow_task_instances_without_heartbeats_killed": "task_instances_without_heartbeats_killed",
}
# What is made from them alone, and what our executor counts: tests/monitoring looks for these in its source.
NOT_HERE_EITHER = {
    "drivetrain:pod_creation_seconds:p99_10m",
    "airflow_drivetrain_pods_failed",
    "airflow_drivetrain_pods_api_away",
    "airflow_drivetrain_pods_lost",
    # Of the feature server, which the platform here does not run.
    "drivetrain_features_requests_total",
    "drivetrain_features_request_seconds_bucket",
    "drivetrain_features_redis_seconds_bucket",
    "drivetrain_features_entities_total",
}


class Prometheus:
    """Its HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api/ ."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def get(self, path: str, **parameters: str) -> Any:
        answer = self._client.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, f"{path} {parameters}: {answer.text}"
        return answer.json()["data"]

    def query(self, expression: str) -> list[Any]:
        data = self.get("query", query=expression)
        return [[{}, data["result"]]] if data["resultType"] == "scalar" else list(data["result"])


@pytest.fixture(scope="module")
def monitored() -> Iterator[LocalPlatform]:
    """A platform in which some DAGs have run: well and badly, mapped, and waiting for a pool of one slot."""
    try:
        prometheus()
    except PrometheusError as error:
        pytest.skip(str(error))
    with LocalPlatform(without=("snowflake", "sheets"), monitoring=True) as running:
        running.wait_for_version(running.push({"dags/monitored.py": PROBE}))
        running.api.write("POST", "pools", {"name": "narrow", "slots": 1})
        assert run_dag(running, "monitored")
        engine = state_of(running)
        fill_view(engine, spec_of("cars"), dt.datetime.now(dt.UTC))
        engine.dispose()
        for dag in ("sheets_dispatch", "sheets_health", "features_health", "platform_health"):
            assert {task["state"] for task in run_dag(running, dag).values()} == {"success"}, dag
        yield running


@pytest.fixture(scope="module")
def asked(monitored: LocalPlatform) -> Prometheus:
    """Prometheus, once it has seen twice what was sent last: of one look there is no rate."""
    server = Prometheus(monitored.layout.prometheus_url)
    looked_from = time.time()

    def seen() -> bool:
        targets = server.get("targets", state="active")["activeTargets"]
        first = server.query("min(timestamp(up)) - 15 > " + str(looked_from))
        return all(target["health"] == "up" for target in targets) and bool(first)

    eventually("every target scraped", seen, 90)
    return server


def test_every_rule_is_evaluated_without_an_error(asked: Prometheus) -> None:
    known = [rule for group in asked.get("rules")["groups"] for rule in group["rules"]]
    assert len(known) == len(rules())
    assert [(rule["name"], rule.get("lastError")) for rule in known if rule["health"] != "ok"] == []


def test_the_page_that_is_printed_shows_what_is_scraped_and_which_alerts_hold(
    monitored: LocalPlatform, asked: Prometheus
) -> None:
    page = httpx.get(f"{monitored.layout.prometheus_url}{PAGE}", trust_env=False).text
    assert page.count('<td class="up">up</td>') == 3
    holding = {alert["labels"]["alertname"] for alert in asked.get("alerts")["alerts"]}
    assert all(f"<td>{name}</td>" in page for name in holding)
    assert ("No rule holds." in page) == (not holding)


def test_every_series_that_a_rule_or_an_alert_names_was_sent_by_a_real_run(asked: Prometheus) -> None:
    wanted = {selector for rule in rules() for selector in selectors(rule["expr"])}
    missing = {selector for selector in wanted if not asked.query(selector)}
    assert {metric_of(selector) for selector in missing} <= {*NOT_HERE, *NOT_HERE_EITHER}


def test_every_query_of_every_dashboard_has_an_answer(asked: Prometheus) -> None:
    queries = dashboard_queries()
    assert len(queries) > 20
    excused = {*NOT_HERE, *NOT_HERE_EITHER}
    empty = {
        where: query
        for where, query in queries.items()
        if not asked.query(query) and not excused.intersection(map(metric_of, selectors(query)))
    }
    assert empty == {}


def test_what_only_kubernetes_or_a_breakdown_sends_is_a_metric_of_the_installed_airflow() -> None:
    assert set(NOT_HERE.values()) <= set(MetricsRegistry()._metrics)


def test_a_full_pool_and_a_failed_task_are_seen(asked: Prometheus) -> None:
    assert asked.query('max_over_time(drivetrain_tasks{pool="narrow",state=~"scheduled|queued|running"}[10m]) > 0')
    assert asked.query('max_over_time(drivetrain_task_queued_seconds{pool="narrow",quantile="0.99"}[10m])')
    assert asked.query('airflow_ti_finish{dag_id="monitored",state="failed"} == 1')
    assert asked.query('sum(airflow_ti_finish{dag_id="monitored",state="success"}) == 4')


def test_no_series_has_a_label_for_each_run(asked: Prometheus) -> None:
    labels = set(asked.get("labels"))
    assert labels >= {"dag_id", "pool_name", "team"}
    assert not labels & {"run_id", "dagrun_id", "job_id", "map_index", "kwargs", "result"}


def test_nothing_that_was_sent_was_lost_on_the_way(asked: Prometheus) -> None:
    assert asked.query("statsd_exporter_sample_errors_total") == []
    assert asked.query("statsd_exporter_events_conflict_total") == []


def test_a_missed_deadline_is_counted_and_fires_its_alert(asked: Prometheus) -> None:
    assert asked.query('airflow_deadline_alerts_deadline_missed{dag_id="monitored"} == 1')
    assert asked.query('ALERTS{alertname="DeadlineMissed",alertstate="firing",dag_id="monitored"}')


def test_alerts_that_mean_trouble_for_all_do_not_hold_on_a_platform_that_is_well(asked: Prometheus) -> None:
    # Pending ones too: most would have to hold for longer than this test takes before they fire.
    holding = {alert["metric"]["alertname"] for alert in asked.query("ALERTS")}
    assert holding <= {"DeadlineMissed", "SheetsHealthSilent"}


def test_the_numbers_are_for_whoever_knows_the_token(monitored: LocalPlatform) -> None:
    url = f"{monitored.airflow_url}/drivetrain/metrics"
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = httpx.get(url, headers=headers, trust_env=False)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
