"""One DAG per team: its syncs, Snowflake -> Google Sheets, from include/specs/sheets/."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, MultipleCronTriggerTimetable, Param

from drivetrain.sheets.catalog import TeamSyncs, load_teams
from operators.broken_spec import BrokenSpecOperator
from operators.snowflake_to_sheets import SnowflakeToSheetsOperator

INCLUDE = Path(__file__).parents[1] / "include"


def build_dag(team: TeamSyncs) -> DAG:
    """A team's syncs side by side; a run may name some of them, or only plan them."""
    with DAG(
        dag_id=f"sheets_sync_{team.team}",
        description=f"{len(team.names)} sheets of team {team.team}",
        doc_md=team.documentation,
        schedule=MultipleCronTriggerTimetable(*team.crons, timezone=team.timezone) if team.crons else None,
        catchup=False,
        max_active_runs=1,  # two runs of one sync would plan against each other
        max_active_tasks=8,
        dagrun_timeout=timedelta(hours=2),
        tags=["sheet-sync", f"team:{team.team}"],
        default_args={
            "owner": team.team,
            "retries": 2,
            "retry_delay": timedelta(seconds=30),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=10),
            "execution_timeout": timedelta(minutes=30),
        },
        params={
            "syncs": Param(
                [],
                type="array",
                items={"type": "string", "enum": team.names},
                uniqueItems=True,
                title="Syncs",
                description="Which syncs to run; none named: all of them.",
            ),
            "dry_run": Param(
                False,
                type="boolean",
                title="Dry run",
                description="Return the plan of each sync and write nothing.",
            ),
        },
        render_template_as_native_obj=False,
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
