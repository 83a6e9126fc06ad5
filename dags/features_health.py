"""Every five minutes: feature views of which what is served is too old, to the teams whose they are."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG

from operators.deadlines import told_when_late
from operators.features_health import FeaturesHealthOperator
from operators.health_dags import health_dag

INCLUDE = Path(__file__).parents[1] / "include"

with DAG(
    description="Tells teams of feature views that are older than their objective, and sends the numbers",
    doc_md=(
        "Holds each feature view's age, the time since all that was there is in Redis, to the `freshness` of its spec. "
        "It needs no run to fail: a DAG that is paused, a file that never comes and a run that gates refuse make a "
        "view old as well. Each channel of `include/alerts/routes.yaml` hears of it once, again after a while, and "
        "when it is over. Trigger with `dry_run` to see what would be told. See `docs/FEATURES.md`."
    ),
    deadline=told_when_late(INCLUDE, timedelta(minutes=10)),
    **health_dag(
        INCLUDE,
        dag_id="features_health",
        cron="3-58/5 * * * *",
        tag="features",
        dry_run="Print what would be told; tell and remember nothing.",
    ),
):
    FeaturesHealthOperator(
        task_id="look", include=str(INCLUDE), doc_md="Its XCom counts views, alerts and what was told."
    )
