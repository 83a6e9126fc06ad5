"""Looks at what Airflow made of the last pushes, and tells whoever has to know."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from drivetrain.alerts.alert import Kind
from drivetrain.alerts.conditions import Findings
from drivetrain.alerts.notice import Notice, worst_first
from drivetrain.alerts.routes import load_routes
from drivetrain.alerts.telling import Teller
from drivetrain.dags.alerts import import_alerts, version_alerts
from drivetrain.dags.versions import METRIC_PREFIX, MOST_A_DAY, made_since, measures, midnight
from drivetrain.errors import RetriableError
from drivetrain.state.alerts import PostgresAlerts
from hooks.airflow_api import AirflowApi, Login
from hooks.alerts import links, senders
from hooks.metrics import emit
from hooks.state import StateHook
from operators.confs import refuse_unknown
from operators.failures import told_to_airflow
from operators.runs import is_dry_run

if TYPE_CHECKING:
    from airflow.sdk import Context


class PlatformHealthOperator(BaseOperator):
    """Find files that can't be imported and DAGs with too many versions, and tell the channels what they don't know.

    What the bundle found of a commit (hooks.guarded_bundle) is among that: it is kept there, and told here.

    Args:
        include: the folder with alerts/routes.yaml.
        most_versions: of a DAG in a day of UTC.
        api_conn_id: of type http, Airflow's own address.
        state_conn_id: Postgres.

    Returns (XCom): `import_errors`, files; `versions`, new versions today by DAG; and see telling.Report.
    """

    ui_color = "#ffe3e0"

    def __init__(
        self,
        *,
        include: str,
        most_versions: int = MOST_A_DAY,
        api_conn_id: str = "airflow_api",
        state_conn_id: str = StateHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.include, self.most_versions = include, most_versions
        self.api_conn_id, self.state_conn_id = api_conn_id, state_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """One round."""
        with told_to_airflow():
            refuse_unknown(context, {"dry_run"})
            routes = load_routes(Path(self.include))
            state = StateHook(self.state_conn_id)
            now = state.now()
            with AirflowApi(Login.from_connection(self.api_conn_id)) as api:
                errors = api.import_errors()
                versions = made_since(api.versions_since(midnight(now)), midnight(now))
            found = Findings(
                (*import_alerts(errors), *version_alerts(versions, self.most_versions)),
                frozenset({Kind.IMPORT, Kind.VERSIONS}),
            )
            teller = Teller(routes, senders(routes), PostgresAlerts(state.engine), links=links(routes), clock=state.now)
            seen = {"import_errors": sorted(errors), "versions": versions}
            if is_dry_run(context):
                would = {
                    channel: Notice(worst_first(items), now, links(routes)).lines(100)
                    for channel, items in teller.pending(found).items()
                }
                return {**seen, "would_tell": would, "dry_run": True}
            emit(measures(versions, len(errors)), METRIC_PREFIX)
            report = teller.tell(found)
        if report.unheard:
            reasons = "; ".join(f"{name}: {report.failed[name]}" for name in report.unheard)
            raise RetriableError(f"channels that can't be told, and no other one could be told so: {reasons}")
        return {**seen, "alerts": report.alerts, "told": report.told, "failed": report.failed}
