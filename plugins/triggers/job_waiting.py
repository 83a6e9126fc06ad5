"""Wakes workers when jobs wait in the queue, wherever the queue is."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from drivetrain.errors import DrivetrainError
from hooks.job_queue import QUEUE_CONN_ID
from hooks.job_wakes import job_wakes
from hooks.state import StateHook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class JobWaitingTrigger(BaseEventTrigger):
    """An asset's watcher: an event says that jobs wait, and carries none of them.

    Nothing is asked for while a DAG file is parsed: where the queue is, the triggerer finds out. A trigger that died,
    or lost its server, looks at the queue first when it begins anew, so a job that was published meanwhile still wakes.

    Args:
        kind: of the jobs. All arguments are constants: other ones would be another trigger, and a DAG version.
        state_conn_id: Postgres.
        queue_conn_id: Pub/Sub, if there is such a connection.
        quiet_seconds: the least between two events. A worker that was woken finds all that came meanwhile.
        retry_seconds: before it begins anew where the queue's server is away.
    """

    def __init__(
        self,
        *,
        kind: str,
        state_conn_id: str = StateHook.default_conn_name,
        queue_conn_id: str = QUEUE_CONN_ID,
        quiet_seconds: float = 5.0,
        retry_seconds: float = 10.0,
    ) -> None:
        super().__init__()
        self.kind, self.state_conn_id, self.queue_conn_id = kind, state_conn_id, queue_conn_id
        self.quiet_seconds, self.retry_seconds = quiet_seconds, retry_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See BaseTrigger."""
        names = ("kind", "state_conn_id", "queue_conn_id", "quiet_seconds", "retry_seconds")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Never ends: an error is logged, and the schedule's clock does the waking meanwhile."""
        while True:
            wakes = job_wakes(self.kind, state_conn_id=self.state_conn_id, queue_conn_id=self.queue_conn_id)
            try:
                async with aclosing(wakes):
                    async for _ in wakes:
                        yield TriggerEvent({"kind": self.kind})
                        await asyncio.sleep(self.quiet_seconds)
            except DrivetrainError as error:
                self.log.warning("%s: nobody is woken by jobs, trying again in %g s", error, self.retry_seconds)
                await asyncio.sleep(self.retry_seconds)
