"""Triton, or another server of KServe's v2 protocol, by an Airflow connection: the Triton SDK's client."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from drivetrain.errors import FatalError, RetriableError
from drivetrain_triton import TritonClient, TritonError, TritonSettings
from drivetrain_triton.telemetry.log import LogObserver
from hooks.triton_errors import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Connection

# What the extra may say besides servers: see drivetrain_triton.settings.
_NAMES = ("attempts", "ca_file", "compression", "connect_seconds", "connections", "headers", "timeout_seconds", "urls")


def settings_of(connection: Connection) -> TritonSettings:
    """What a connection says: servers are in the extra's urls, or its host, port and schema name one.

    The password is the token.

    Raises:
        FatalError: an extra is unknown, or something is not what it should be; the message names it.
    """
    where = f"connection {connection.conn_id}"
    extra = dict(connection.extra_dejson)
    if unknown := sorted(set(extra) - set(_NAMES)):
        raise FatalError(f"{where}: unknown extra {', '.join(unknown)}: it knows {', '.join(_NAMES)}")
    given = {name: value for name, value in extra.items() if value not in (None, "")}
    if "urls" not in given:
        if not connection.host:
            raise FatalError(f"{where}: give urls in its extra, or a host")
        port = f":{connection.port}" if connection.port else ""
        given["urls"] = f"{connection.schema or 'grpc'}://{connection.host}{port}"
    if connection.password:
        given["token"] = connection.password
    try:
        return TritonSettings.of(**given)
    except TritonError as error:
        raise FatalError(f"{where}: {error}") from None


class TritonHook(BaseHook):
    """A client of model servers.

    Args:
        triton_conn_id: a connection of type triton.
    """

    conn_name_attr = "triton_conn_id"
    default_conn_name = "triton_default"
    conn_type = "triton"
    hook_name = "Triton (model server)"

    def __init__(self, triton_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.triton_conn_id = triton_conn_id

    @cached_property
    def settings(self) -> TritonSettings:
        """The connection's."""
        return settings_of(self.get_connection(self.triton_conn_id))

    @contextmanager
    def client(self) -> Iterator[TritonClient]:
        """A client whose failures are in the task's log; closed at the end.

        Raises:
            FatalError: asked again, the call would end the same way.
            RetriableError: it may do better later. The model may have run.
        """
        try:
            with TritonClient(settings=self.settings, observers=[LogObserver()]) as client:
                yield client
        except TritonError as error:
            raise told(error) from error

    def test_connection(self) -> tuple[bool, str]:
        """Ask each server whether it is ready: what the connection form's test button does."""
        try:
            with self.client() as client:
                ready = client.ready()
        except (FatalError, RetriableError) as error:
            return False, str(error)
        words = {True: "is ready", False: "is not ready, or can't be reached"}
        return all(ready.values()), "; ".join(f"{url} {words[is_ready]}" for url, is_ready in ready.items())
