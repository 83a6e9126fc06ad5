"""Gauges by Airflow's own client, to a real UDP socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow.sdk._shared.observability.metrics.statsd_logger import SafeStatsdLogger
from airflow.sdk.observability import stats

from drivetrain.metrics.measure import Measure
from hooks.metrics import emit, takes_tags

MEASURES = [
    Measure("late", 2, {"team": "retail"}),
    Measure("late", 0, {"team": "lending"}),
    Measure("queue_age_seconds", 61.5),
]


class Client:
    """What Airflow needs of a StatsD client, which is an extra of its own."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))

    def gauge(self, stat: str, value: float, rate: float = 1, delta: bool = False) -> None:
        self._socket.send(f"airflow.{stat}:{value}|g".encode())

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def statsd() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        yield server
    stats.initialize(factory=NoStatsLogger, export_legacy_names=True)


def sent(server: socket.socket, *, tagged: bool) -> list[str]:
    client = Client(server.getsockname()[1])
    stats.initialize(
        factory=lambda: SafeStatsdLogger(client, influxdb_tags_enabled=tagged, statsd_influxdb_enabled=tagged),  # type: ignore[arg-type]
        export_legacy_names=True,
    )
    emit(MEASURES, "drivetrain.sheets")
    client.close()
    return [server.recv(1_000).decode() for _ in MEASURES]


def test_plain_statsd_gets_teams_in_the_names(statsd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    assert sent(statsd, tagged=False) == [
        "airflow.drivetrain.sheets.late.retail:2|g",
        "airflow.drivetrain.sheets.late.lending:0|g",
        "airflow.drivetrain.sheets.queue_age_seconds:61.5|g",
    ]


def test_a_backend_with_tags_gets_teams_as_tags(statsd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED", "True")
    assert sent(statsd, tagged=True) == [
        "airflow.drivetrain.sheets.late,team=retail:2|g",
        "airflow.drivetrain.sheets.late,team=lending:0|g",
        "airflow.drivetrain.sheets.queue_age_seconds:61.5|g",
    ]


def test_opentelemetry_takes_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "False")
    monkeypatch.setenv("AIRFLOW__METRICS__OTEL_ON", "True")
    assert takes_tags()


def test_where_no_metrics_are_configured_nothing_happens() -> None:
    stats.initialize(factory=NoStatsLogger, export_legacy_names=True)
    emit(MEASURES, "drivetrain.sheets")
