"""Loads files that arrived for a feature view into its table, and sets aside those that are not fit for it."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from drivetrain.alerts.alert import Alert, Kind, Severity, one_line
from drivetrain.errors import DrivetrainError
from drivetrain.features.landing import landing_topic
from hooks.state import StateHook
from operators.alert_notifier import AlertNotifier
from operators.confs import refuse_unknown
from operators.failures import raise_all, told_to_airflow
from operators.feature_operator import FeatureOperator
from operators.feature_runs import PARAMS, asked_range
from operators.runs import is_dry_run

if TYPE_CHECKING:
    from airflow.sdk import Context

    from drivetrain.features.landing import LandedFile
    from drivetrain.features.spec import FeatureSpec

LAND = "land"
_PULL = 100
_WAIT_SECONDS = 1.0
_AGAIN_SECONDS = 600.0  # the longest that Pub/Sub allows: what failed in this run is for the next one
_LONGEST_SECONDS = 1_200.0


class LandFeatureFilesOperator(FeatureOperator):
    """Load what arrived, until nothing waits any more.

    A message is acknowledged when its file is in BigQuery, or set aside, and that is on record. Killed anywhere, the
    next run does again what was not: a load that BigQuery has already is not made twice.

    Args:
        spec: the view's; it has a landing.
        include: the folder with alerts/routes.yaml.
        wait_seconds: how long to wait for a message before there are none.

    Returns (XCom): how many files were loaded, set aside and ignored, with `rows` and `rejected` of those loaded.

    Raises:
        RetriableError: a file could not be fetched or loaded now; the others were.
        AirflowFailException: somebody has to change something first.
    """

    ui_color = "#f3ead3"

    def __init__(
        self,
        *,
        spec: FeatureSpec,
        include: str,
        wait_seconds: float = _WAIT_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(spec=spec, **kwargs)
        self.include = include
        self.wait_seconds = wait_seconds

    def execute(self, context: Context) -> dict[str, int]:
        """Drain the subscription."""
        # Not at the top: Arrow and Google's libraries take seconds to import, which a DAG file's parse has not.
        from hooks.feature_landing import FeatureLanding
        from hooks.feature_store import FeatureStoreHook
        from hooks.pubsub_client import PubSubClient

        counts: Counter[str] = Counter()
        errors: dict[str, DrivetrainError] = {}
        with told_to_airflow():
            refuse_unknown(context, PARAMS)
            if is_dry_run(context) or asked_range(context["params"]):
                return dict(counts)  # such a run is about rows that are there
            store = FeatureStoreHook(self.feature_store_conn_id)
            client = PubSubClient(store.settings.gcp_conn_id)
            subscription = landing_topic(self.spec.view)
            work = FeatureLanding(self.spec, store, StateHook(self.state_conn_id), self._alert)
            until = time.monotonic() + _LONGEST_SECONDS
            while time.monotonic() < until:
                received = client.pull(subscription, _PULL, wait_seconds=self.wait_seconds)
                if not received:
                    break
                # As many as there are may take longer than a message is ours.
                client.set_deadline(subscription, [each.ack_id for each in received], _AGAIN_SECONDS)
                for each in received:
                    try:
                        counts.update(work.take(each))  # += would leave zeros out
                    except DrivetrainError as error:
                        errors[each.attributes.get("objectId", each.message_id)] = error
                    else:
                        client.acknowledge(subscription, [each.ack_id])
            raise_all(errors)
        self.log.info("%s: %s", self.spec.view, dict(counts) or "nothing waits")
        return dict(counts)

    def _alert(self, file: LandedFile, place: str, reason: str) -> None:
        self.log.warning("%s: set aside as %s: %s", file.url, place, reason)
        spec = self.spec
        AlertNotifier(include=self.include, team=spec.team, state_conn_id=self.state_conn_id).tell(
            Alert(
                kind=Kind.TASK,
                subject=f"features_{spec.view}/{file.name}",
                severity=Severity.WARNING,
                team=spec.team,
                owner=spec.owner,
                line=f"feature view {spec.view}: {file.url} was set aside: {one_line(reason, 400)}",
                fix=f"mend the file and upload it again, or copy {place} to where it was",
                page=f"/dags/{quote(self.dag_id, safe='')}",
                runbook="features.md#a-file-was-set-aside",
            )
        )
