"""Tells the alert channels that a task or a DAG run failed: for `on_failure_callback`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseNotifier

from drivetrain.alerts.alert import PLATFORM, Alert, Kind, Severity, one_line
from drivetrain.alerts.entry import seen
from drivetrain.alerts.notice import Item, Notice
from drivetrain.alerts.routes import load_routes
from drivetrain.errors import DrivetrainError
from drivetrain.state.alerts import PostgresAlerts
from hooks.alerts import links, senders
from hooks.state import StateHook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from drivetrain.alerts.entry import Entry


class AlertNotifier(BaseNotifier):
    """Tell a team's channels of include/alerts/routes.yaml, once until it is repeated or over.

    sheets_health says when it did not fail again for a while, and tells what could not be delivered here. Where the
    state database is away there is no memory, and it is told each time.

    Args:
        include: the folder with alerts/routes.yaml.
        team: whose channels.
        state_conn_id: Postgres.
    """

    def __init__(self, *, include: str, team: str = PLATFORM, state_conn_id: str = StateHook.default_conn_name) -> None:
        super().__init__()
        self.include, self.team, self.state_conn_id = include, team, state_conn_id

    def notify(self, context: Context) -> None:
        """Tell that a task or a run failed."""
        self.tell(failed(context, self.team))

    def tell(self, alert: Alert) -> None:
        """Tell anything. Never raises: what is told has happened already, and the log says what went wrong here."""
        try:
            self._tell(alert)
        except Exception:  # whatever it is, the callback's own failure helps nobody
            self.log.exception("the alert could not be told")

    def _tell(self, alert: Alert) -> None:
        routes, now = load_routes(Path(self.include)), dt.datetime.now(dt.UTC)
        memory, known = self._recall()
        entries = [seen(known.get((alert.key, name)), alert, name, now) for name in routes.channels_of(alert)]
        self._remember(memory, entries)
        channels = senders(routes)
        for entry in entries:
            news = entry.news(now, routes.repeat)
            if news is None:
                continue
            try:
                channels[entry.channel].send(Notice((Item(news, entry),), now, links(routes)))
            except Exception as error:  # one that fails stops no other one
                self.log.warning("channel %s: not told: %s", entry.channel, error)
            else:
                self._remember(memory, [entry.told(news, now)])

    def _recall(self) -> tuple[PostgresAlerts | None, dict[tuple[str, str], Entry]]:
        """What was told; no memory where it can't be had: what matters is that somebody hears."""
        try:
            memory = PostgresAlerts(StateHook(self.state_conn_id).engine)
            return memory, {entry.key: entry for entry in memory.current()}
        except Exception as error:  # no connection, no database, no table
            self.log.warning("alerts without memory: %s", error)
            return None, {}

    def _remember(self, memory: PostgresAlerts | None, entries: Sequence[Entry]) -> None:
        if memory is None:
            return
        try:
            memory.keep(entries)
        except DrivetrainError as error:
            self.log.warning("alerts without memory: %s", error)


def failed(context: Context, team: str) -> Alert:
    """What a callback's context tells: of a task, or of a whole run where there is none."""
    fields: Any = context
    ti, run, dag = fields.get("ti") or fields.get("task_instance"), fields.get("dag_run"), fields.get("dag")
    dag_id = getattr(ti, "dag_id", None) or getattr(run, "dag_id", None) or getattr(dag, "dag_id", None) or "unknown"
    error = fields.get("exception") or fields.get("reason") or "no reason given"
    run_id = getattr(run, "run_id", None) or fields.get("run_id") or ""
    page = f"/dags/{quote(dag_id, safe='')}" + (f"/runs/{quote(run_id, safe='')}" if run_id else "")
    if ti is None:
        what, subject, tries = f"DAG {dag_id}", dag_id, ""
    else:
        what, subject = f"task {dag_id}.{ti.task_id}", f"{dag_id}/{ti.task_id}"
        tries = f" in try {ti.try_number}" if getattr(ti, "try_number", None) else ""
        page += f"/tasks/{quote(ti.task_id, safe='')}" if run_id else ""
    return Alert(
        kind=Kind.TASK,
        subject=subject,
        severity=Severity.CRITICAL,
        team=team,
        line=f"{what} failed{tries}: {one_line(str(error), 400)}",
        fix="read the task's log; its last error says what to change, then clear it",
        page=page,
        runbook="sheets.md#syncs-are-late-or-nothing-runs",
    )
