"""Which port each service of the local platform listens on, and how to move it.

`DRIVETRAIN_PORT_<NAME>` moves one service, `DRIVETRAIN_PORT_BASE` moves all of them into one block.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from standins.supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """Ports on 127.0.0.1. The order of the fields is their order in a block, so append only."""

    airflow: int = 8080
    postgres: int = 15432
    redis: int = 16379
    snowflake: int = 14420
    sheets: int = 14430
    statsd: int = 9125  # of UDP
    statsd_web: int = 9102
    prometheus: int = 9090
    bigquery: int = 9050
    bigquery_storage: int = 9060
    gcs: int = 4443
    pubsub: int = 8085
    features: int = 6566

    @classmethod
    def count(cls) -> int:
        """How many ports a block needs."""
        return len(cls.__dataclass_fields__)

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Ports:
        """Read the ports from the environment.

        Raises:
            SupervisorError: a variable holds no port number.
        """
        base = env.get("DRIVETRAIN_PORT_BASE")
        chosen = {}
        for offset, name in enumerate(cls.__dataclass_fields__):
            variable = f"DRIVETRAIN_PORT_{name.upper()}"
            if variable in env:
                chosen[name] = _port(variable, env[variable])
            elif base is not None:
                chosen[name] = _port("DRIVETRAIN_PORT_BASE", base) + offset
        return cls(**chosen)


def _port(variable: str, text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536 - Ports.count():
        return int(text)
    raise SupervisorError(f"{variable}={text!r} is not a port number: set it to a number from 1 to 65000.")
