"""A real Postgres of its own for a test."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import URL, text

from standins.platform.layout import Layout
from standins.platform.postgres import ensure_data_directory, ensure_databases, server
from standins.platform.secrets import Secrets
from standins.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Connection


@contextmanager
def running_postgres(home: Path) -> Iterator[dict[str, object]]:
    """Start a server below `home`; gives an Airflow connection's fields to its database drivetrain.

    Raises:
        RuntimeError: it did not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    layout = Layout(home, Ports(postgres=port))
    secrets = Secrets.of(layout.secrets_file)
    ensure_data_directory(layout, secrets)
    with (home / "postgres.log").open("ab") as log:
        process = subprocess.Popen(server(layout), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(RuntimeError):
                ensure_databases(layout, secrets)
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Postgres did not start: {(home / 'postgres.log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield {
            "conn_type": "postgres",
            "host": "127.0.0.1",
            "port": port,
            "login": "drivetrain",
            "password": secrets.postgres_password,
            "schema": "drivetrain",
        }
    finally:
        process.send_signal(signal.SIGINT)  # end now, without waiting for clients
        process.wait(timeout=20)


def database_url(connection: dict[str, object]) -> URL:
    """Where an Airflow connection of type postgres points, for SQLAlchemy."""
    return URL.create(
        "postgresql+psycopg",
        username=str(connection["login"]),
        password=str(connection["password"]),
        host=str(connection["host"]),
        port=int(str(connection["port"])),
        database=str(connection["schema"]),
    )


def empty_tables(connection: Connection) -> None:
    """Remove every row of ours."""
    query = (
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace "
        "AND NOT relispartition AND relname <> 'drivetrain_version'"
    )
    names = connection.execute(text(query)).scalars()
    connection.execute(text(f"TRUNCATE {', '.join(names)}"))
