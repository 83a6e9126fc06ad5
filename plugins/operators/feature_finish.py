"""Ends a feature view's run: moves its watermark, once all of its rows are written."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from drivetrain.state.features import Totals
from hooks.state import StateHook
from operators.failures import told_to_airflow
from operators.feature_runs import FEATURE_STORE, StagedRows

if TYPE_CHECKING:
    from airflow.sdk import Context

WRITE = "write"


def feature_asset(view: str) -> Asset:
    """A feature view in Redis."""
    return Asset(name=f"features {view}", uri=f"featurestore://online/{view}", group="features")


class FinishFeaturesOperator(BaseOperator):
    """Record how a run went, move the watermark, and drop the staged rows.

    Args:
        view: the feature view.
        feature_store_conn_id: see hooks.feature_store.
        state_conn_id: Postgres.

    Returns (XCom): written, stale and rejected rows of all shards.
    """

    ui_color = "#e3f0e4"

    def __init__(
        self,
        *,
        view: str,
        feature_store_conn_id: str = FEATURE_STORE,
        state_conn_id: str = StateHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("outlets", [feature_asset(view)])
        super().__init__(**kwargs)
        self.view = view
        self.feature_store_conn_id = feature_store_conn_id
        self.state_conn_id = state_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Record, move, drop."""
        # Not at the top: Google's libraries take seconds to import, which a DAG file's parse has not.
        from hooks.feature_store import FeatureStoreHook
        from hooks.feature_warehouse import FeatureWarehouseHook

        store, state = FeatureStoreHook(self.feature_store_conn_id), StateHook(self.state_conn_id)
        with told_to_airflow():
            staged = StagedRows.of(context)
            if not staged.table:
                raise AirflowSkipException("a dry run changes nothing")
            shards = context["ti"].xcom_pull(task_ids=[WRITE])  # of one name alone a single shard would be no list
            totals = Totals(
                written=sum(shard["written"] for shard in shards),
                stale=sum(shard["stale"] for shard in shards),
                rejected=sum(sum(shard["rejected"].values()) for shard in shards),
            )
            read_until = dt.datetime.fromisoformat(staged.until) if staged.until else None
            store.runs(self.view, state).written(context["run_id"], totals, now=state.now(), read_until=read_until)
            # Not before: a task that is tried again needs them. If this fails they go by themselves in some days.
            FeatureWarehouseHook(store.settings.gcp_conn_id).drop(staged.table)
        self.log.info("%s: %d written, %d older than what is there", self.view, totals.written, totals.stale)
        return {"written": totals.written, "stale": totals.stale, "rejected": totals.rejected}
