"""Every night: what is old out of Airflow's database, its logs, its pods, and hidden tabs out of workbooks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable, Param

from operators.alert_notifier import AlertNotifier
from operators.platform_cleanup import (
    FinishedPodsCleanupOperator,
    MetadataCleanupOperator,
    StagingTabsCleanupOperator,
    TaskLogsCleanupOperator,
)
from operators.task_pods import task_pod

INCLUDE = Path(__file__).parents[1] / "include"

with DAG(
    dag_id="platform_cleanup",
    description="Keeps Airflow small: old runs, logs, DAG versions, pods and leftover tabs",
    doc_md=(
        "Deletes what `include/cleanup/retention.yaml` calls old: DAG runs with all that belongs to them, the audit "
        "log and other rows, DAG versions, task logs, pods of tasks that ended, and hidden tabs that killed syncs left "
        "behind. In small transactions that nobody waits for; runs that have not ended and the newest of each DAG "
        "stay. Killed anywhere, the next run goes on. **Runs of the schedule delete; who triggers it gets a dry run, "
        "and has to turn `dry_run` off to delete.** See `docs/CLEANUP.md`."
    ),
    schedule=CronTriggerTimetable("20 2 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    tags=["cleanup", "team:platform"],
    default_args={
        "owner": "platform",
        "retries": 3,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(minutes=55),
        "executor_config": task_pod(INCLUDE, "light"),
        "on_failure_callback": AlertNotifier(include=str(INCLUDE)),
        "include": str(INCLUDE),
        "budget_minutes": 40,
    },
    params={
        "dry_run": Param(
            True,
            type="boolean",
            title="Dry run",
            description="Count what would go; delete nothing. Runs of the schedule delete whatever stands here.",
        )
    },
):
    MetadataCleanupOperator(task_id="metadata", doc_md="Its XCom counts rows by table and times transactions.")
    TaskLogsCleanupOperator(task_id="task_logs", doc_md="Its XCom counts files and bytes by team.")
    FinishedPodsCleanupOperator(task_id="finished_pods", doc_md="Its XCom counts pods; skipped where there are none.")
    StagingTabsCleanupOperator(task_id="staging_tabs", doc_md="Its XCom counts workbooks and tabs.")
