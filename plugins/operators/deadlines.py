"""Deadlines of DAG runs, told on our alert channels.

Airflow calls deadlines experimental, so DAGs use this file and not Airflow's classes:
https://airflow.apache.org/docs/apache-airflow/stable/howto/deadline-alerts.html

The scheduler sees that a run is late, the triggerer runs the callback. It has no DAG bundle, and so no
include/alerts/routes.yaml: the names of the channels come with the DAG. It keeps the alert and sends nothing, since all
triggers share its one thread; the next round of a health check tells it.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference
from asgiref.sync import sync_to_async

from drivetrain.alerts.alert import PLATFORM, Alert, Kind, Severity, span
from drivetrain.alerts.entry import seen
from drivetrain.alerts.routes import load_routes
from drivetrain.errors import DrivetrainError
from drivetrain.state.alerts import PostgresAlerts
from hooks.state import StateHook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)


def told_when_late(include: Path, within: dt.timedelta, *, team: str = PLATFORM) -> DeadlineAlert:
    """For a DAG's `deadline`: its runs have to be over so long after they were queued.

    From when a run was queued, since a run that somebody triggers may have no logical date: Airflow refuses to make one
    where a deadline counts from that. Whatever is wrong with the routes stops no DAG; then nobody is told of the
    deadline but Prometheus.

    Args:
        include: the folder with alerts/routes.yaml, read while the DAG is parsed.
        within: how long a run may take, with its time in the queue.
        team: whose channels.
    """
    try:
        channels = load_routes(include).channels_of(_alert("", "", within, team))
    except DrivetrainError as error:
        log.warning("deadlines will not be told: %s", error)
        channels = ()
    arguments = {"team": team, "channels": list(channels), "within_seconds": within.total_seconds()}
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT, interval=within, callback=AsyncCallback(keep_missed, arguments)
    )


async def keep_missed(
    team: str, channels: Sequence[str], within_seconds: float, context: Mapping[str, Any] | None = None
) -> str:
    """Airflow's callback. Its arguments are in the database with each run: they stay as they are.

    Returns:
        What was kept, for Airflow's table of callbacks.

    Raises:
        UnavailableError: the state database is away. Airflow marks the callback as failed; the miss is still counted.
    """
    run = (context or {}).get("dag_run") or {}
    alert = _alert(run.get("dag_id", "unknown"), run.get("dag_run_id", ""), dt.timedelta(seconds=within_seconds), team)
    await sync_to_async(_keep)(alert, channels)
    return alert.line


def _keep(alert: Alert, channels: Sequence[str]) -> None:
    hook = StateHook()
    try:
        memory, now = PostgresAlerts(hook.engine), dt.datetime.now(dt.UTC)
        known = {entry.key: entry for entry in memory.current()}
        memory.keep([seen(known.get((alert.key, channel)), alert, channel, now) for channel in channels])
    finally:
        hook.engine.dispose()


def _alert(dag_id: str, run_id: str, within: dt.timedelta, team: str) -> Alert:
    """One a DAG: runs that are late one after the other are one trouble."""
    return Alert(
        kind=Kind.TASK,
        subject=f"{dag_id}/deadline missed",
        severity=Severity.WARNING,
        team=team,
        line=f"DAG {dag_id}: run {run_id} was not over {_told(within)} after it was queued",
        fix="see what its tasks wait for: a pool, a queue, a quota; the run goes on",
        page=f"/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}",
        runbook="platform.md#a-deadline-was-missed",
    )


def _told(within: dt.timedelta) -> str:
    return span(within) if within >= dt.timedelta(minutes=1) else f"{within.total_seconds():g} s"
