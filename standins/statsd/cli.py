"""`python -m standins.statsd`."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from standins.ports import HOST
from standins.statsd.mapping import MappingFile
from standins.statsd.server import StatsdStandin

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def serve(
    mapping: Annotated[Path, typer.Option(help="The exporter's mapping file.")],
    udp_port: Annotated[int, typer.Option(help="StatsD.")] = 9125,
    web_port: Annotated[int, typer.Option(help="/metrics.")] = 9102,
) -> None:
    """Take StatsD by UDP and show it to Prometheus, until it is told to stop."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with StatsdStandin(MappingFile.load(mapping), udp_port, web_port) as server:
        print(f"StatsD on {HOST}:{server.udp_port}, http://{HOST}:{server.web_port}/metrics", flush=True)
        ended.wait()
