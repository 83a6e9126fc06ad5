"""Every minute: which sheet syncs are due, into the queue."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable

from operators.alert_notifier import AlertNotifier
from operators.deadlines import told_when_late
from operators.sheets_dispatch import SheetsDispatchOperator
from operators.task_pods import TINY
from operators.urgency import FIRST

INCLUDE = Path(__file__).parents[1] / "include"

with DAG(
    dag_id="sheets_dispatch",
    description="Decides every minute which sheet syncs are due",
    doc_md=(
        "Reads the specs, asks the registry which due times have come since it last asked, and puts one job for "
        "each into the queue. A time that passed while nothing ran is made up for as the sync's `catch_up` says. "
        "Runs are never doubled: a job's key is the sync and its due time. `sheets_worker` does the jobs."
    ),
    schedule=CronTriggerTimetable("* * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    deadline=told_when_late(INCLUDE, timedelta(minutes=3)),
    tags=["sheet-fleet", "team:platform"],
    default_args={
        "owner": "platform",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=2),
        **FIRST,
        "executor": TINY,
        "on_failure_callback": AlertNotifier(include=str(INCLUDE)),
    },
):
    SheetsDispatchOperator(
        task_id="dispatch",
        include=str(INCLUDE),
        doc_md="Publishes what is due now. Its XCom counts syncs and jobs, and names specs that can't be used.",
    )
