"""Wakes a DAG when messages wait on a topic of Pub/Sub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hooks.pubsub_wakes import PubSubWakes
from triggers.waking import WakingTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class MessagesWaitingTrigger(WakingTrigger):
    """An asset's watcher: an event says that messages wait, and carries none of them.

    Args:
        topic: of the messages; `drivetrain features landing` makes it, with what this trigger reads.
        gcp_conn_id: a connection of type google_cloud_platform.
        quiet_seconds: see WakingTrigger, as retry_seconds.
        retry_seconds: before it begins anew where Pub/Sub is away.
    """

    def __init__(
        self,
        *,
        topic: str,
        gcp_conn_id: str = "google_cloud_default",
        quiet_seconds: float = 2.0,
        retry_seconds: float = 10.0,
    ) -> None:
        super().__init__(quiet_seconds=quiet_seconds, retry_seconds=retry_seconds)
        self.topic, self.gcp_conn_id = topic, gcp_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See BaseTrigger."""
        names = ("topic", "gcp_conn_id", "quiet_seconds", "retry_seconds")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    def wakes(self) -> AsyncGenerator[None, None]:
        """See WakingTrigger."""
        return PubSubWakes(self.gcp_conn_id, topic=self.topic, poll_seconds=0.5).wakes()

    def payload(self) -> dict[str, Any]:
        """See WakingTrigger."""
        return {"topic": self.topic}
