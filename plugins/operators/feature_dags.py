"""What the DAGs of feature views and training sets have in common, so that a DAG file says only what is its own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

from operators.alert_notifier import AlertNotifier
from operators.broken_spec import BrokenSpecOperator
from operators.deadlines import told_when_late
from operators.task_pods import task_pod

if TYPE_CHECKING:
    from pathlib import Path

    from drivetrain.teams import BrokenSpec


def feature_dag(include: Path, team: str, *, tag: str, within: timedelta) -> dict[str, Any]:
    """Arguments for a DAG: one run at a time, tried again, ended, told when it fails or is late.

    Args:
        include: the folder with alerts/ and kubernetes/.
        team: whose it is.
        tag: what it is.
        within: how long a run may take.
    """
    return {
        "catchup": False,
        "max_active_runs": 1,  # two would read from one watermark, or make one table
        "dagrun_timeout": timedelta(hours=2),
        "deadline": told_when_late(include, within, team=team),
        "tags": [tag, f"team:{team}"],
        "default_args": {
            "owner": team,
            "retries": 3,
            "retry_delay": timedelta(seconds=30),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=10),
            "execution_timeout": timedelta(minutes=60),
            "executor_config": task_pod(include, "light"),
            "on_failure_callback": AlertNotifier(include=str(include), team=team),
        },
    }


def broken_dag(include: Path, prefix: str, broken: BrokenSpec) -> DAG:
    """For a spec that can't be used: its DAG says why, and stops no other."""
    with DAG(
        dag_id=f"{prefix}{broken.task_id}",
        description="A spec that can't be used",
        doc_md=broken.message,
        schedule=None,
        **feature_dag(include, broken.team, tag="features", within=timedelta(hours=1)),
    ) as dag:
        BrokenSpecOperator(task_id="stage", message=broken.message, kind="views", doc_md=broken.message)
    return dag
