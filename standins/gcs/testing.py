"""Start the server from a test: a subprocess on a free port of 127.0.0.1."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from standins.gcs.program import HEALTH, Notifications, gcs_command
from standins.testing import TestServer, free_port, start_server

if TYPE_CHECKING:
    from google.cloud.storage import Client


class GcsStandin(TestServer):
    """A running server, without buckets at its start. As a context manager it stops on exit.

    Args:
        port: 0 picks a free one.
        notifications: None: it tells nobody.
    """

    def __init__(self, *, port: int = 0, notifications: Notifications | None = None) -> None:
        self._port = port or free_port()
        self._notifications = notifications
        super().__init__("gcs-standin")

    @property
    def url(self) -> str:
        """What clients take as `api_endpoint`."""
        return f"http://127.0.0.1:{self._port}"

    def client(self, project: str = "test") -> Client:
        """The official client for it."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud.storage import Client

        return Client(project=project, credentials=AnonymousCredentials(), client_options={"api_endpoint": self.url})

    def start(self, timeout_seconds: float = 20.0) -> None:
        """Start it and wait until it answers.

        Raises:
            FileNotFoundError: it is not installed; the message says how to get it.
            RuntimeError: it ended or did not answer in time; the message carries its log.
        """
        command, env = gcs_command(self._port, self._notifications)
        self._process = start_server(
            "fake-gcs-server",
            command,
            env={**os.environ, **env},
            port=self._port,
            health=HEALTH,
            log=Path(self._folder.name) / "server.log",
            timeout_seconds=timeout_seconds,
        )
