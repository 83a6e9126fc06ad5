"""Start the emulator from a test: a subprocess on free ports of 127.0.0.1."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standins.testing import TestServer, free_port, start_server

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

_ROOT = Path(__file__).resolve().parents[2]
_SERVER = Path(__file__).with_name("server.py")


def bigquery_python() -> Path:
    """The interpreter that has bqemulator: `DRIVETRAIN_BIGQUERY_PYTHON`, or `.venv-bigquery` of this repository.

    Raises:
        FileNotFoundError: it is not installed; the message says how to get it.
    """
    python = Path(os.environ.get("DRIVETRAIN_BIGQUERY_PYTHON") or _ROOT / ".venv-bigquery" / "bin" / "python")
    if not python.exists():
        raise FileNotFoundError(f"{python} is missing: run `make venv-bigquery`, or set DRIVETRAIN_BIGQUERY_PYTHON")
    return python


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
        ports = ("--rest-port", self.port, "--grpc-port", self.storage_port)
        self._process = start_server(
            "the BigQuery emulator",
            [bigquery_python(), "-I", _SERVER, "start", *ports, "--ephemeral"],
            port=self.port,
            health="/readyz",
            log=Path(self._folder.name) / "server.log",
            timeout_seconds=timeout_seconds,
            # It cuts what it sends by rows and not by bytes, and refuses to send more than it would take.
            env={**os.environ, "BQEMU_WRITE_API_MAX_REQUEST_BYTES": str(256 * 2**20)},
        )
