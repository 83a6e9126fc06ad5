"""What the operators that are made of a feature view's spec have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from hooks.state import StateHook
from operators.feature_runs import FEATURE_STORE

if TYPE_CHECKING:
    from drivetrain.features.spec import FeatureSpec


class FeatureOperator(BaseOperator):
    """Something about one view.

    Args:
        spec: the view's.
        feature_store_conn_id: see hooks.feature_store.
        state_conn_id: Postgres.
    """

    def __init__(
        self,
        *,
        spec: FeatureSpec,
        feature_store_conn_id: str = FEATURE_STORE,
        state_conn_id: str = StateHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.feature_store_conn_id = feature_store_conn_id
        self.state_conn_id = state_conn_id
