"""Writes one shard of a run's staged rows into Redis."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from drivetrain.errors import FatalError, TargetMissingError
from operators.failures import told_to_airflow
from operators.feature_runs import FEATURE_STORE, STAGE, StagedRows

if TYPE_CHECKING:
    from airflow.sdk import Context

_EXAMPLES = 20


class MaterializeFeaturesOperator(BaseOperator):
    """Write those of a run's rows that are not older than what Redis has.

    Killed at any place and run again it ends the same: what is there already is written again as it is.

    Args:
        view: the feature view.
        shard: which of the run's rows; of each entity all are in one shard.
        feature_store_conn_id: see hooks.feature_store.

    Returns (XCom): read, written, stale, superseded, conflicts, and rejected rows by reason with the places of some.

    Raises:
        AirflowFailException: a column is not what the view says.
        RetriableError: BigQuery or Redis is away.
    """

    ui_color = "#d3e8d6"

    def __init__(
        self,
        *,
        view: str,
        shard: int = 0,
        feature_store_conn_id: str = FEATURE_STORE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.view = view
        self.shard = shard
        self.feature_store_conn_id = feature_store_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Read a shard, and write it."""
        # Not at the top: Arrow and Google's libraries take seconds to import, which a DAG file's parse has not.
        from drivetrain.features.materialize import materialize
        from hooks.feature_store import FeatureStoreHook
        from hooks.feature_warehouse import FeatureWarehouseHook

        store = FeatureStoreHook(self.feature_store_conn_id)
        with told_to_airflow():
            staged = StagedRows.of(context)
            if not staged.table:
                raise AirflowSkipException("a dry run writes nothing")
            view = store.view(self.view).view
            warehouse = FeatureWarehouseHook(store.settings.gcp_conn_id)
            try:
                rows = warehouse.batches(staged.table, list(dict.fromkeys(view.columns)), self.shard)
                with store.writer() as writer:
                    done = materialize(rows, view, writer.write)
            except TargetMissingError:
                raise FatalError(
                    f"{staged.table}: the run's rows are no more there, they go once they are written: clear task "
                    f"{STAGE} and what comes behind it"
                ) from None
        self.log.info(
            "%s, shard %d: %d rows: %d written, %d older than what is there, %d conflicts",
            *(self.view, self.shard, done.read, done.written, done.stale, done.conflicts),
        )
        for reason, count in done.rejected.items():
            self.log.warning("%d rejected: %s", count, reason)
        return asdict(done) | {"places": {reason: places[:_EXAMPLES] for reason, places in done.places.items()}}
