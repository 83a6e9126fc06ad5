"""Start the emulator from a test: a subprocess on a free port of 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from standins.pubsub.emulator import emulator_program


class PubSubEmulator:
    """A running emulator, empty at its start. As a context manager it stops on exit.

    Official clients find it by the variable PUBSUB_EMULATOR_HOST, which has to be set before they are made.

    Args:
        port: 0 picks a free one.
    """

    def __init__(self, *, port: int = 0) -> None:
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="pubsub-emulator-")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()

    @property
    def host(self) -> str:
        """Host and port, as PUBSUB_EMULATOR_HOST wants them."""
        return f"127.0.0.1:{self._port}"

    def start(self, timeout_seconds: float = 60.0) -> None:
        """Start it and wait until it answers.

        Raises:
            FileNotFoundError: it is not installed; the message says how to get it.
            RuntimeError: it ended or did not answer in time; the message carries its log.
        """
        program = emulator_program()
        self._port = self._port or _free_port()
        log = Path(self._folder.name) / "emulator.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(program), "--host=127.0.0.1", f"--port={self._port}"],
                env={"JAVA_OPTS": "-Xmx256m", **os.environ},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that the script and its Java end together
            )
        deadline = time.monotonic() + timeout_seconds
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the Pub/Sub emulator did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it. What it held is gone. Does nothing when it is not running."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # it has nothing to save
        self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.host}", timeout=2) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
