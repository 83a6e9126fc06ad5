"""Start the emulator from a test: a subprocess on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from standins.pubsub.emulator import ENV, emulator_command
from standins.testing import free_port, kill, start_server


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
        self._port = self._port or free_port()
        self._process = start_server(
            "the Pub/Sub emulator",
            emulator_command(self._port),
            port=self._port,
            health="/",
            log=Path(self._folder.name) / "emulator.log",
            timeout_seconds=timeout_seconds,
            own_group=True,  # the script and its Java end together
            env={**ENV, **os.environ},
        )

    def stop(self) -> None:
        """End it. What it held is gone. Does nothing when it is not running."""
        if self._process is not None:
            kill(self._process, own_group=True)
            self._process = None
