"""One `up` at a time per home directory; `down` may interrupt it."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from standins.supervisor import processes
from standins.supervisor.errors import SupervisorError


class UpLock:
    """A lock that the kernel drops when its holder dies, however that happens."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "up.lock"
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self._descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self._holder()
            os.close(self._descriptor)
            self._descriptor = None
            raise SupervisorError(
                f"Another `up` is under way (pid {holder or '?'}): wait for it, or run `make down` to interrupt it."
            ) from None
        os.truncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.truncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def _holder(self) -> int | None:
        text = self.file.read_text() if self.file.exists() else ""
        return int(text) if text.isdecimal() else None

    def _is_held(self) -> bool:
        if not self.file.exists():
            return False
        with self.file.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def interrupt_holder(self, timeout_seconds: float = 30.0) -> None:
        """Ask a running `up` to give up and roll back; kill it if it does not.

        The holder's pid is only believed while the lock is held: then it is alive, and that pid is its own.
        """
        deadline = time.monotonic() + timeout_seconds
        asked = False
        while self._is_held():
            holder = self._holder()
            process = processes.read(holder) if holder else None
            if process and process.pid != os.getpid():
                late = time.monotonic() > deadline
                if late or not asked:
                    with suppress(ProcessLookupError):
                        os.kill(process.pid, signal.SIGKILL if late else signal.SIGTERM)
                    asked = True
            time.sleep(0.05)
