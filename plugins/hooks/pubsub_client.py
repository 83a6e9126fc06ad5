"""Calls of Google Pub/Sub, by an Airflow connection, with our errors."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import google.auth.exceptions
from airflow.providers.google.cloud.hooks.pubsub import PubSubHook
from google.api_core import exceptions as api
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.types import ExpirationPolicy, PubsubMessage, Subscription

from drivetrain.errors import (
    AccessDeniedError,
    CredentialsError,
    QuotaExceededError,
    RequestRejectedError,
    TargetMissingError,
    UnavailableError,
)
from drivetrain.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from google.cloud.pubsub_v1 import SubscriberClient

MAX_DEADLINE_SECONDS = 600  # https://cloud.google.com/pubsub/quotas#resource_limits
MAX_KEEP_DAYS = 31  # the longest that a subscription keeps what nobody acknowledged, likewise; the emulator: 7
# A request may have 1,000 messages and 10 MB (likewise), and as many acknowledgements as fit 512 KiB.
_MAX_MESSAGES = 1_000
_MAX_BYTES = 9_000_000
_MAX_ACKS = 1_000
_CALL_SECONDS = 30.0
_PUBLISHERS = 16

# All our calls may be repeated: what is published twice is done once, and nothing else changes by a repeat. So it
# does not matter whether a call that failed had its effect.
_PASSING = (
    api.ServerError,
    api.Aborted,
    api.Cancelled,
    api.Unknown,
    api.RetryError,
    google.auth.exceptions.TransportError,
)


@dataclass(frozen=True)
class Message:
    """What goes out."""

    body: bytes
    attributes: Mapping[str, str]
    ordering_key: str = ""


@dataclass(frozen=True)
class Received:
    """What came in, and stays ours until its deadline.

    Attributes:
        ack_id: of this delivery; another delivery of the same message has another one.
        message_id: of the message.
    """

    ack_id: str
    message_id: str
    body: bytes
    attributes: Mapping[str, str]
    published_at: dt.datetime


class PubSubClient:
    """Topics and subscriptions of one project. Safe to share between threads.

    Args:
        gcp_conn_id: a connection of type google_cloud_platform.
        project_id: None: the connection's.
        impersonation_chain: see PubSubHook.
        retry: how often a call is repeated.
    """

    def __init__(
        self,
        gcp_conn_id: str = "google_cloud_default",
        *,
        project_id: str | None = None,
        impersonation_chain: str | Sequence[str] | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._hook = PubSubHook(gcp_conn_id=gcp_conn_id, impersonation_chain=impersonation_chain)
        self._project_id = project_id
        self._retry = retry or RetryPolicy(attempts=4, max_wait_seconds=8)

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Send messages; those of one ordering key in their order.

        A request carries one ordering key only (https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1):
        there are as many requests as keys, several at a time.
        """
        by_key: dict[str, list[Message]] = defaultdict(list)
        for message in messages:
            by_key[message.ordering_key].append(message)
        if len(by_key) <= 1:
            for of_key in by_key.values():
                self._publish(topic, of_key)
            return
        _ = self._publisher  # made before the threads ask for it
        with ThreadPoolExecutor(min(_PUBLISHERS, len(by_key)), thread_name_prefix="publish") as pool:
            for sent in [pool.submit(self._publish, topic, of_key) for of_key in by_key.values()]:
                sent.result()

    def pull(self, subscription: str, most: int, *, wait_seconds: float) -> list[Received]:
        """Take up to `most` messages, at most a thousand; waits no longer than that for the first one."""
        path = self._path("subscriptions", subscription)
        request = {"subscription": path, "max_messages": min(most, _MAX_MESSAGES)}

        def call() -> list[Received]:
            try:
                with _ours(f"subscription {path}"):
                    answer = self._subscriber.pull(request=request, retry=None, timeout=wait_seconds)
            except _NothingYetError:
                return []
            return [_received(each) for each in answer.received_messages]

        return self._retry.call(call)

    def acknowledge(self, subscription: str, ack_ids: Sequence[str]) -> None:
        """Have messages removed. One whose deadline has passed may come again."""
        for some in _parts(ack_ids, _MAX_ACKS):
            self._subscribed("acknowledge", subscription, {"ack_ids": some})

    def set_deadline(self, subscription: str, ack_ids: Sequence[str], seconds: float) -> None:
        """Let messages come again after so long, 0 to 600, unless they are acknowledged by then."""
        deadline = min(max(-(-seconds // 1), 0), MAX_DEADLINE_SECONDS)
        for some in _parts(ack_ids, _MAX_ACKS):
            request = {"ack_ids": some, "ack_deadline_seconds": int(deadline)}
            self._subscribed("modify_ack_deadline", subscription, request)

    def ensure_topic(self, topic: str) -> None:
        """Make a topic, unless it is there."""
        path = self._path("topics", topic)

        def call() -> None:
            with _ours(f"topic {path}"):
                try:
                    self._publisher.create_topic(request={"name": path}, retry=None, timeout=_CALL_SECONDS)
                except api.AlreadyExists:
                    return

        self._retry.call(call)

    def ensure_subscription(
        self, subscription: str, topic: str, *, ordered: bool, ack_deadline_seconds: int, keep_days: int
    ) -> None:
        """Make a subscription that does not expire, unless it is there.

        Raises:
            RequestRejectedError: it is there and can't be made to fit: of another topic, or not ordered as wanted.
        """
        path = self._path("subscriptions", subscription)
        wanted = Subscription(
            name=path,
            topic=self._path("topics", topic),
            ack_deadline_seconds=ack_deadline_seconds,
            enable_message_ordering=ordered,
            message_retention_duration=Duration(seconds=keep_days * 86_400),
            expiration_policy=ExpirationPolicy(),  # without a time: never
        )

        def call() -> None:
            with _ours(f"subscription {path}"):
                try:
                    self._subscriber.create_subscription(request=wanted, retry=None, timeout=_CALL_SECONDS)
                except api.AlreadyExists:
                    request = {"subscription": path}
                    there = self._subscriber.get_subscription(request=request, retry=None, timeout=_CALL_SECONDS)
                    if (there.topic, there.enable_message_ordering) != (wanted.topic, ordered):
                        raise RequestRejectedError(
                            f"subscription {path}: it is of {there.topic}, ordered: {there.enable_message_ordering}; "
                            f"wanted of {wanted.topic}, ordered: {ordered}. Neither can be changed: delete it, or name "
                            "another topic"
                        ) from None

        self._retry.call(call)

    @cached_property
    def _publisher(self) -> PublisherClient:
        with _ours("Pub/Sub"):
            return self._hook.get_conn()

    @cached_property
    def _subscriber(self) -> SubscriberClient:
        with _ours("Pub/Sub"):
            return self._hook.subscriber_client

    def _path(self, kind: str, name: str) -> str:
        with _ours("Pub/Sub"):
            project = self._project_id or self._hook.project_id
        if not project:
            raise CredentialsError(f"connection {self._hook.gcp_conn_id}: project: it names none, and none was given")
        return f"projects/{project}/{kind}/{name}"

    def _publish(self, topic: str, messages: Sequence[Message]) -> None:
        path = self._path("topics", topic)
        for some in _batches(messages):
            out = [
                PubsubMessage(data=each.body, attributes=dict(each.attributes), ordering_key=each.ordering_key)
                for each in some
            ]
            request = {"topic": path, "messages": out}

            def call(request: Mapping[str, object] = request) -> None:
                with _ours(f"topic {path}"):
                    # The client's own publish() sends later, in threads of its own; this is what it calls then.
                    PublisherClient.publish(self._publisher, request=request, retry=None, timeout=_CALL_SECONDS)

            self._retry.call(call)

    def _subscribed(self, method: str, subscription: str, request: Mapping[str, object]) -> None:
        path = self._path("subscriptions", subscription)
        send: Callable[..., object] = getattr(self._subscriber, method)

        def call() -> None:
            with _ours(f"subscription {path}"):
                send(request={"subscription": path, **request}, retry=None, timeout=_CALL_SECONDS)

        self._retry.call(call)


class _NothingYetError(UnavailableError):
    """The time that a call may take is over."""


@contextmanager
def _ours(what: str) -> Iterator[None]:
    """Turn Google's errors into ours."""
    try:
        yield
    except api.TooManyRequests as error:
        raise QuotaExceededError(f"{what}: {_line(error)}") from None
    except api.DeadlineExceeded as error:
        raise _NothingYetError(f"{what}: {_line(error)}") from None
    except _PASSING as error:
        raise UnavailableError(f"{what}: {_line(error)}") from None
    except (api.Unauthenticated, google.auth.exceptions.GoogleAuthError) as error:
        raise CredentialsError(f"{what}: {_line(error)}") from None
    except api.Forbidden as error:
        raise AccessDeniedError(f"{what}: {_line(error)}") from None
    except api.NotFound:
        raise TargetMissingError(f"{what} is not there: PubSubQueue.ensure() makes it") from None
    except api.GoogleAPICallError as error:
        raise RequestRejectedError(f"{what}: {_line(error)}") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _received(each: Any) -> Received:
    message = each.message
    return Received(
        ack_id=each.ack_id,
        message_id=message.message_id,
        body=message.data,
        attributes=dict(message.attributes),
        published_at=message.publish_time,
    )


def _batches(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Parts that one request carries."""
    part: list[Message] = []
    size = 0
    for message in messages:
        bytes_ = len(message.body) + sum(len(name) + 4 * len(value) for name, value in message.attributes.items())
        if part and (len(part) >= _MAX_MESSAGES or size + bytes_ > _MAX_BYTES):
            yield part
            part, size = [], 0
        part.append(message)
        size += bytes_
    if part:
        yield part


def _parts(ack_ids: Sequence[str], most: int) -> Iterator[list[str]]:
    for start in range(0, len(ack_ids), most):
        yield list(ack_ids[start : start + most])
