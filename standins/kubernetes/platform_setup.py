"""Makes the databases ready, in one process of a pod: each call of Airflow's command line costs seconds.

Runs in the Job `airflow-migrate` of the test overlay, with Airflow's settings as its environment:
python -m standins.kubernetes.platform_setup <folder with connections.json and secrets.json>.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from standins.platform import migrate
from standins.platform.postgres import DATABASES, ROLE
from standins.platform.secrets import ADMIN

DATABASE_TIMEOUT_SECONDS = 120.0
CONNECTION = "drivetrain_state"
GIT = "drivetrain_git"


def make_databases(state: dict[str, Any]) -> None:
    """Wait for the server, then make the databases that it lacks.

    Raises:
        TimeoutError: it does not answer.
    """
    import psycopg

    deadline = time.monotonic() + DATABASE_TIMEOUT_SECONDS
    while True:
        try:
            with psycopg.connect(
                host=state["host"],
                port=state["port"],
                user=ROLE,
                password=state["password"],
                dbname="postgres",
                autocommit=True,
                connect_timeout=3,
            ) as connection:
                known = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
                for name in (name for name in DATABASES if name not in known):
                    connection.execute(f'CREATE DATABASE "{name}"'.encode())
                return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Postgres does not answer: {error}") from error
            time.sleep(1)


def write_connections(connections: dict[str, dict[str, Any]]) -> None:
    """Into Airflow's database, encrypted; those that are there are brought up to date."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        for name, given in connections.items():
            found = session.scalar(select(Connection).where(Connection.conn_id == name)) or Connection(conn_id=name)
            for key, value in given.items():
                setattr(found, key, value)
            session.add(found)


def clone(connection: dict[str, Any], folder: Path) -> None:
    """Get what was pushed: include/ says which roles there are."""
    token = base64.b64encode(f"{connection['login']}:{connection['password']}".encode()).decode()
    environment = {
        **os.environ,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{connection['host']}.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {token}",
    }
    command = ["git", "clone", "--quiet", "--depth=1", "--branch=main", connection["host"], str(folder)]
    subprocess.run(command, env=environment, check=True)


def main(folder: str) -> None:
    """All of it; safe to repeat."""
    # As the scheduler's: connections are looked up in Airflow's database too.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    connections = json.loads(Path(folder, "connections.json").read_text(encoding="utf-8"))
    make_databases(connections[CONNECTION])
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch, "bundle")
        clone(connections[GIT], bundle)
        migrate.main(str(Path(folder, "secrets.json")), ADMIN, str(bundle / "include"))
    write_connections(connections)
    migrate.drivetrain("state", "migrate")


if __name__ == "__main__":
    main(*sys.argv[1:])
