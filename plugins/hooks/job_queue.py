"""Which queue the jobs are in: a table of our own, or Pub/Sub where a connection says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from drivetrain.errors import FatalError
from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.jobs.postgres_locks import PostgresGroupLocks

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from drivetrain.jobs.queue import JobQueue
    from hooks.state import StateHook

QUEUE_CONN_ID = "drivetrain_queue"


def job_queue(kind: str, *, state: StateHook, queue_conn_id: str = QUEUE_CONN_ID) -> JobQueue:
    """The queue of a kind of jobs.

    Args:
        kind: for example drivetrain.sheets.dispatch.KIND.
        state: our database. It has the queue where there is no connection to another, and its locks in any case.
        queue_conn_id: a connection of type google_cloud_platform: jobs are in Pub/Sub, topic `drivetrain-<kind>`. There
            need not be one.

    Raises:
        FatalError: the connection is of a type that holds no queue.
    """
    try:
        connection = BaseHook.get_connection(queue_conn_id)
    except AirflowNotFoundException:
        return PostgresQueue(state.engine, kind=kind)
    check_holds_queue(connection)
    from hooks.pubsub_queue import PubSubQueue

    locks = PostgresGroupLocks(state.engine, kind=kind)
    return PubSubQueue(kind=kind, locks=locks, gcp_conn_id=queue_conn_id, topic=topic_of(kind))


def topic_of(kind: str) -> str:
    """The topic of a kind of jobs in Pub/Sub."""
    return f"drivetrain-{kind}"


def check_holds_queue(connection: Connection) -> None:
    """Refuse a connection that is for something else than a queue.

    Raises:
        FatalError: it holds none.
    """
    if connection.conn_type != "google_cloud_platform":
        raise FatalError(
            f"connection {connection.conn_id}: type {connection.conn_type} holds no queue: make it "
            "google_cloud_platform for Pub/Sub, or remove it to have the queue in Postgres"
        )
