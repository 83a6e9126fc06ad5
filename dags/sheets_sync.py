"""One DAG per team: its syncs, Snowflake -> Google Sheets, to plan or run by hand. sheets_dispatch runs what is due."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG

from drivetrain.sheets.catalog import TeamSyncs, load_teams
from operators.broken_spec import BrokenSpecOperator
from operators.snowflake_to_sheets import SnowflakeToSheetsOperator
from operators.task_pods import task_pod
from operators.team_dags import needed_team, team_dag

INCLUDE = Path(__file__).parents[1] / "include"


def build_dag(team: TeamSyncs) -> DAG:
    """A team's workbooks side by side; a run may name some of their syncs, or only plan them."""
    with DAG(
        description=f"{len(team.names)} sheets of team {team.team}",
        **team_dag(
            team,
            kind="sync",
            dry_run="Return the plan of each sync and write nothing.",
            executor_config=task_pod(INCLUDE, "light"),
        ),
    ) as dag:
        for workbook in team.workbooks:
            SnowflakeToSheetsOperator(
                task_id=workbook.task_id,
                task_display_name=workbook.title,
                syncs=workbook.syncs,
                doc_md=workbook.documentation,
            )
        for broken in team.broken:
            BrokenSpecOperator(task_id=broken.task_id, message=broken.message, kind="syncs", doc_md=broken.message)
    return dag


for _team in load_teams(INCLUDE, only=needed_team("sync")):
    globals()[f"sheets_sync_{_team.team}"] = build_dag(_team)
