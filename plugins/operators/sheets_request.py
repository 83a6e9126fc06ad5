"""Publishes syncs that somebody asks for, and tells how they ended where somebody waits for that."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from airflow.sdk import BaseOperator

from drivetrain.errors import FatalError
from drivetrain.sheets.catalog import SyncFiles
from drivetrain.sheets.dispatch import KIND
from drivetrain.sheets.registry import GOOD_OUTCOMES
from drivetrain.sheets.request import SyncRequest, jobs_of
from drivetrain.state.ends import End, ends_of
from hooks.job_queue import job_queue
from hooks.state import StateHook
from operators.failures import told_to_airflow

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

RETURN_VALUE = "return_value"
_PARAMS = ("reason", "syncs", "team", "wait")
_WAITING = End("waiting")


class WaitsFor(Protocol):
    """Makes what waits for jobs, as triggers.jobs_ended.JobsEndedTrigger does."""

    def __call__(self, *, keys: list[str], due_at: str, until: str, state_conn_id: str) -> BaseTrigger:
        """See JobsEndedTrigger."""


class SheetsRequestOperator(BaseOperator):
    """Put syncs into the queue, in the name of the team that the DAG run gives: all of them, or none.

    The run's parameters are `syncs`, `team`, `reason`, and `wait`. A task that is tried again asks for the same jobs:
    their keys are made of the sync and the run's id, and their time is the run's.

    Args:
        include: the folder with specs/ and sql/.
        waits_for: makes the trigger that waits; the DAG file gives it.
        patience_minutes: how long to wait for the ends of the jobs.
        state_conn_id: Postgres.

    Returns (XCom, also of a task that failed after it had queued them): by the name of each sync `job`, the key, and
    `outcome`: "queued" where nobody waits, "waiting" where the patience was over first; else as in a worker's records,
    with `error`, `rows`, `rows_changed` and `write_calls`.

    Raises:
        AirflowFailException: a sync can't be asked for, or ended badly, or did not end in time.
    """

    ui_color = "#e3e9ff"

    def __init__(
        self,
        *,
        include: str,
        waits_for: WaitsFor,
        patience_minutes: float = 30,
        state_conn_id: str = StateHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.include = include
        self.waits_for = waits_for
        self.patience_minutes = patience_minutes
        self.state_conn_id = state_conn_id

    def execute(self, context: Context) -> dict[str, dict[str, Any]]:
        """Check, publish, and wait if that is asked for."""
        state = StateHook(self.state_conn_id)
        with told_to_airflow():
            request = _request(context)
            jobs = jobs_of(request, SyncFiles(Path(self.include)))
            job_queue(KIND, state=state).publish(jobs)
        self.log.info("%s asked for %d syncs of %s", request.requested_by, len(jobs), request.team)
        queued = {name: {"job": request.key(name), "outcome": "queued"} for name in request.syncs}
        if context["params"]["wait"]:
            context["ti"].xcom_push(key=RETURN_VALUE, value=queued)
            until = state.now() + dt.timedelta(minutes=self.patience_minutes)
            self.defer(
                trigger=self.waits_for(
                    keys=[job.key for job in jobs],
                    due_at=request.at.isoformat(),
                    until=until.isoformat(),
                    state_conn_id=self.state_conn_id,
                ),
                method_name=self.ended.__name__,
            )
        return queued

    def ended(self, context: Context, event: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Tell how each job ended."""
        self.log.info("waited until %s", event["waited_until"])
        with told_to_airflow():
            request = _request(context)
            keys = {name: request.key(name) for name in request.syncs}
            found = ends_of(StateHook(self.state_conn_id).engine, keys.values(), request.at)
            ends = {name: found.get(key, _WAITING) for name, key in keys.items()}
            told = {name: {"job": keys[name], **vars(end)} for name, end in ends.items()}
            if bad := {name: end for name, end in ends.items() if end.outcome not in GOOD_OUTCOMES}:
                context["ti"].xcom_push(key=RETURN_VALUE, value=told)
                raise FatalError("\n".join(self._complaint(name, end) for name, end in bad.items()))
        return told

    def _complaint(self, name: str, end: End) -> str:
        if end is _WAITING:
            return f"{name}: not done after {self.patience_minutes:g} min, it stays queued: is sheets_worker awake?"
        return end.error if name in end.error else f"{name}: {end.error or end.outcome}"


def _request(context: Context) -> SyncRequest:
    """What the run asks for; the same in every try of it.

    Raises:
        FatalError: its conf has a key that the DAG does not know. Airflow takes any; a misspelled wait would not wait.
    """
    params, run = context["params"], context["dag_run"]
    if unknown := sorted(set(run.conf or {}) - set(_PARAMS)):
        raise FatalError(f"conf: unknown key {', '.join(unknown)}; known: {', '.join(_PARAMS)}")
    user = getattr(run, "triggering_user_name", None) or "somebody"
    return SyncRequest(
        syncs=params["syncs"],
        team=params["team"],
        at=run.run_after,
        request_id=context["run_id"],
        requested_by=f"{user}: {params['reason']}",
    )
