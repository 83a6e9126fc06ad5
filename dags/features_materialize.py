"""One DAG per feature view of include/specs/features/: BigQuery -> Redis, what is new or a range that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    AssetWatcher,
    CronTriggerTimetable,
    Param,
    get_parsing_context,
)

from drivetrain.features.catalog import PREFIX, load_features
from drivetrain.features.landing import landing_topic
from operators.feature_dags import broken_dag, feature_dag
from operators.feature_finish import WRITE, FinishFeaturesOperator
from operators.feature_land import LAND, LandFeatureFilesOperator
from operators.feature_load import LOAD, LoadFeatureRowsOperator
from operators.feature_materialize import MaterializeFeaturesOperator
from operators.feature_runs import STAGE
from operators.feature_stage import StageFeaturesOperator
from operators.task_pods import task_pod
from triggers.messages_waiting import MessagesWaitingTrigger

if TYPE_CHECKING:
    from drivetrain.features.spec import FeatureSpec

INCLUDE = Path(__file__).parents[1] / "include"
RANGE = {"type": ["null", "string"], "format": "date-time"}
DOCUMENTATION = """
Feature view **{view}**, as `feature_repo/` defines it: its rows from BigQuery into Redis.

{landing}{loading}1. `stage` finds what is new since the last run, by event time or by when it was made, {overlap}
   of it again and up to {lateness} late, makes a table of it, and asks the gates of
   `include/specs/features/{view}.yaml`.
   Rows that are not fit to be served end the run here: Redis keeps what it has.
2. `write` puts them into Redis where they are not older than what is there.
3. `finish` moves the watermark.

Trigger with `start`, and `end` if it is not now, to write a range of event times again; the watermark stays. With
`dry_run` nothing is staged or written: `stage` tells rows and price. See `docs/FEATURES.md`.
"""
LOADING = """`load` asks Snowflake first, by `include/sql/{sql}`, for what is new since it was asked last, and appends
it to the view's table. Rows that are not fit for it are left out, and too many of them refuse all.

"""
LANDING = """Whenever files arrive in `{place}`, and by the clock, `land` loads them into the view's table first; what
is not fit to be loaded is set aside, and the team is told.

"""


def build_dag(spec: FeatureSpec) -> DAG:
    """One view: stage, write, finish."""
    with DAG(
        dag_id=f"{PREFIX}{spec.view}",
        description=f"Feature view {spec.view}, BigQuery to Redis",
        doc_md=_documentation(spec),
        schedule=_schedule(spec),
        **feature_dag(INCLUDE, spec.team, tag="features", within=spec.freshness_objective),
        params={
            "start": Param(None, **RANGE, title="Start", description="Write event times from then on again, in UTC."),
            "end": Param(None, **RANGE, title="End", description="And before then; left out: now."),
            "dry_run": Param(False, type="boolean", title="Dry run", description="Tell rows and price; write nothing."),
        },
    ) as dag:
        stage = StageFeaturesOperator(
            task_id=STAGE,
            spec=spec,
            doc_md="Puts the run's rows aside and asks the gates. Its XCom has table, rows, and GiB that it scanned.",
        )
        write = MaterializeFeaturesOperator.partial(
            task_id=WRITE,
            view=spec.view,
            executor_config=task_pod(INCLUDE, "heavy"),
            doc_md="Writes one shard. Its XCom counts rows that were written, older than what is there, and rejected.",
        ).expand(shard=list(range(spec.shards)))
        finish = FinishFeaturesOperator(
            task_id="finish", view=spec.view, doc_md="Moves the watermark. Its XCom has the sums of all shards."
        )
        stage >> write >> finish
        if spec.landing is not None:
            land = LandFeatureFilesOperator(
                task_id=LAND,
                spec=spec,
                include=str(INCLUDE),
                executor_config=task_pod(INCLUDE, "heavy"),
                doc_md="Loads files that arrived. Its XCom counts files that were loaded, set aside and ignored.",
            )
            land >> stage
        if spec.load is not None:
            load = LoadFeatureRowsOperator(
                task_id=LOAD,
                spec=spec,
                include=str(INCLUDE),
                executor_config=task_pod(INCLUDE, "heavy"),
                doc_md="Loads what is new in Snowflake. Its XCom has how many rows, how many were rejected, and times.",
            )
            load >> stage
    return dag


def _schedule(spec: FeatureSpec) -> Any:
    """By the clock, and whenever a file arrives."""
    clock = CronTriggerTimetable(spec.schedule.cron, timezone=spec.schedule.timezone) if spec.schedule else None
    if spec.landing is None:
        return clock
    topic = landing_topic(spec.view)
    files = Asset(
        name=f"feature files {spec.view}",
        # Not gs://, for which Airflow would import Google's libraries while this file is parsed.
        uri=f"featurefiles://{spec.landing.bucket}/{spec.landing.prefix}",
        group="features",
        watchers=[AssetWatcher(name=f"files of {spec.view}", trigger=MessagesWaitingTrigger(topic=topic))],
    )
    return [files] if clock is None else AssetOrTimeSchedule(timetable=clock, assets=files)


def _documentation(spec: FeatureSpec) -> str:
    place = spec.landing and f"gs://{spec.landing.bucket}/{spec.landing.prefix}"
    return DOCUMENTATION.strip().format(
        view=spec.view,
        overlap=spec.overlap,
        lateness=spec.lateness,
        landing=LANDING.format(place=place, view=spec.view) if place else "",
        loading=LOADING.format(sql=spec.load.sql) if spec.load else "",
    )


_found = load_features(INCLUDE, only=get_parsing_context().dag_id)
for _spec in _found.specs:
    globals()[f"{PREFIX}{_spec.view}"] = build_dag(_spec)
for _broken in _found.broken:
    globals()[f"{PREFIX}{_broken.task_id}"] = broken_dag(INCLUDE, PREFIX, _broken)
