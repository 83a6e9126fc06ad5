"""Waits for jobs wherever the queue is: the counterpart of job_queue for an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from psycopg.conninfo import make_conninfo

from drivetrain.errors import FatalError
from drivetrain.jobs.postgres_wakes import PostgresWakes
from hooks.job_queue import QUEUE_CONN_ID, check_holds_queue, topic_of
from hooks.state import StateHook

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


async def job_wakes(
    kind: str, *, state_conn_id: str = StateHook.default_conn_name, queue_conn_id: str = QUEUE_CONN_ID
) -> AsyncGenerator[None, None]:
    """Yields whenever jobs of a kind wait for a worker; never ends by itself. It takes none of them.

    Connections are read at its beginning: to move the queue from one server to the other, begin anew.

    Args:
        kind: of the jobs.
        state_conn_id: our database, which has the queue where there is no connection to another.
        queue_conn_id: see job_queue.

    Raises:
        UnavailableError: the queue's server is away. Begin anew, nothing is missed by that.
        FatalError: a connection is missing or wrong.
    """
    try:
        connection = await BaseHook.aget_connection(queue_conn_id)
    except AirflowNotFoundException:
        wakes = PostgresWakes(await _conninfo(state_conn_id), kind=kind).wakes()
    else:
        check_holds_queue(connection)
        from hooks.pubsub_wakes import PubSubWakes

        wakes = PubSubWakes(queue_conn_id, topic=topic_of(kind)).wakes()
    try:
        async for _ in wakes:
            yield
    finally:
        await wakes.aclose()


async def _conninfo(state_conn_id: str) -> str:
    try:
        connection = await BaseHook.aget_connection(state_conn_id)
    except AirflowNotFoundException:
        raise FatalError(f"connection {state_conn_id}: there is none: add it to Airflow, type postgres") from None
    return make_conninfo(
        host=connection.host,
        port=connection.port,
        user=connection.login,
        password=connection.password,
        dbname=connection.schema,
    )
