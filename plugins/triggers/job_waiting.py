"""Wakes workers when jobs wait in the queue, wherever the queue is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hooks.job_queue import QUEUE_CONN_ID
from hooks.job_wakes import job_wakes
from hooks.state import StateHook
from triggers.waking import WakingTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class JobWaitingTrigger(WakingTrigger):
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
        super().__init__(quiet_seconds=quiet_seconds, retry_seconds=retry_seconds)
        self.kind, self.state_conn_id, self.queue_conn_id = kind, state_conn_id, queue_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See BaseTrigger."""
        names = ("kind", "state_conn_id", "queue_conn_id", "quiet_seconds", "retry_seconds")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    def wakes(self) -> AsyncGenerator[None, None]:
        """See WakingTrigger."""
        return job_wakes(self.kind, state_conn_id=self.state_conn_id, queue_conn_id=self.queue_conn_id)

    def payload(self) -> dict[str, Any]:
        """See WakingTrigger."""
        return {"kind": self.kind}
