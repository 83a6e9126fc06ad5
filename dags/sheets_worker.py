"""Drains the queue of sheet syncs: woken by jobs that wait, whoever published them, and by a clock as a backstop."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable

from drivetrain.sheets.dispatch import KIND
from operators.alert_notifier import AlertNotifier
from operators.deadlines import told_when_late
from operators.sheets_dispatch import JOBS
from operators.sheets_worker import SheetsWorkerOperator
from operators.task_pods import task_pod
from operators.urgency import FIRST
from triggers.job_waiting import JobWaitingTrigger

INCLUDE = Path(__file__).parents[1] / "include"
SHARDS = 2

# Jobs come from anywhere, so the queue itself is watched for them.
WATCHED_JOBS = Asset(
    name=JOBS.name,
    uri=JOBS.uri,
    group=JOBS.group,
    watchers=[AssetWatcher(name="jobs waiting", trigger=JobWaitingTrigger(kind=KIND))],
)

with DAG(
    dag_id="sheets_worker",
    description="Runs the sheet syncs that wait in the queue",
    doc_md=(
        "Each shard takes one workbook after the other, with all jobs that wait for it, and runs them together. "
        "An event only wakes: what there is to do is in the queue, which is drained until it is empty. A shard that "
        "dies loses nothing: its workbooks are leased again. Two never write one workbook at the same time."
    ),
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
        assets=WATCHED_JOBS,
    ),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    deadline=told_when_late(INCLUDE, timedelta(minutes=20)),
    tags=["sheet-fleet", "team:platform"],
    default_args={
        "owner": "platform",
        "retries": 1,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=20),
        **FIRST,
        "executor_config": task_pod(INCLUDE, "heavy"),
        "on_failure_callback": AlertNotifier(include=str(INCLUDE)),
    },
):
    SheetsWorkerOperator.partial(
        task_id="drain",
        include=str(INCLUDE),
        doc_md="Drains the queue for up to ten minutes. Its XCom counts workbooks, jobs by their ends, and API calls.",
    ).expand(shard=list(range(SHARDS)))
