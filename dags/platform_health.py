"""Every five minutes: refused commits, files that can't be imported, DAGs that get version after version."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG

from operators.health_dags import health_dag
from operators.platform_health import PlatformHealthOperator

INCLUDE = Path(__file__).parents[1] / "include"

with DAG(
    description="Tells of refused commits, import errors and piling versions",
    doc_md=(
        "Asks Airflow for import errors and for the versions that DAGs got today, and tells the channels of "
        "`include/alerts/routes.yaml`. What the DAG processor found of a commit that it refused is told here as well. "
        "Trigger with `dry_run` to see what would be told. See `docs/GIT.md`."
    ),
    **health_dag(
        INCLUDE,
        dag_id="platform_health",
        cron="2-57/5 * * * *",
        tag="health",
        dry_run="Return what would be told; tell and remember nothing.",
    ),
):
    PlatformHealthOperator(
        task_id="look",
        include=str(INCLUDE),
        doc_md="Its XCom names files that can't be imported, and counts the new versions of today by DAG.",
    )
