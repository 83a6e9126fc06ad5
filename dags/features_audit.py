"""Once a day: is what the feature server gives out what BigQuery has?"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable

from drivetrain.alerts.alert import PLATFORM
from drivetrain.features.catalog import load_features
from operators.alert_notifier import AlertNotifier
from operators.feature_audit import AuditFeaturesOperator
from operators.feature_dags import feature_dag
from operators.feature_register import RegisterFeatureViewsOperator

INCLUDE = Path(__file__).parents[1] / "include"

with DAG(
    dag_id="features_audit",
    description="Holds what is served of each feature view to what BigQuery has",
    doc_md=(
        "Draws some entities of each feature view, other ones each day, and compares what Redis has of them, byte by "
        "byte, with what should have been written of their latest rows up to the watermark. More that are wrong than "
        "`audit` in `include/specs/features/<view>.yaml` lets be fail the task, and the view's team is told. What was "
        "found is in `feature_audits` in the state database. See `docs/FEATURES.md`."
    ),
    schedule=CronTriggerTimetable("30 5 * * *", timezone="Asia/Kolkata"),
    **feature_dag(INCLUDE, PLATFORM, tag="features", within=timedelta(hours=2)),
):
    found = load_features(INCLUDE)
    RegisterFeatureViewsOperator(
        task_id="register",
        specs=found.specs,
        is_whole=not found.broken,
        doc_md="Tells the board which views there are. Its XCom has how many.",
    )
    for spec in found.specs:
        AuditFeaturesOperator(
            task_id=spec.view,
            spec=spec,
            on_failure_callback=AlertNotifier(include=str(INCLUDE), team=spec.team),
            doc_md="Draws, looks and compares. Its XCom counts entities that are missing, older, newer or different.",
        )
