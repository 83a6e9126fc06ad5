"""Start the stand-in from a test or a demo: a subprocess in its own environment, the real connector in yours."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from standins.testing import free_port, start_server

_ROOT = Path(__file__).resolve().parents[2]


def standins_python() -> Path:
    """The interpreter that has fakesnow: ``DRIVETRAIN_STANDINS_PYTHON``, or ``.venv-standins`` of this repository.

    Raises:
        FileNotFoundError: it is not installed; the message says how to.
    """
    python = Path(os.environ.get("DRIVETRAIN_STANDINS_PYTHON") or _ROOT / ".venv-standins" / "bin" / "python")
    if not python.exists():
        raise FileNotFoundError(
            f"{python} is missing: make a venv at .venv-standins and install requirements-standins.txt into it, "
            "or set DRIVETRAIN_STANDINS_PYTHON"
        )
    return python


class SnowflakeStandin:
    """A running stand-in. As a context manager it stops on exit and removes its data if it made the folder itself.

    Args:
        data: folder of databases and stages; None makes a temporary one.
        port: 0 picks a free one, which ``restart`` keeps.
        arguments: further command line arguments, for example ``("--chunk-rows", "500")``.
    """

    def __init__(self, data: Path | None = None, *, port: int = 0, arguments: tuple[str, ...] = ()) -> None:
        self._temporary = None if data else tempfile.TemporaryDirectory(prefix="snowflake-standin-")
        self.data = Path(data or self._temporary.name)
        self.host, self.port = "127.0.0.1", port
        self.user = self.password = "drivetrain"
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._handed_out: list[Any] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close_connections()
        self.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return f"http://{self.host}:{self.port}"

    def start(self, timeout_seconds: float = 60.0) -> None:
        """Start the server and wait until it answers.

        Raises:
            RuntimeError: it ended or did not answer in time; the message carries its log.
        """
        self.port = self.port or free_port()
        command = [standins_python(), "-m", "standins.snowflake", "serve", "--data", self.data, "--port", self.port]
        self.data.mkdir(parents=True, exist_ok=True)
        self._process = start_server(
            "the Snowflake stand-in",
            [*command, "--host", self.host, *self._arguments],
            port=self.port,
            health="/healthz",
            log=self.data / "server.log",
            timeout_seconds=timeout_seconds,
            cwd=_ROOT,
        )

    def stop(self, *, kill: bool = False) -> None:
        """End the server: SIGTERM and wait, or SIGKILL. Does nothing when it is not running."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def restart(self, *, kill: bool = False) -> None:
        """Stop (with ``kill``: by SIGKILL) and start again on the same port and data."""
        self.stop(kill=kill)
        self.start()

    def connect(self, **options: Any) -> Any:
        """Open a ``snowflake.connector`` connection; ``options`` add to or replace the usual ones."""
        import snowflake.connector

        defaults = {
            "account": "standin",
            "host": self.host,
            "port": self.port,
            "protocol": "http",
            "user": self.user,
            "password": self.password,
            "login_timeout": 15,
            "network_timeout": 60,
        }
        # The connector would ask the clouds' metadata servers who it runs on: no business of a test's.
        os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
        connection = snowflake.connector.connect(**{**defaults, **options})
        self._handed_out.append(connection)
        return connection

    def stats(self) -> dict[str, int]:
        """How many statements there were since the start by their first word; CATALOG: of INFORMATION_SCHEMA."""
        with urllib.request.urlopen(f"{self.url}/stats", timeout=30) as response:  # noqa: S310 - http to ourselves
            return dict(json.load(response))

    def _close_connections(self) -> None:
        """Close what tests left open: at exit the connector would look for a server that is gone, at length."""
        for connection in self._handed_out:
            with contextlib.suppress(Exception):  # whatever state a test left it in
                if not connection.is_closed():
                    connection.close()
        self._handed_out.clear()
