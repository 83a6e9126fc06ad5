"""Prunes our own tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from drivetrain.state.maintenance import Keep, maintain
from hooks.state import StateHook
from operators.confs import refuse_unknown
from operators.failures import told_to_airflow
from operators.runs import is_dry_run

if TYPE_CHECKING:
    from airflow.sdk import Context

_PARAMS = {
    "keep_months": "months",
    "reject_days": "reject_days",
    "dead_letter_days": "dead_letter_days",
    "alert_days": "alert_days",
    "feature_run_days": "feature_run_days",
    "removed_days": "removed_days",
}


class StateMaintenanceOperator(BaseOperator):
    """Prune what the run's parameters say, see drivetrain.state.maintenance.Keep for their defaults.

    Args:
        state_conn_id: Postgres.

    Returns (XCom): how much went, see drivetrain.state.maintenance.Pruned, and `dry_run`.
    """

    ui_color = "#efe7d6"

    def __init__(self, *, state_conn_id: str = StateHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_conn_id = state_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """One round."""
        state, dry_run = StateHook(self.state_conn_id), is_dry_run(context)
        with told_to_airflow():
            refuse_unknown(context, {*_PARAMS, "dry_run"})
            params = context["params"]
            keep = Keep(**{name: int(params[param]) for param, name in _PARAMS.items() if param in params})
            pruned = asdict(maintain(state.engine, keep, state.now(), dry_run=dry_run))
        self.log.info("%s: %s", "would prune" if dry_run else "pruned", pruned)
        return pruned | {"dry_run": dry_run}
