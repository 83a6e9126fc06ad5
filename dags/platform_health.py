"""Every five minutes: refused commits, files that can't be imported, DAGs that get version after version."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable, Param

from operators.alert_notifier import AlertNotifier
from operators.platform_health import PlatformHealthOperator
from operators.task_pods import TINY

INCLUDE = Path(__file__).parents[1] / "include"

with DAG(
    dag_id="platform_health",
    description="Tells of refused commits, import errors and piling versions",
    doc_md=(
        "Asks Airflow for import errors and for the versions that DAGs got today, and tells the channels of "
        "`include/alerts/routes.yaml`. What the DAG processor found of a commit that it refused is told here as well. "
        "Trigger with `dry_run` to see what would be told. See `docs/GIT.md`."
    ),
    # Between the rounds of sheets_health, which tells as well whatever waits to be told.
    schedule=CronTriggerTimetable("2-57/5 * * * *", timezone="UTC"),
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
    PlatformHealthOperator(
        task_id="look",
        include=str(INCLUDE),
        doc_md="Its XCom names files that can't be imported, and counts the new versions of today by DAG.",
    )
