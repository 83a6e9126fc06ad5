"""Every five minutes: pods of tasks that failed, to the teams whose tasks they were."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG

from operators.health_dags import health_dag
from operators.pod_health import PodHealthOperator

INCLUDE = Path(__file__).parents[1] / "include"

with DAG(
    description="Tells teams of tasks whose pods failed, and what to change",
    doc_md=(
        "A task that is killed with its pod can tell nobody. The executor writes why into the task's events and its "
        "note; this DAG reads that from Airflow and tells the channels of `include/alerts/routes.yaml`: out of memory, "
        "no such image, no node that takes it. Where no pods are made it finds nothing. Trigger with `dry_run` to see "
        "what would be told. See `docs/KUBERNETES_EXECUTOR.md`."
    ),
    **health_dag(
        INCLUDE,
        dag_id="pod_health",
        cron="4-59/5 * * * *",
        tag="health",
        dry_run="Return what would be told; tell and remember nothing.",
    ),
):
    PodHealthOperator(
        task_id="look",
        include=str(INCLUDE),
        doc_md="Its XCom counts failed pods of the last hour by DAG, and what was told.",
    )
