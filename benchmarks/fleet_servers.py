"""The servers that a fleet of sheet syncs needs, each real or a stand-in over real sockets, and connections to them."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from standins.platform.layout import Layout
from standins.platform.postgres import ensure_data_directory, ensure_databases, server
from standins.platform.secrets import Secrets
from standins.ports import Ports
from standins.pubsub.testing import PubSubEmulator
from standins.sheets.testing import SheetsStandin
from standins.snowflake.testing import SnowflakeStandin
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = "drivetrain-bench"


@dataclass(frozen=True)
class Quota:
    """Google's quota, its minute shortened, and how the product is told of it.

    Attributes:
        minute_seconds: how long a minute lasts.
        grace_seconds: see drivetrain.quota.limits.Limits. A call's way through this machine is not shortened with the
            minute, so this is longer than its share.
        reserve_share: likewise.
    """

    minute_seconds: float = 60.0
    grace_seconds: float = 2.0
    reserve_share: float = 0.2

    @property
    def limits(self) -> dict[str, float]:
        """As the extra `sheets_quota` of the connection redis_default takes it."""
        return {
            "window_seconds": self.minute_seconds,
            "grace_seconds": self.grace_seconds,
            "keep_seconds": self.minute_seconds / 2,
            "reserve_share": self.reserve_share,
        }


class PostgresServer:
    """A real Postgres that can be killed and started again on the same port and data.

    What it has acknowledged survives that, as in production: the local platform's `synchronous_commit=off` is not for a
    server that is killed.
    """

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self._layout = Layout(home, Ports(postgres=port))
        self._secrets = Secrets.of(self._layout.secrets_file)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        ensure_data_directory(self._layout, self._secrets)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end(signal.SIGINT)

    @property
    def connection(self) -> dict[str, Any]:
        """Fields of an Airflow connection."""
        return {
            "conn_type": "postgres",
            "host": "127.0.0.1",
            "port": self._layout.ports.postgres,
            "login": "drivetrain",
            "password": self._secrets.postgres_password,
            "schema": "drivetrain",
        }

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it did not within half a minute.
        """
        log_file = self._layout.home / "postgres.log"
        command = (*server(self._layout), "-c", "synchronous_commit=on")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                # After a kill it refuses to start until the last of its old processes has noticed.
                with log_file.open("ab") as log:
                    self._process = subprocess.Popen(command, stdout=log, stderr=log)
            with contextlib.suppress(RuntimeError):
                ensure_databases(self._layout, self._secrets)
                return
            time.sleep(0.05)
        raise RuntimeError(f"Postgres did not start: {log_file.read_text()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=20)
        self._process = None


class Servers:
    """A context manager around all of them.

    Args:
        home: an empty folder.
        quota: None: Google Sheets has none, and there is no count of calls and no Valkey.
        pubsub: the queue is in Google's emulator instead of Postgres.
        accounts: of Google.
        timeout_seconds: for an answer of Google Sheets.
    """

    def __init__(
        self,
        home: Path,
        *,
        quota: Quota | None,
        pubsub: bool = False,
        accounts: int = 5,
        timeout_seconds: float = 180,
    ) -> None:
        self.quota, self._accounts, self._timeout_seconds = quota, accounts, timeout_seconds
        self.sheets = SheetsStandin(
            quotas="google" if quota else None,
            minute_seconds=quota.minute_seconds if quota else 60.0,
            check_responses=False,
            accounts=accounts,
        )
        self.snowflake = SnowflakeStandin()
        self.postgres = PostgresServer(home)
        self.valkey = Valkey(home) if quota else None
        self.pubsub = PubSubEmulator() if pubsub else None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for each in (self.sheets, self.snowflake, self.postgres, self.valkey, self.pubsub):
                if each is not None:
                    stack.enter_context(each)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def account_names(self) -> list[str]:
        """Of the service accounts."""
        return [f"sync-{number}" for number in range(1, self._accounts + 1)]

    def environment(self) -> dict[str, str]:
        """What a process needs to know, as Airflow reads it."""
        connections: dict[str, dict[str, Any]] = {
            "google_sheets_default": {
                "conn_type": "googlesheets",
                "extra": {
                    "api_root": self.sheets.url,
                    "keyfile_paths": [str(self.sheets.keyfile(name)) for name in self.account_names],
                    "timeout_seconds": self._timeout_seconds,
                    "connect_timeout_seconds": min(self._timeout_seconds, 10),
                },
            },
            "snowflake_default": {
                "conn_type": "snowflake",
                "login": self.snowflake.user,
                "password": self.snowflake.password,
                "extra": {
                    "account": "drivetrain",
                    "host": self.snowflake.host,
                    "port": self.snowflake.port,
                    "protocol": "http",
                },
            },
            "drivetrain_state": self.postgres.connection,
        }
        if self.valkey is not None and self.quota is not None:
            extra = {"sheets_quota": self.quota.limits}
            connections["redis_default"] = {
                "conn_type": "redis",
                "host": "127.0.0.1",
                "port": self.valkey.port,
                "extra": extra,
            }
        known = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(fields) for name, fields in connections.items()}
        if self.pubsub is not None:
            anonymous = {"conn_type": "google_cloud_platform", "extra": {"project": PROJECT, "is_anonymous": True}}
            known |= {"AIRFLOW_CONN_DRIVETRAIN_QUEUE": json.dumps(anonymous), "PUBSUB_EMULATOR_HOST": self.pubsub.host}
        return known | {
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
            "SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true",  # else each log-in may wait 5 s for the resolver
        }
