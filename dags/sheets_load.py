"""One DAG per team: its loads, Google Sheets -> Snowflake, from include/specs/sheet_loads/."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG

from drivetrain.sheets.load_catalog import TeamLoads, load_load_teams
from operators.broken_spec import BrokenSpecOperator
from operators.sheets_to_snowflake import SheetsToSnowflakeOperator
from operators.task_pods import task_pod
from operators.team_dags import team_dag, team_schedule

INCLUDE = Path(__file__).parents[1] / "include"


def build_dag(team: TeamLoads) -> DAG:
    """A team's loads side by side; a run may name some of them, or only plan them."""
    with DAG(
        description=f"{len(team.names)} tabs that team {team.team} edits, to Snowflake",
        **team_dag(
            team,
            kind="load",
            dry_run="Return counts and a preview of each load and write nothing.",
            schedule=team_schedule(team),
            executor_config=task_pod(INCLUDE, "light"),
        ),
    ) as dag:
        for spec in team.specs:
            SheetsToSnowflakeOperator(task_id=spec.load, spec=spec, doc_md=spec.description)
        for broken in team.broken:
            BrokenSpecOperator(task_id=broken.task_id, message=broken.message, kind="loads", doc_md=broken.message)
    return dag


for _team in load_load_teams(INCLUDE):
    globals()[f"sheets_load_{_team.team}"] = build_dag(_team)
