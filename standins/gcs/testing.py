"""Start the server from a test: a subprocess on a free port of 127.0.0.1."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from standins.gcs.program import gcs_program

if TYPE_CHECKING:
    from google.cloud.storage import Client


class GcsStandin:
    """A running server, without buckets at its start. As a context manager it stops on exit.

    Args:
        port: 0 picks a free one.
    """

    def __init__(self, *, port: int = 0) -> None:
        self._port = port or _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="gcs-standin-")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()

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
        log = Path(self._folder.name) / "server.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen([str(gcs_program()), *options], stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + timeout_seconds
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"fake-gcs-server did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it. What it held is gone. Does nothing when it is not running."""
        if self._process is None:
            return
        self._process.kill()  # it has nothing to save
        self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/storage/v1/b?project=test", timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
