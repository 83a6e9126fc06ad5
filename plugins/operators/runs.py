"""What the operators that move rows between Sheets and Snowflake share: which runs they are for, links, assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowSkipException

from drivetrain.errors import FatalError
from drivetrain.sheets.schedule import is_due
from operators.links import GoogleSheetLink

if TYPE_CHECKING:
    from airflow.sdk import Context

    from drivetrain.spec_types import Schedule


def why_not(context: Context, *, kind: str, name: str, schedule: Schedule | None) -> str | None:
    """Why a DAG run is not for a spec, None if it is: it names others, or a scheduled one is for other times.

    Args:
        context: the task's.
        kind: "sync" or "load"; the DAG run's parameter is its plural.
        name: the spec's.
        schedule: when it is due.

    Raises:
        FatalError: the run's conf has a key that the DAG does not know. Airflow takes any; a misspelled dry_run
            would write.
    """
    wanted = context["params"].get(f"{kind}s") or []
    dag_run = context["dag_run"]
    known = {f"{kind}s", "dry_run"}
    if unknown := sorted(set(dag_run.conf or {}) - known):
        raise FatalError(f"conf: unknown key {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    if wanted and name not in wanted:
        return f"{kind} {name}: not among the run's {kind}s"
    if not wanted and dag_run.run_type == "scheduled" and not is_due(schedule, dag_run.run_after):
        return f"{kind} {name}: not due at {dag_run.run_after}"
    return None


def skip_unless_wanted(context: Context, *, kind: str, name: str, schedule: Schedule | None) -> None:
    """Skip the task where the DAG run is not for its only spec, see why_not.

    Raises:
        AirflowSkipException: the run is not for it.
    """
    if reason := why_not(context, kind=kind, name=name, schedule=schedule):
        raise AirflowSkipException(reason)


def is_dry_run(context: Context) -> bool:
    """Whether the run only asks for the plan."""
    return bool(context["params"].get("dry_run"))


def push_sheet_link(context: Context, url: str) -> None:
    """Give the task's page its link to the tab."""
    context["ti"].xcom_push(key=GoogleSheetLink().xcom_key, value=url)


def sheet_asset(name: str, spreadsheet_id: str) -> Asset:
    """The tab of a sync or a load."""
    return Asset(name=f"sheet {name}", uri=f"googlesheets://{spreadsheet_id}/{name}", group="google-sheets")


def table_asset(connection: str, table: str) -> Asset:
    """A table, given as DATABASE.SCHEMA.TABLE, by the connection that stands for its account.

    Airflow's form of the address is snowflake://account/database/schema/table; the account itself is known to the
    connection alone, which nothing may ask for while a DAG file is parsed.
    """
    uri = f"snowflake://{connection}/" + table.lower().replace(".", "/")
    return Asset(name=f"table {table}", uri=uri, group="snowflake")
