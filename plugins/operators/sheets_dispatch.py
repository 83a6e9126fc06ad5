"""Publishes the sheet syncs that are due."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator

from drivetrain.sheets.catalog import load_teams, specs_version
from drivetrain.sheets.dispatch import KIND
from drivetrain.sheets.dispatcher import dispatch
from hooks.job_queue import job_queue
from hooks.state import StateHook
from operators.failures import told_to_airflow

if TYPE_CHECKING:
    from airflow.sdk import Context

    from drivetrain.sheets.catalog import Sync

# What the workers' DAG has watched. The dispatcher makes no event of it: a second one would start a run for nothing.
JOBS = Asset(name="sheet-sync jobs", uri="drivetrain://jobs/sheet_sync", group="jobs")


class SheetsDispatchOperator(BaseOperator):
    """Publish what is due now. Jobs that wait wake the workers, see triggers.job_waiting.

    The time is the clock's and not the run's: a run that waited for hours decides about now.

    Args:
        include: the folder with specs/ and sql/.
        state_conn_id: Postgres.

    Returns (XCom): counts, see drivetrain.sheets.dispatcher.Dispatched, and `broken`: specs that can't be used, one
    line each, in the round that first sees them.
    """

    ui_color = "#e3e9ff"

    def __init__(self, *, include: str, state_conn_id: str = StateHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.include = include
        self.state_conn_id = state_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """One round."""
        del context
        include, state = Path(self.include), StateHook(self.state_conn_id)
        broken: list[str] = []

        def specs() -> list[Sync]:
            teams = load_teams(include)
            broken.extend(spec.message for team in teams for spec in team.broken)
            return [sync for team in teams for sync in team.syncs]

        with told_to_airflow():
            queue = job_queue(KIND, state=state)
            report = dispatch(specs, specs_version(include), state.registry, queue, state.now())
        for message in broken:
            self.log.error(message)
        self.log.info("%d due, %d new, %d late", report.due, report.new, report.late)
        return report.summary() | {"broken": broken}
