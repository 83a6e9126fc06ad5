"""Looks at what Airflow made of the last pushes, and tells whoever has to know."""

from __future__ import annotations

from typing import Any

from drivetrain.alerts.alert import Kind
from drivetrain.alerts.conditions import Findings
from drivetrain.dags.alerts import import_alerts, version_alerts
from drivetrain.dags.versions import METRIC_PREFIX, MOST_A_DAY, made_since, measures, midnight
from hooks.airflow_api import AirflowApi, Login
from operators.health import Basis, HealthOperator, Look


class PlatformHealthOperator(HealthOperator):
    """Find files that can't be imported and DAGs with too many versions, and tell the channels what they don't know.

    What the bundle found of a commit (hooks.guarded_bundle) is among that: it is kept there, and told here.

    Args:
        most_versions: of a DAG in a day of UTC.
        api_conn_id: of type http, Airflow's own address.

    Returns (XCom): `import_errors`, files; `versions`, new versions today by DAG; and see HealthOperator.
    """

    def __init__(self, *, most_versions: int = MOST_A_DAY, api_conn_id: str = "airflow_api", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most_versions, self.api_conn_id = most_versions, api_conn_id

    def look(self, basis: Basis) -> Look:
        """See HealthOperator."""
        today = midnight(basis.now)
        with AirflowApi(Login.from_connection(self.api_conn_id)) as api:
            errors = api.import_errors()
            versions = made_since(api.versions_since(today), today)
        alerts = (*import_alerts(errors), *version_alerts(versions, self.most_versions))
        return Look(
            Findings(alerts, frozenset({Kind.IMPORT, Kind.VERSIONS})),
            {"import_errors": sorted(errors), "versions": versions},
            measures(versions, len(errors)),
            METRIC_PREFIX,
        )
