"""Every five minutes: pods of tasks that failed, to the teams whose tasks they were."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable, Param

from operators.alert_notifier import AlertNotifier
from operators.pod_health import PodHealthOperator
from operators.task_pods import TINY

INCLUDE = Path(__file__).parents[1] / "include"

with DAG(
    dag_id="pod_health",
    description="Tells teams of tasks whose pods failed, and what to change",
    doc_md=(
        "A task that is killed with its pod can tell nobody. The executor writes why into the task's events and its "
        "note; this DAG reads that from Airflow and tells the channels of `include/alerts/routes.yaml`: out of memory, "
        "no such image, no node that takes it. Where no pods are made it finds nothing. Trigger with `dry_run` to see "
        "what would be told. See `docs/KUBERNETES_EXECUTOR.md`."
    ),
    schedule=CronTriggerTimetable("4-59/5 * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=15),
    tags=["health", "team:platform"],
    default_args={
        "owner": "platform",
        "retries": 1,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=5),
        "executor": TINY,
        "on_failure_callback": AlertNotifier(include=str(INCLUDE)),
    },
    params={
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Return what would be told; tell and remember nothing."
        )
    },
):
    PodHealthOperator(
        task_id="look",
        include=str(INCLUDE),
        doc_md="Its XCom counts failed pods of the last hour by DAG, and what was told.",
    )
