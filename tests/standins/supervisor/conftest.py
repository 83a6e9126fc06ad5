from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from standins.supervisor import processes
from standins.supervisor.supervisor import Supervisor


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home directory; whatever still carries its marker at the end is killed, and the test fails for it."""
    yield tmp_path
    left = [p for p in processes.table() if p.running and _started_under(p.pid, tmp_path)]
    for process in left:
        processes.send(process, signal.SIGKILL)
    assert not left, f"left running: {[processes.command_line(p.pid) for p in left]}"


def _started_under(pid: int, home: Path) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"{processes.MARKER_VARIABLE}={home}/".encode() in environment and pid != os.getpid()


@pytest.fixture
def supervisor(home: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(home)
    yield supervisor
    supervisor.down()
