"""What the DAGs of health checks have in common, so that a DAG file says only what is its own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import CronTriggerTimetable, Param

from operators.alert_notifier import AlertNotifier
from operators.task_pods import TINY
from operators.urgency import FIRST

if TYPE_CHECKING:
    from pathlib import Path


def health_dag(include: Path, *, dag_id: str, cron: str, tag: str, dry_run: str) -> dict[str, Any]:
    """Arguments for the platform's DAG of one look every few minutes, in the scheduler's own processes.

    Args:
        include: the folder with alerts/routes.yaml.
        dag_id: the DAG's name.
        cron: when, in UTC. Each at minutes of its own: every check tells whatever waits to be told.
        tag: which DAGs it belongs to.
        dry_run: what a dry run does, for people.
    """
    return {
        "dag_id": dag_id,
        "schedule": CronTriggerTimetable(cron, timezone="UTC"),
        "catchup": False,
        "max_active_runs": 1,
        "dagrun_timeout": timedelta(minutes=15),
        "tags": [tag, "team:platform"],
        "default_args": {
            "owner": "platform",
            "retries": 1,
            "retry_delay": timedelta(seconds=10),
            "execution_timeout": timedelta(minutes=5),
            "executor": TINY,
            **FIRST,
            "on_failure_callback": AlertNotifier(include=str(include)),
        },
        "params": {"dry_run": Param(False, type="boolean", title="Dry run", description=dry_run)},
    }
