"""Tells whoever has to know that pods of tasks fail, with the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from drivetrain.alerts.alert import Kind
from drivetrain.alerts.conditions import Findings
from drivetrain.alerts.notice import Notice, worst_first
from drivetrain.alerts.routes import load_routes
from drivetrain.alerts.telling import Teller
from drivetrain.errors import RetriableError
from drivetrain.kubernetes.alerts import pod_alerts
from drivetrain.state.alerts import PostgresAlerts
from hooks.airflow_api import Login
from hooks.alerts import links, senders
from hooks.pod_events import PodEventsApi
from hooks.state import StateHook
from operators.confs import refuse_unknown
from operators.failures import told_to_airflow
from operators.runs import is_dry_run

if TYPE_CHECKING:
    from airflow.sdk import Context


class PodHealthOperator(BaseOperator):
    """Read what the executor wrote of failed pods, and tell each team's channels what they don't know.

    Where the executor makes no pods there is nothing to read. An alert is over once no pod of the task failed in this
    way for the routes' `quiet_after`.

    Args:
        include: the folder with alerts/routes.yaml.
        api_conn_id: of type http, Airflow's own address.
        state_conn_id: Postgres.

    Returns (XCom): `failures`, failed pods by DAG; and see telling.Report.
    """

    ui_color = "#ffe3e0"

    def __init__(
        self,
        *,
        include: str,
        api_conn_id: str = "airflow_api",
        state_conn_id: str = StateHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.include = include
        self.api_conn_id, self.state_conn_id = api_conn_id, state_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """One round."""
        with told_to_airflow():
            refuse_unknown(context, {"dry_run"})
            routes = load_routes(Path(self.include))
            state = StateHook(self.state_conn_id)
            now = state.now()
            with PodEventsApi(Login.from_connection(self.api_conn_id)) as api:
                events = api.pod_events(now - routes.quiet)
                teams = api.teams(sorted({event.dag_id for event in events}))
            found = Findings(pod_alerts(events, teams), frozenset({Kind.POD}))
            teller = Teller(routes, senders(routes), PostgresAlerts(state.engine), links=links(routes), clock=state.now)
            failures: dict[str, int] = {}
            for event in events:
                failures[event.dag_id] = failures.get(event.dag_id, 0) + 1
            if is_dry_run(context):
                would = {
                    channel: Notice(worst_first(items), now, links(routes)).lines(100)
                    for channel, items in teller.pending(found).items()
                }
                return {"failures": failures, "would_tell": would, "dry_run": True}
            report = teller.tell(found)
        if report.unheard:
            reasons = "; ".join(f"{name}: {report.failed[name]}" for name in report.unheard)
            raise RetriableError(f"channels that can't be told, and no other one could be told so: {reasons}")
        return {"failures": failures, "alerts": report.alerts, "told": report.told, "failed": report.failed}
