"""Tells whoever has to know that pods of tasks fail, with the remedy."""

from __future__ import annotations

from collections import Counter
from typing import Any

from drivetrain.alerts.alert import Kind
from drivetrain.alerts.conditions import Findings
from drivetrain.kubernetes.alerts import pod_alerts
from hooks.airflow_api import Login
from hooks.pod_events import PodEventsApi
from operators.health import Basis, HealthOperator, Look


class PodHealthOperator(HealthOperator):
    """Read what the executor wrote of failed pods, and tell each team's channels what they don't know.

    Where the executor makes no pods there is nothing to read. An alert is over once no pod of the task failed in this
    way for the routes' `quiet_after`.

    Args:
        api_conn_id: of type http, Airflow's own address.

    Returns (XCom): `failures`, failed pods by DAG; and see HealthOperator.
    """

    def __init__(self, *, api_conn_id: str = "airflow_api", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.api_conn_id = api_conn_id

    def look(self, basis: Basis) -> Look:
        """See HealthOperator."""
        with PodEventsApi(Login.from_connection(self.api_conn_id)) as api:
            events = api.pod_events(basis.now - basis.routes.quiet)
            teams = api.teams(sorted({event.dag_id for event in events}))
        failures = Counter(event.dag_id for event in events)
        return Look(Findings(pod_alerts(events, teams), frozenset({Kind.POD})), {"failures": dict(failures)})
