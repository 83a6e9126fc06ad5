"""Once a day: Redis forgets entities that BigQuery has no row of any more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable, Param

from drivetrain.alerts.alert import PLATFORM
from drivetrain.features.catalog import load_features
from operators.alert_notifier import AlertNotifier
from operators.feature_dags import feature_dag
from operators.feature_prune import PruneFeaturesOperator
from operators.task_pods import task_pod

INCLUDE = Path(__file__).parents[1] / "include"

with DAG(
    dag_id="features_prune",
    description="Lets Redis forget entities that BigQuery has no row of any more",
    doc_md=(
        "For each feature view whose spec has `prune`: lists the entities that Redis has its features of, asks "
        "BigQuery of which of them it has no row, and takes the features from those; with `after_ttl` also from those "
        "that are too old. More than `max_share` of them look like a source that lost its rows: none is removed, the "
        "task fails, and the view's team is told. Trigger with `dry_run` to have them counted only. See "
        "`docs/FEATURES.md`."
    ),
    schedule=CronTriggerTimetable("30 4 * * *", timezone="Asia/Kolkata"),
    **feature_dag(INCLUDE, PLATFORM, tag="features", within=timedelta(hours=2)),
    params={"dry_run": Param(False, type="boolean", title="Dry run", description="Count them; remove nothing.")},
):
    for spec in load_features(INCLUDE).specs:
        if spec.prune is not None:
            PruneFeaturesOperator(
                task_id=spec.view,
                spec=spec,
                executor_config=task_pod(INCLUDE, "heavy"),
                on_failure_callback=AlertNotifier(include=str(INCLUDE), team=spec.team),
                doc_md="Lists, asks and removes. Its XCom has how many there are, were to go, and went.",
            )
