"""What the DAGs of teams have in common, so that a DAG file says only what is its own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from airflow.sdk import MultipleCronTriggerTimetable, Param, get_parsing_context

if TYPE_CHECKING:
    from collections.abc import Sequence


class Team(Protocol):
    """A team's specs of one kind, as drivetrain.sheets.catalog and load_catalog give them."""

    @property
    def team(self) -> str:
        """The team."""

    @property
    def names(self) -> Sequence[str]:
        """What a run may ask for."""

    @property
    def documentation(self) -> str:
        """Markdown for the DAG's page."""


class ScheduledTeam(Team, Protocol):
    """One whose specs' times are its DAG's."""

    @property
    def crons(self) -> Sequence[str]:
        """Its schedules."""

    @property
    def timezone(self) -> str:
        """The zone that they are in."""


def needed_team(kind: str) -> str | None:
    """The team whose DAG this process needs; None: all of them.

    A task's process parses the DAG file for its own DAG alone. With thousands of specs the others' would take longer
    than the task: https://airflow.apache.org/docs/apache-airflow/stable/howto/dynamic-dag-generation.html .

    Args:
        kind: see team_dag.
    """
    dag_id = get_parsing_context().dag_id or ""
    prefix = f"sheets_{kind}_"
    return dag_id.removeprefix(prefix) if dag_id.startswith(prefix) else None


def team_schedule(team: ScheduledTeam) -> MultipleCronTriggerTimetable | None:
    """Due at the union of its specs' times; None where none has any."""
    return MultipleCronTriggerTimetable(*team.crons, timezone=team.timezone) if team.crons else None


def team_dag(
    team: Team,
    *,
    kind: str,
    dry_run: str,
    schedule: MultipleCronTriggerTimetable | None = None,
    executor_config: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Arguments for a team's DAG: one run at a time, tried again, ended.

    Args:
        team: the specs.
        kind: "sync" or "load": the DAG's name, tag and the parameter that names some of them.
        dry_run: what a dry run does, for people.
        schedule: None: it runs only when somebody asks.
        executor_config: what its tasks' pods get, see operators.task_pods.
    """
    return {
        "dag_id": f"sheets_{kind}_{team.team}",
        "doc_md": team.documentation,
        "schedule": schedule,
        "catchup": False,
        "max_active_runs": 1,  # two runs of one spec would plan against each other, or wait for each other's table
        "max_active_tasks": 8,
        "dagrun_timeout": timedelta(hours=2),
        "tags": [f"sheet-{kind}", f"team:{team.team}"],
        "default_args": {
            "owner": team.team,
            "retries": 2,
            "retry_delay": timedelta(seconds=30),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=10),
            "execution_timeout": timedelta(minutes=30),
            "executor_config": executor_config or {},
        },
        "params": {
            f"{kind}s": Param(
                [],
                type="array",
                items={"type": "string", "enum": team.names},
                uniqueItems=True,
                title=f"{kind.capitalize()}s",
                description=f"Which {kind}s to run; none named: all of them.",
            ),
            "dry_run": Param(False, type="boolean", title="Dry run", description=dry_run),
        },
        "render_template_as_native_obj": False,
    }
