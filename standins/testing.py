"""What starting a server for a test takes: a free port, a process, and the wait until it answers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from standins.ports import HOST
from standins.supervisor.probes import http_problem

POLL_SECONDS = 0.05


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
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
