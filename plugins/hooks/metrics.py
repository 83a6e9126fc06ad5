"""Gauges by Airflow's own client of StatsD or OpenTelemetry, whichever [metrics] configures; else nothing is sent.

https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/metrics.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.configuration import conf
from airflow.sdk.observability import stats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drivetrain.metrics.measure import Measure


def takes_tags() -> bool:
    """Whether the backend keeps tags apart. Plain StatsD drops them: the last team's value would be everybody's."""
    if conf.getboolean("metrics", "statsd_datadog_enabled", fallback=False):
        return bool(conf.getboolean("metrics", "statsd_datadog_metrics_tags", fallback=True))
    if conf.getboolean("metrics", "statsd_on", fallback=False):
        return bool(conf.getboolean("metrics", "statsd_influxdb_enabled", fallback=False))
    return True


def emit(measures: Iterable[Measure], prefix: str) -> None:
    """Send them: team and the like as tags, or at the end of the name where tags would be lost.

    Args:
        measures: gauges.
        prefix: of their names; Airflow puts its own before it.
    """
    tagged = takes_tags()
    for measure in measures:
        name = f"{prefix}.{measure.name}"
        if tagged:
            stats.gauge(name, measure.value, tags=dict(measure.tags))
        else:
            stats.gauge(".".join([name, *measure.tags.values()]), measure.value)
