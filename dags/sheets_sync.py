"""One DAG per team: its syncs, Snowflake -> Google Sheets, from include/specs/sheets/."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG

from drivetrain.sheets.catalog import TeamSyncs, load_teams
from operators.broken_spec import BrokenSpecOperator
from operators.snowflake_to_sheets import SnowflakeToSheetsOperator
from operators.team_dags import team_dag

INCLUDE = Path(__file__).parents[1] / "include"


def build_dag(team: TeamSyncs) -> DAG:
    """A team's syncs side by side; a run may name some of them, or only plan them."""
    with DAG(
        description=f"{len(team.names)} sheets of team {team.team}",
        **team_dag(team, kind="sync", dry_run="Return the plan of each sync and write nothing."),
    ) as dag:
        for sync in team.syncs:
            SnowflakeToSheetsOperator(
                task_id=sync.spec.sync,
                spec=sync.spec,
                sql=sync.sql,
                doc_md=sync.spec.description,
            )
        for broken in team.broken:
            BrokenSpecOperator(task_id=broken.task_id, message=broken.message, kind="syncs", doc_md=broken.message)
    return dag


for _team in load_teams(INCLUDE):
    globals()[f"sheets_sync_{_team.team}"] = build_dag(_team)
