"""Start the emulator from a test: a subprocess on free ports of 127.0.0.1."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standins.bigquery.program import ENV, HEALTH, bigquery_command
from standins.testing import TestServer, free_port, start_server

if TYPE_CHECKING:
    from google.cloud.bigquery import Client


class BigQueryStandin(TestServer):
    """A running emulator without datasets. As a context manager it stops on exit; what it held is gone.

    Args:
        project: who pays, so to say.
    """

    def __init__(self, project: str = "marketplace") -> None:
        self.project = project
        self.port, self.storage_port = free_port(), free_port()
        super().__init__("bigquery-standin")

    @property
    def url(self) -> str:
        """Of the REST API."""
        return f"http://127.0.0.1:{self.port}"

    def connection(self) -> dict[str, Any]:
        """Airflow's connection to it."""
        extra = {
            "is_anonymous": True,
            "project": self.project,
            "bigquery_url": self.url,
            "bigquery_storage_target": f"127.0.0.1:{self.storage_port}",
        }
        return {"conn_type": "google_cloud_platform", "extra": extra}

    def client(self) -> Client:
        """The official client for it."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud.bigquery import Client

        return Client(
            project=self.project, credentials=AnonymousCredentials(), client_options={"api_endpoint": self.url}
        )

    def start(self, timeout_seconds: float = 60.0) -> None:
        """Start it and wait until it answers.

        Raises:
            FileNotFoundError: it is not installed; the message says how to get it.
            RuntimeError: it ended or did not answer in time; the message carries its log.
        """
        self._process = start_server(
            "the BigQuery emulator",
            bigquery_command(self.port, self.storage_port),
            port=self.port,
            health=HEALTH,
            log=Path(self._folder.name) / "server.log",
            timeout_seconds=timeout_seconds,
            env={**os.environ, **ENV},
        )
