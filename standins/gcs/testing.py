"""Start the server from a test: a subprocess on a free port of 127.0.0.1."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from standins.gcs.program import gcs_program
from standins.testing import TestServer, free_port, start_server

if TYPE_CHECKING:
    from google.cloud.storage import Client


@dataclass(frozen=True)
class Notifications:
    """Where the server tells of objects that arrive, as buckets of Google's do.

    Attributes:
        pubsub: host and port of a Pub/Sub emulator.
        project: of the topic.
        topic: its name; it is there.
        prefix: of the names of objects that are told.
    """

    pubsub: str
    project: str
    topic: str
    prefix: str = ""


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
        address = ("-scheme", "http", "-host", "127.0.0.1", "-port", str(self._port))
        # The public host is what it puts into the address to which an upload goes on.
        options = (*address, "-public-host", f"127.0.0.1:{self._port}", "-backend", "memory")
        env = dict(os.environ)
        if (told := self._notifications) is not None:
            env["PUBSUB_EMULATOR_HOST"] = told.pubsub
            topic = ("-event.pubsub-project-id", told.project, "-event.pubsub-topic", told.topic)
            options += (*topic, "-event.object-prefix", told.prefix, "-event.list", "finalize")
        self._process = start_server(
            "fake-gcs-server",
            [gcs_program(), *options],
            env=env,
            port=self._port,
            health="/storage/v1/b?project=test",
            log=Path(self._folder.name) / "server.log",
            timeout_seconds=timeout_seconds,
        )
