"""Every five minutes: what is wrong with the sheet syncs, to whoever has to know."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable, Param

from operators.alert_notifier import AlertNotifier
from operators.deadlines import told_when_late
from operators.sheets_health import SheetsHealthOperator
from operators.task_pods import TINY

INCLUDE = Path(__file__).parents[1] / "include"

with DAG(
    dag_id="sheets_health",
    description="Tells teams of late and failing syncs, and sends the numbers to where metrics go",
    doc_md=(
        "Looks at the registry, the queue and the quota: late syncs, dead letters, drifted columns, syncs that keep "
        "failing, a queue or a quota that is full. Each channel of `include/alerts/routes.yaml` hears of an alert "
        "once, again after a while, and when it is over. What a channel could not be told waits for the next round. "
        "Trigger with `dry_run` to see what would be told."
    ),
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=15),
    deadline=told_when_late(INCLUDE, timedelta(minutes=10)),
    tags=["sheet-fleet", "team:platform"],
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
            False, type="boolean", title="Dry run", description="Print what would be told; tell and remember nothing."
        )
    },
):
    SheetsHealthOperator(
        task_id="look",
        include=str(INCLUDE),
        doc_md="Its XCom counts alerts and what was told, and names channels that failed and what could not be seen.",
    )
