"""One DAG per training set of include/specs/training_sets/: labelled rows with the features that were known then."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import DAG, CronTriggerTimetable, Param, get_parsing_context

from drivetrain.features.catalog import TRAINING_PREFIX, load_training_sets
from operators.feature_dags import broken_dag, feature_dag
from operators.feature_training import BuildTrainingSetOperator

if TYPE_CHECKING:
    from drivetrain.features.catalog import TrainingSet

INCLUDE = Path(__file__).parents[1] / "include"
DOCUMENTATION = """
{description}

The rows of `include/sql/{sql}`, each with the features of service **{service}** that were known at its `{time}`, and no
later ones, in BigQuery's `{target}`. There are as many rows as that query gives. The table that is there stays until
the new one is whole. Trigger with `dry_run` to learn rows and price. See `docs/FEATURES.md`.
"""


def build_dag(one: TrainingSet) -> DAG:
    """One training set: one task, for one statement of BigQuery's."""
    spec = one.spec
    with DAG(
        dag_id=f"{TRAINING_PREFIX}{spec.training_set}",
        description=f"Training set {spec.training_set}, with features of their time",
        doc_md=DOCUMENTATION.strip().format(**spec.model_dump()),
        schedule=CronTriggerTimetable(spec.schedule.cron, timezone=spec.schedule.timezone) if spec.schedule else None,
        params={
            "dry_run": Param(False, type="boolean", title="Dry run", description="Tell rows and price; make no set.")
        },
        **feature_dag(INCLUDE, spec.team, tag="training-set", within=timedelta(hours=2)),
    ) as dag:
        BuildTrainingSetOperator(
            task_id="build", spec=spec, sql=one.sql, doc_md="Makes the table. Its XCom has rows, table, and GiB."
        )
    return dag


_found = load_training_sets(INCLUDE, only=get_parsing_context().dag_id)
for _one in _found.sets:
    globals()[f"{TRAINING_PREFIX}{_one.spec.training_set}"] = build_dag(_one)
for _broken in _found.broken:
    globals()[f"{TRAINING_PREFIX}{_broken.task_id}"] = broken_dag(INCLUDE, TRAINING_PREFIX, _broken)
