"""Every night: old history out of our own tables, next month's partition in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable, Param

from drivetrain.state.maintenance import Keep
from operators.alert_notifier import AlertNotifier
from operators.state_maintenance import StateMaintenanceOperator
from operators.task_pods import task_pod

INCLUDE = Path(__file__).parents[1] / "include"
KEEP = Keep()

with DAG(
    dag_id="state_maintenance",
    description="Prunes run history, rejected rows, dead letters and old alerts",
    doc_md=(
        "Drops months of run history, deletes rejected rows, dead letters, feature runs and alerts that are over, each "
        "after the time that its parameter says, and makes the next month's partition. Trigger with `dry_run` to see "
        "how much would go. Killed anywhere, the next run goes on."
    ),
    schedule=CronTriggerTimetable("40 1 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    tags=["state", "team:platform"],
    default_args={
        "owner": "platform",
        "retries": 3,
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(minutes=30),
        "executor_config": task_pod(INCLUDE, "light"),
        "on_failure_callback": AlertNotifier(include=str(INCLUDE)),
    },
    params={
        "keep_months": Param(
            KEEP.months, type="integer", minimum=1, maximum=120, description="Whole months of run history to keep."
        ),
        "reject_days": Param(
            KEEP.reject_days, type="integer", minimum=1, maximum=3650, description="Days to keep rejected rows."
        ),
        "dead_letter_days": Param(
            KEEP.dead_letter_days, type="integer", minimum=1, maximum=3650, description="Days to keep dead letters."
        ),
        "alert_days": Param(
            KEEP.alert_days, type="integer", minimum=1, maximum=3650, description="Days to keep alerts that are over."
        ),
        "feature_run_days": Param(
            KEEP.feature_run_days,
            type="integer",
            minimum=8,
            maximum=3650,
            description="Days to keep how runs, files and audits of feature views went.",
        ),
        "removed_days": Param(
            KEEP.removed_days,
            type="integer",
            minimum=1,
            maximum=3650,
            description="Days to remember the tabs of syncs that git has no more.",
        ),
        "dry_run": Param(False, type="boolean", title="Dry run", description="Count what would go; change nothing."),
    },
):
    StateMaintenanceOperator(
        task_id="prune",
        doc_md="Its XCom counts months, rejects, dead letters, alerts, feature runs, files, audits and memories.",
    )
