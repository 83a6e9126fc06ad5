"""A look at the quota that all processes share, for people and alerts: it books nothing and may take its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from redis.exceptions import RedisError

from drivetrain.errors import UnavailableError
from hooks.sheets_quota import QuotaConnection, redis_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis import Redis

    from drivetrain.quota.limits import Limits

T = TypeVar("T")


def look(redis_conn_id: str, read: Callable[[Redis, Limits], T], *, timeout_seconds: float) -> T | None:
    """What `read` finds; None: there is no such connection, so no shared count to look at.

    Raises:
        UnavailableError: Redis does not answer.
        FatalError: an extra of the connection is wrong.
    """
    try:
        connection = BaseHook.get_connection(redis_conn_id)
    except AirflowNotFoundException:
        return None
    settings = QuotaConnection.parse(connection)
    try:
        with redis_client(timeout_seconds=timeout_seconds, **settings.client) as client:
            return read(client, settings.limits)
    except RedisError as error:
        raise UnavailableError(f"connection {redis_conn_id}: Redis does not answer: {error}") from None
