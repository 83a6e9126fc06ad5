"""Every five minutes: what is wrong with the sheet syncs, to whoever has to know."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG

from operators.deadlines import told_when_late
from operators.health_dags import health_dag
from operators.sheets_health import SheetsHealthOperator

INCLUDE = Path(__file__).parents[1] / "include"

with DAG(
    description="Tells teams of late and failing syncs, and sends the numbers to where metrics go",
    doc_md=(
        "Looks at the registry, the queue and the quota: late syncs, dead letters, drifted columns, syncs that keep "
        "failing, a queue or a quota that is full. Each channel of `include/alerts/routes.yaml` hears of an alert "
        "once, again after a while, and when it is over. What a channel could not be told waits for the next round. "
        "Trigger with `dry_run` to see what would be told."
    ),
    deadline=told_when_late(INCLUDE, timedelta(minutes=10)),
    **health_dag(
        INCLUDE,
        dag_id="sheets_health",
        cron="*/5 * * * *",
        tag="sheet-fleet",
        dry_run="Print what would be told; tell and remember nothing.",
    ),
):
    SheetsHealthOperator(
        task_id="look",
        include=str(INCLUDE),
        doc_md="Its XCom counts alerts and what was told, and names channels that failed and what could not be seen.",
    )
