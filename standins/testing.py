"""What starting a server for a test takes: a free port, a process, and the wait until it answers."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from standins.ports import HOST
from standins.supervisor.probes import http_problem

POLL_SECONDS = 0.05
_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_PORTS, _RESERVED = 12_000, 10_000  # how many are drawn from, above those that well-known services have
_DRAW = random.SystemRandom()  # two processes must not draw alike


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now, and that no connection is given before a server listens there.

    The system takes the ports of connections from a range of its own (ip(7), ip_local_port_range): it is below that.
    """
    lowest = int(_PORT_RANGE.read_text(encoding="ascii").split()[0]) if _PORT_RANGE.exists() else 0
    for port in _DRAW.sample(range(lowest - _PORTS, lowest), 100) if lowest - _PORTS > _RESERVED else ():
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def start_server(
    what: str,
    command: Sequence[object],
    *,
    port: int,
    health: str,
    log: Path,
    timeout_seconds: float,
    own_group: bool = False,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start it and wait until it answers.

    Args:
        what: its name for people.
        command: program and arguments.
        port: where it listens on 127.0.0.1.
        health: the path that answers 200 once it is ready.
        log: what it prints is added to this file.
        timeout_seconds: after this long without an answer it is given up.
        own_group: it starts processes of its own, which `kill` has to end as well.
        cwd: where it runs.
        env: its environment; None: this process's.

    Raises:
        RuntimeError: it ended or did not answer in time; the message carries its log.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=own_group,
        )
    try:
        problem = _wait(process, port, health, timeout_seconds)
    except BaseException:  # Ctrl-C too: nobody else knows of it yet
        kill(process, own_group=own_group)
        raise
    if problem is not None:
        kill(process, own_group=own_group)
        raise RuntimeError(f"{what} did not start:\n{log.read_text(errors='replace')[-4000:] or problem}")
    return process


def _wait(process: subprocess.Popen[bytes], port: int, health: str, timeout_seconds: float) -> str | None:
    """Why it does not answer; None once it does."""
    deadline = time.monotonic() + timeout_seconds
    while problem := http_problem(port, health, timeout_seconds=2.0):
        if process.poll() is not None or time.monotonic() > deadline:
            return problem
        time.sleep(POLL_SECONDS)
    return None


def kill(process: subprocess.Popen[bytes], *, own_group: bool = False) -> None:
    """End a server that has nothing to save.

    Args:
        process: of the server.
        own_group: as it was started.
    """
    if own_group:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


class TestServer(ABC):
    """A server for a test, with a folder of its own. As a context manager it stops on exit; what it held is gone.

    Args:
        name: of the folder's beginning.
    """

    __test__ = False  # no test of pytest's

    def __init__(self, name: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=f"{name}-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it answers."""

    def stop(self) -> None:
        """End it. Does nothing when it is not running."""
        if self._process is not None:
            kill(self._process)
            self._process = None
