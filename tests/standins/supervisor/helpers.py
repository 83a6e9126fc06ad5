"""Real processes: small Python programs that are started, watched and stopped."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from standins.supervisor import processes
from standins.supervisor.probes import tcp
from standins.supervisor.units import Service

T = TypeVar("T")

LISTEN = """
import signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
while True:
    server.accept()
"""


def program(text: str, *arguments: object) -> tuple[str, ...]:
    """The command that runs Python text; -S and -I since nothing outside the standard library is needed."""
    return (sys.executable, "-S", "-I", "-u", "-c", text, *map(str, arguments))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(name: str, port: int, **options: object) -> Service:
    """A service that listens on a port."""
    return Service(name, program(LISTEN, port), tcp(port), port=port, **options)  # type: ignore[arg-type]


def eventually(ask: Callable[[], T], seconds: float = 10.0) -> T:
    """The first true answer."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            pytest.fail(f"did not happen within {seconds} s")
        time.sleep(0.01)
    return answer


def is_alive(pid: int) -> bool:
    process = processes.read(pid)
    return process is not None and process.running
