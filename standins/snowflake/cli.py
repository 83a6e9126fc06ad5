"""Command line of the stand-in: ``python -m standins.snowflake serve --port N --data DIR``."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import warnings
from pathlib import Path

import uvicorn

from standins.snowflake.app import create_app
from standins.snowflake.engine import Engine


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and serve until SIGTERM or SIGINT.

    Raises:
        SystemExit: 2 when the arguments are wrong (argparse).
        OSError: when the port is taken.
    """
    parser = argparse.ArgumentParser(prog="python -m standins.snowflake", description=__doc__)
    serve = parser.add_subparsers(dest="command", required=True).add_parser("serve", help="run the server")
    serve.add_argument("--port", type=int, required=True, help="0 picks a free port and writes it to DATA/port")
    serve.add_argument("--data", type=Path, required=True, help="folder of databases and stages; survives restarts")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--user", default="drivetrain")
    serve.add_argument("--password", default="drivetrain")
    serve.add_argument("--timezone", default="Asia/Kolkata", help="the account's TIMEZONE parameter")
    serve.add_argument("--chunk-rows", type=int, default=5000, help="rows in a result chunk after the inline one")
    serve.add_argument(
        "--idle-transaction-seconds", type=float, default=300.0, help="then a transaction that blocks gives way"
    )
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # statements it cannot parse are answered, not logged
    warnings.filterwarnings("ignore", "Arrow output on a DB-API result")

    arguments.data.mkdir(parents=True, exist_ok=True)
    # Bind first: a taken port must fail before the databases are opened (DuckDB locks them).
    listener = socket.create_server((arguments.host, arguments.port))
    # asyncio sets this on sockets that it made itself; without it every answer waits 40 ms for a delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    engine = Engine(
        arguments.data,
        timezone=arguments.timezone,
        idle_transaction_seconds=arguments.idle_transaction_seconds,
    )
    app = create_app(engine, user=arguments.user, password=arguments.password, chunk_rows=arguments.chunk_rows)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5)
    for name in (signal.SIGTERM, signal.SIGINT):
        # uvicorn stops on these, then raises them again for the handler that it found: stay to close the databases.
        signal.signal(name, lambda *_: None)
    (arguments.data / "port").write_text(str(listener.getsockname()[1]))
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        engine.close()
