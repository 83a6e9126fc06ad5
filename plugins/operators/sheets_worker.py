"""One shard of the workers that run sheet syncs: drains the queue inside one task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from drivetrain.sheets.catalog import SyncFiles
from drivetrain.sheets.dispatch import KIND
from drivetrain.sheets.worker import Worker, WorkerSettings
from hooks.job_queue import job_queue
from hooks.sheets_runner import SheetsRunner
from hooks.state import StateHook
from operators.failures import told_to_airflow

if TYPE_CHECKING:
    from airflow.sdk import Context


class SheetsWorkerOperator(BaseOperator):
    """Drain the queue of sheet syncs, several workbooks at a time.

    One task does what thousands would do one sync each: a task costs seconds of start-up and a pod, a sync
    milliseconds. Any number of shards may run; each workbook is one's at a time.

    Args:
        include: the folder with specs/ and sql/.
        threads: workbooks at a time.
        budget_seconds: no workbook is begun after that.
        idle_seconds: how long to look for more once the queue is empty.
        shard: which of the shards this is, for the log.
        state_conn_id: Postgres.

    Returns (XCom): counts, see drivetrain.sheets.worker.Drained.
    """

    template_fields = ("shard",)
    ui_color = "#dff3e4"

    def __init__(
        self,
        *,
        include: str,
        threads: int = 8,
        budget_seconds: float = 600,
        idle_seconds: float = 5,
        shard: int = 0,
        state_conn_id: str = StateHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.include = include
        self.worker = WorkerSettings(threads=threads, budget_seconds=budget_seconds, idle_seconds=idle_seconds)
        self.shard = shard
        self.state_conn_id = state_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Work until the queue is empty or the time is up."""
        del context
        syncs = SyncFiles(Path(self.include))
        state = StateHook(self.state_conn_id)
        with told_to_airflow(), SheetsRunner(state_conn_id=self.state_conn_id, log=self.log.info) as run:
            worker = Worker(
                job_queue(KIND, state=state),
                state.registry,
                syncs,
                run,
                settings=self.worker,
                now=state.now,
                log=self.log.info,
            )
            drained = worker.drain().summary()
        self.log.info("shard %s: %s", self.shard, drained)
        return drained
