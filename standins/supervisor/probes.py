"""Ways to ask a service whether it is ready. Each returns None for yes, else one line that says why not."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from standins.supervisor.state import Record
    from standins.supervisor.units import Probe

HOST = "127.0.0.1"


def tcp(port: int, greeting: bytes = b"", answer: bytes = b"") -> Probe:
    """Connects; where `greeting` is given, also sends it and expects a reply that starts with `answer`."""

    def probe(_: Record) -> str | None:
        try:
            with socket.create_connection((HOST, port), timeout=1.0) as connection:
                if greeting:
                    connection.sendall(greeting)
                    reply = connection.recv(256)
                    if not reply.startswith(answer):
                        return f"port {port} answered {reply[:40]!r}"
        except OSError as error:
            return f"port {port}: {error.strerror or error}"
        return None

    return probe


def http_ok(port: int, path: str, timeout_seconds: float = 5.0) -> Probe:
    """Expects status 200 for GET `path`."""
    return lambda _: http_problem(port, path, timeout_seconds)


def http_problem(port: int, path: str, timeout_seconds: float) -> str | None:
    """Why GET `path` does not answer 200; None if it does."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_seconds)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"GET {path} on port {port}: {error}"
    finally:
        connection.close()
    return None if status == 200 else f"GET {path} on port {port} answered {status}"


def call(function: Callable[[], object]) -> Probe:
    """Ready once `function` no longer raises an OSError, a ValueError or a RuntimeError."""

    def probe(_: Record) -> str | None:
        try:
            function()
        except (OSError, ValueError, RuntimeError) as error:
            return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        return None

    return probe
