"""Tells the state database which feature views there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from hooks.state import StateHook
from operators.confs import refuse_unknown
from operators.failures import told_to_airflow
from operators.feature_runs import FEATURE_STORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from drivetrain.features.spec import FeatureSpec


class RegisterFeatureViewsOperator(BaseOperator):
    """Keep what the specs say, for the board of features; a view without a spec leaves it.

    Args:
        specs: of all views; those that can't be read are left as they are known.
        is_whole: whether these are all.
        feature_store_conn_id: see hooks.feature_store.
        state_conn_id: Postgres.

    Returns (XCom): how many views there are.

    Raises:
        RetriableError: Postgres is away.
    """

    ui_color = "#eef1f6"

    def __init__(
        self,
        *,
        specs: Sequence[FeatureSpec],
        is_whole: bool = True,
        feature_store_conn_id: str = FEATURE_STORE,
        state_conn_id: str = StateHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.specs, self.is_whole = specs, is_whole
        self.feature_store_conn_id = feature_store_conn_id
        self.state_conn_id = state_conn_id

    def execute(self, context: Context) -> int:
        """Keep them."""
        from hooks.feature_store import FeatureStoreHook

        store, state = FeatureStoreHook(self.feature_store_conn_id), StateHook(self.state_conn_id)
        with told_to_airflow():
            refuse_unknown(context, ())
            store.views(state).register(self.specs, state.now(), only_these=self.is_whole)
        return len(self.specs)
