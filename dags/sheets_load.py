"""One DAG per team: its loads, Google Sheets -> Snowflake, from include/specs/sheet_loads/."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, MultipleCronTriggerTimetable, Param

from drivetrain.sheets.load_catalog import TeamLoads, load_load_teams
from operators.broken_spec import BrokenSpecOperator
from operators.sheets_to_snowflake import SheetsToSnowflakeOperator

INCLUDE = Path(__file__).parents[1] / "include"


def build_dag(team: TeamLoads) -> DAG:
    """A team's loads side by side; a run may name some of them, or only plan them."""
    with DAG(
        dag_id=f"sheets_load_{team.team}",
        description=f"{len(team.names)} tabs that team {team.team} edits, to Snowflake",
        doc_md=team.documentation,
        schedule=MultipleCronTriggerTimetable(*team.crons, timezone=team.timezone) if team.crons else None,
        catchup=False,
        max_active_runs=1,  # two runs of one load would only wait for each other's table
        max_active_tasks=8,
        dagrun_timeout=timedelta(hours=2),
        tags=["sheet-load", f"team:{team.team}"],
        default_args={
            "owner": team.team,
            "retries": 2,
            "retry_delay": timedelta(seconds=30),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=10),
            "execution_timeout": timedelta(minutes=30),
        },
        params={
            "loads": Param(
                [],
                type="array",
                items={"type": "string", "enum": team.names},
                uniqueItems=True,
                title="Loads",
                description="Which loads to run; none named: all of them.",
            ),
            "dry_run": Param(
                False,
                type="boolean",
                title="Dry run",
                description="Return counts and a preview of each load and write nothing.",
            ),
        },
        render_template_as_native_obj=False,
    ) as dag:
        for spec in team.specs:
            SheetsToSnowflakeOperator(task_id=spec.load, spec=spec, doc_md=spec.description)
        for broken in team.broken:
            BrokenSpecOperator(task_id=broken.task_id, message=broken.message, kind="loads", doc_md=broken.message)
    return dag


for _team in load_load_teams(INCLUDE):
    globals()[f"sheets_load_{_team.team}"] = build_dag(_team)
