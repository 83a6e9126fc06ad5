"""Runs the application under uvicorn on a socket that is bound before anything else, so that the address is known."""

from __future__ import annotations

import socket

import uvicorn

from standins.sheets.app import App
from standins.sheets.core import Config, Core
from standins.sheets.http import Protocol


def run(config: Config, host: str, port: int, public_url: str | None = None) -> None:
    """Serve until SIGTERM or SIGINT; running calls end first."""
    config.data.mkdir(parents=True, exist_ok=True)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted sockets inherit it. Without it an answer of two writes waits 40 ms for the client's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind((host, port))
    listener.listen(1024)
    bound = listener.getsockname()[1]
    reachable = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    core = Core(config)
    core.start(public_url or f"http://{reachable}:{bound}")
    settings = uvicorn.Config(
        App(core),
        http=Protocol,
        ws="none",
        loop="uvloop",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(settings)
    temporary = config.data / "port.tmp"
    temporary.write_text(f"{bound}\n")
    temporary.replace(config.data / "port")
    server.run(sockets=[listener])
