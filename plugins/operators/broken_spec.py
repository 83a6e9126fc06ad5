"""A spec that can't be used, as a task that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context


class BrokenSpecOperator(BaseOperator):
    """Fail with a spec's error, so that its team sees it where its runs are and nobody else is stopped.

    Args:
        message: the error, which names file, key and fix.
        kind: "syncs" or "loads", the DAG run's parameter that may name others.
    """

    ui_color = "#f6c9c9"

    def __init__(self, *, message: str, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message = message
        self.kind = kind

    def execute(self, context: Context) -> None:
        """Say what is wrong; no retry can help."""
        wanted = context["params"].get(self.kind) or []
        if wanted and self.task_id not in wanted:
            raise AirflowSkipException(f"{self.task_id}: not among the run's {self.kind}")
        raise AirflowFailException(self.message)
