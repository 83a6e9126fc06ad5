"""Numbers of the clean-up for dashboards: what the last one freed, and how gently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivetrain.cleanup.tables import AGED, DAG_VERSIONS, RUN_PARTS
from drivetrain.metrics.measure import Measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivetrain.cleanup.database import DatabaseReport
    from drivetrain.cleanup.logs import Freed

PREFIX = "drivetrain.cleanup"
TABLES = tuple(part.table for part in (*RUN_PARTS, *AGED, DAG_VERSIONS))


def of_database(report: DatabaseReport, database_bytes: int) -> list[Measure]:
    """Rows of every table, zeros included: a gauge that is not sent keeps its last value in most backends."""
    return [
        *(Measure("rows", report.rows.get(table, 0), {"table": table}) for table in TABLES),
        Measure("longest_transaction_seconds", report.longest_seconds),
        Measure("skipped_batches", report.skipped),
        Measure("is_complete", int(report.is_complete)),
        Measure("archived_bytes", report.archived_bytes),
        Measure("database_bytes", database_bytes),
    ]


def of_logs(freed: Mapping[str, Freed]) -> list[Measure]:
    """By store and team."""
    measures = []
    for store, one in freed.items():
        for team in sorted({*one.files, *one.kept_bytes}):
            tags = {"store": store, "team": team}
            measures += [
                Measure("log_files", one.files[team], tags),
                Measure("log_bytes", one.bytes[team], tags),
                Measure("log_kept_bytes", one.kept_bytes[team], tags),
            ]
    return measures


def of_pods(pods: int) -> list[Measure]:
    """Pods that went."""
    return [Measure("pods", pods)]


def of_tabs(tabs: int) -> list[Measure]:
    """Staging tabs that went."""
    return [Measure("staging_tabs", tabs)]
