"""Grafana's dashboards, as grafanalib makes them: `make dashboards` writes the JSON files beside this one.

Every query has an answer in tests/e2e/test_monitoring.py, from a real run.
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path

from grafanalib._gen import write_dashboard
from grafanalib.core import Dashboard, GridPos, Stat, Target, Template, Templating, Threshold, TimeSeries

HERE = Path(__file__).parent
SOURCE = "${source}"
WIDTH, COLUMNS = 24, 3


@dataclass(frozen=True)
class Query:
    """A line, or several, and how they are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """A number, where is_number, else lines over time.

    Attributes:
        unit: Grafana's name for it, such as s, bytes, short, percentunit.
    """

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    text: str = ""
    is_number: bool = False


def _one(title: str, expr: str, unit: str = "short", text: str = "") -> Panel:
    return Panel(title, (Query(expr),), unit, text, is_number=True)


def _lines(title: str, *queries: tuple[str, str], unit: str = "short", text: str = "") -> Panel:
    return Panel(title, tuple(Query(*query) for query in queries), unit, text)


_REQUESTS = "sum by (le) (rate(drivetrain_features_request_seconds_bucket[5m]))"
PLATFORM = (
    _one("Scheduler heartbeat", 'max(drivetrain_heartbeat_age_seconds{component="scheduler"})', "s"),
    _one("DAG processor heartbeat", 'max(drivetrain_heartbeat_age_seconds{component="dag_processor"})', "s"),
    _one("Triggerer heartbeat", 'max(drivetrain_heartbeat_age_seconds{component="triggerer"})', "s"),
    _one("Bundle refreshed", "max(drivetrain_bundle_refresh_age_seconds)", "s"),
    _one("Import errors", "max(airflow_dag_processing_import_errors)"),
    _one("Database", "max(drivetrain_database_bytes)", "bytes"),
    _lines(
        "Scheduler loop",
        ("drivetrain:scheduler_loop_seconds:p99_5m", "p99 of a round"),
        (
            "histogram_quantile(0.99, sum by (le) "
            "(rate(airflow_scheduler_critical_section_duration_seconds_bucket[5m])))",
            "p99 of its critical section",
        ),
        unit="s",
        text="Everything starts late by as much as a round takes.",
    ),
    _lines(
        "Heartbeats a minute",
        ("sum(rate(airflow_scheduler_heartbeat[5m])) * 60", "scheduler"),
        ("sum(rate(airflow_dag_processor_heartbeat[5m])) * 60", "DAG processor"),
        ("sum(rate(airflow_triggerer_heartbeat[5m])) * 60", "triggerer"),
    ),
    _lines(
        "Parsing",
        ("max(drivetrain:dag_parse_seconds:p99_15m)", "p99 of the slowest file"),
        ("max(airflow_dag_processing_total_parse_time)", "a round over all files"),
        unit="s",
    ),
    _lines("Longest without a parse", ("max(drivetrain_oldest_parse_age_seconds)", "oldest DAG"), unit="s"),
    _lines(
        "DAG versions today",
        ("max(airflow_drivetrain_dag_versions_today)", "all DAGs"),
        ("max(airflow_drivetrain_dag_versions_today_most)", "the DAG with the most"),
    ),
    _lines(
        "Triggerer",
        ("sum(airflow_triggers_running)", "triggers that run"),
        ("min(airflow_triggerer_capacity_left)", "room for more"),
    ),
    _lines("Largest tables", ("max by (table) (drivetrain_table_bytes)", "{{table}}"), unit="bytes"),
    _lines("Their rows", ("max by (table) (drivetrain_table_rows)", "{{table}}")),
    _lines("Packets to the exporter", ("sum(rate(statsd_exporter_udp_packets_total[5m]))", "packets a second")),
)
TASKS = (
    _one("Running", 'sum(drivetrain_tasks{state="running"})'),
    _one("Queued", 'sum(drivetrain_tasks{state="queued"})'),
    _one("Wait for a slot", 'sum(drivetrain_tasks{state="scheduled"})'),
    _one("Queued the longest", 'max(drivetrain_oldest_waiting_seconds{state="queued"})', "s"),
    _one("Without heartbeat", "max(drivetrain_silent_tasks)"),
    _one("Failed in the last hour", "drivetrain:task_failures:ratio_1h", "percentunit"),
    _lines(
        "From queued to running, by pool",
        ('max by (pool) (drivetrain_task_queued_seconds{quantile="0.5"})', "{{pool}} p50"),
        ('max by (pool) (drivetrain_task_queued_seconds{quantile="0.99"})', "{{pool}} p99"),
        unit="s",
        text="With KubernetesExecutor this holds the pod's start.",
    ),
    _lines(
        "From scheduled to queued",
        ("drivetrain:task_scheduled_seconds:p99_15m", "p99"),
        unit="s",
        text="The wait for a slot of a pool, a DAG, or the executor.",
    ),
    _lines("Tasks by state", ("sum by (state) (drivetrain_tasks)", "{{state}}")),
    _lines(
        "Pools: slots that are open",
        ("min by (pool_name) (airflow_pool_open_slots)", "{{pool_name}}"),
    ),
    _lines(
        "Pools: tasks that wait",
        ("max by (pool_name) (airflow_pool_scheduled_slots)", "{{pool_name}}"),
        ("max by (pool_name) (airflow_pool_queued_slots)", "{{pool_name}} queued"),
    ),
    _lines(
        "Executor",
        ("sum(airflow_executor_running_tasks)", "runs"),
        ("sum(airflow_executor_queued_tasks)", "is queued"),
        ("sum(airflow_executor_open_slots)", "slots that are open"),
        ("drivetrain:executor_lost_slots", "slots that are lost"),
    ),
    _lines("Ends of tasks", ("sum by (state) (rate(airflow_ti_finish[5m])) * 60", "{{state}}"), text="A minute."),
    _lines(
        "Longest DAGs",
        (
            "topk(10, sum by (dag_id) (rate(airflow_dagrun_duration_seconds_sum[1h])) "
            "/ sum by (dag_id) (rate(airflow_dagrun_duration_seconds_count[1h])))",
            "{{dag_id}}",
        ),
        unit="s",
    ),
    _lines(
        "Deadlines missed",
        ("sum by (dag_id) (increase(airflow_deadline_alerts_deadline_missed[1h]))", "{{dag_id}}"),
    ),
    _lines(
        "Pods",
        ("drivetrain:pod_creation_seconds:p99_10m", "p99 of creating one, s"),
        (
            "sum by (status) (increase(airflow_kubernetes_executor_pod_creation_status[10m]))",
            "answered {{status}} in ten minutes",
        ),
        text="Of KubernetesExecutor.",
    ),
    _lines(
        "Pods that fail",
        ("sum by (kind) (increase(airflow_drivetrain_pods_failed[1h]))", "{{kind}}"),
        ("sum(increase(airflow_drivetrain_pods_lost[1h]))", "slots given back"),
        text="In an hour.",
    ),
)
SHEETS = (
    _one("Syncs", "sum(airflow_drivetrain_sheets_syncs)"),
    _one("Late", "sum(airflow_drivetrain_sheets_late)"),
    _one("Failing", "sum(airflow_drivetrain_sheets_failing)"),
    _one("Paused", "sum(airflow_drivetrain_sheets_paused)"),
    _one("Given up", "sum(airflow_drivetrain_sheets_dead_letters)"),
    _one("Looked at", "time() - max(airflow_drivetrain_sheets_checked_at)", "s"),
    _lines("Late, by team", ("sum by (team) (airflow_drivetrain_sheets_late)", "{{team}}")),
    _lines("Runs of the last hour", ("sum by (outcome) (airflow_drivetrain_sheets_runs_last_hour)", "{{outcome}}")),
    _lines("Jobs in the queue", ("max by (state) (airflow_drivetrain_sheets_queue_depth)", "{{state}}")),
    _lines("The oldest ready job waits", ("max(airflow_drivetrain_sheets_queue_age_seconds)", "waits"), unit="s"),
    _lines(
        "Quota of the busiest",
        ("max by (kind, scope) (airflow_drivetrain_sheets_quota_share)", "{{kind}} {{scope}}"),
        unit="percentunit",
    ),
)
FEATURES = (
    _one("Feature views", "sum(airflow_drivetrain_features_views)"),
    _one("Too old", "sum(airflow_drivetrain_features_stale)"),
    _one("Looked at", "time() - max(airflow_drivetrain_features_checked_at)", "s"),
    _lines("Too old, by team", ("sum by (team) (airflow_drivetrain_features_stale)", "{{team}}")),
    _lines(
        "Age of the oldest view",
        ("max by (team) (airflow_drivetrain_features_age_share)", "{{team}}"),
        unit="percentunit",
        text="As a share of its freshness objective.",
    ),
    _lines("Requests a second", ("sum by (status) (rate(drivetrain_features_requests_total[5m]))", "{{status}}")),
    _lines(
        "A request takes",
        (f"histogram_quantile(0.5, {_REQUESTS})", "half of them less than"),
        (f"histogram_quantile(0.99, {_REQUESTS})", "99 of 100 less than"),
        unit="s",
        text="Of the feature server, from a request's arrival to its answer.",
    ),
    _lines(
        "Redis takes",
        (
            "histogram_quantile(0.99, sum by (le) (rate(drivetrain_features_redis_seconds_bucket[5m])))",
            "99 of 100 less",
        ),
        unit="s",
    ),
    _lines("Entities a second", ("sum(rate(drivetrain_features_entities_total[5m]))", "asked for")),
)
DASHBOARDS = {
    "platform": ("Drivetrain: platform", PLATFORM),
    "tasks": ("Drivetrain: tasks", TASKS),
    "sheets": ("Drivetrain: sheet syncs", SHEETS),
    "features": ("Drivetrain: features", FEATURES),
}


def dashboard(name: str) -> Dashboard:
    """One of them."""
    title, panels = DASHBOARDS[name]
    numbers = [panel for panel in panels if panel.is_number]
    graphs = [panel for panel in panels if not panel.is_number]
    step, size = WIDTH // len(numbers), WIDTH // COLUMNS
    places = [(number, GridPos(4, step, index * step, 0)) for index, number in enumerate(numbers)]
    places += [
        (graph, GridPos(8, size, index % COLUMNS * size, 4 + index // COLUMNS * 8))
        for index, graph in enumerate(graphs)
    ]
    return Dashboard(
        title=title,
        uid=f"drivetrain-{name}",
        tags=["drivetrain"],
        refresh="30s",
        schemaVersion=36,
        templating=Templating([Template(name="source", label="Prometheus", type="datasource", query="prometheus")]),
        panels=[_drawn(panel, place, number) for number, (panel, place) in enumerate(places, start=1)],
    )


def _drawn(panel: Panel, place: GridPos, number: int) -> Stat | TimeSeries:
    targets = [
        Target(expr=query.expr, legendFormat=query.legend, refId=chr(ord("A") + index), datasource=SOURCE)
        for index, query in enumerate(panel.queries)
    ]
    common = {
        "title": panel.title,
        "description": panel.text or None,
        "dataSource": SOURCE,
        "targets": targets,
        "gridPos": place,
        "id": number,
    }
    if panel.is_number:
        look = {"color": {"mode": "thresholds"}, "thresholds": [Threshold("green", 0, 0.0)]}
        return Stat(**common, **look, format=panel.unit, reduceCalc="lastNotNull", noValue="-")
    return TimeSeries(**common, unit=panel.unit, fillOpacity=10, showPoints="never", tooltipMode="multi")


def text(name: str) -> str:
    """Its JSON."""
    written = io.StringIO()
    write_dashboard(dashboard(name), written)
    return written.getvalue()


def main(folder: Path = HERE) -> None:
    """Write all of them."""
    for name in DASHBOARDS:
        (folder / f"{name}.json").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
