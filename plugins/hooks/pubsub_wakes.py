"""Tells when jobs wait in Pub/Sub, by a subscription that takes none of them away.

Each subscription of a topic gets every message. So the workers' own is left alone, and this one's messages only say
that it is time to look: what is acknowledged here is a word about a job, never the job.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from drivetrain.errors import UnavailableError
from drivetrain.jobs.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence

    from drivetrain.jobs.clock import Clock
    from hooks.pubsub_client import PubSubClient

# Longer than anybody takes to hand a wake-up over. What is not acknowledged, comes again after it.
ACK_DEADLINE_SECONDS = 30
_KEEP_DAYS = 1  # an old word wakes nobody to anything: the clock has done it long since
_MOST = 1_000  # https://cloud.google.com/pubsub/quotas#resource_limits
_POLL_SECONDS = 2.0


def wake_subscription(topic: str) -> str:
    """The name of the topic's subscription that only wakes."""
    return f"{topic}-wake"


def ensure_wake_subscription(client: PubSubClient, topic: str) -> None:
    """Make it, unless it is there; the topic is."""
    client.ensure_subscription(
        wake_subscription(topic),
        topic,
        ordered=False,
        ack_deadline_seconds=ACK_DEADLINE_SECONDS,
        keep_days=_KEEP_DAYS,
    )


class PubSubWakes:
    """Waits for jobs on a topic, by the Google provider's own trigger of message queues.

    Args:
        gcp_conn_id: a connection of type google_cloud_platform.
        topic: of the jobs.
        poll_seconds: between two looks at a subscription that had nothing.
        clock: an aware time, for messages that may not be done before.
    """

    def __init__(
        self, gcp_conn_id: str, *, topic: str, poll_seconds: float = _POLL_SECONDS, clock: Clock = utc_now
    ) -> None:
        self._gcp_conn_id, self._subscription = gcp_conn_id, wake_subscription(topic)
        self._poll_seconds, self._clock = poll_seconds, clock

    async def wakes(self) -> AsyncGenerator[None, None]:
        """Yields whenever there were messages, however many at once; never ends by itself.

        Messages are acknowledged when the caller comes back for more: it has handed the wake-up over by then. Whoever
        dies before that is woken again. Those that may not be done yet are not acknowledged, and come again.

        Raises:
            UnavailableError: Pub/Sub does not answer, refuses us, or the subscription is not there.
        """
        # Importing Google's libraries takes seconds, for which a triggerer's loop must not stand still.
        messaging = await asyncio.to_thread(import_module, "airflow.providers.common.messaging.triggers.msg_queue")
        pubsub = await asyncio.to_thread(import_module, "airflow.providers.google.cloud.hooks.pubsub")
        with _ours(f"subscription {self._subscription}", pubsub.PubSubException):
            hook = pubsub.PubSubAsyncHook(gcp_conn_id=self._gcp_conn_id)
            synchronous = await hook.get_sync_hook()
            project = await asyncio.to_thread(lambda: synchronous.project_id)
            trigger = messaging.MessageQueueTrigger(
                scheme="google+pubsub",
                project_id=project,
                subscription=self._subscription,
                max_messages=_MOST,
                ack_messages=False,  # it would before anybody was woken
                gcp_conn_id=self._gcp_conn_id,
                poke_interval=self._poll_seconds,
            )
            while True:
                async for event in trigger.run():
                    due = self._due(event.payload["message"])
                    if due:
                        yield
                        await hook.acknowledge(project_id=project, subscription=self._subscription, ack_ids=due)
                    else:
                        await asyncio.sleep(self._poll_seconds)

    def _due(self, received: Sequence[Mapping[str, Any]]) -> list[str]:
        """What to acknowledge of messages whose jobs may be done now."""
        now = self._clock()
        return [each["ack_id"] for each in received if not _waits(each["message"].get("attributes") or {}, now)]


def _waits(attributes: Mapping[str, str], now: dt.datetime) -> bool:
    """Whether a message is about a job whose time has not come; one that can't be read is the worker's to judge."""
    try:
        return dt.datetime.fromisoformat(attributes["not_before"]) > now
    except (KeyError, ValueError, TypeError):
        return False


@contextmanager
def _ours(what: str, theirs: type[Exception]) -> Iterator[None]:
    """Turn Google's errors into ours. Whatever it is, it may have been mended by the next look."""
    from airflow.exceptions import AirflowException
    from google.api_core.exceptions import GoogleAPICallError, NotFound
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except (theirs, GoogleAPICallError, GoogleAuthError, AirflowException) as error:
        cause = next((each for each in error.args if isinstance(each, Exception)), error)
        if isinstance(cause, NotFound):
            raise UnavailableError(f"{what} is not there: `drivetrain queue ensure` makes it") from None
        raise UnavailableError(f"{what}: {' '.join(str(cause).split())[:300]}") from None
