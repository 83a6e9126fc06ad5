"""How the emulator is started."""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_SERVER = Path(__file__).with_name("server.py")
HEALTH = "/readyz"
# It cuts what it sends by rows and not by bytes, and refuses to send more than it would take.
ENV = {"BQEMU_WRITE_API_MAX_REQUEST_BYTES": str(256 * 2**20)}


def bigquery_python() -> Path:
    """The interpreter that has bqemulator: `DRIVETRAIN_BIGQUERY_PYTHON`, or `.venv-bigquery` of this repository.

    Raises:
        FileNotFoundError: it is not installed; the message says how to get it.
    """
    python = Path(os.environ.get("DRIVETRAIN_BIGQUERY_PYTHON") or _ROOT / ".venv-bigquery" / "bin" / "python")
    if not python.exists():
        raise FileNotFoundError(f"{python} is missing: run `make venv-bigquery`, or set DRIVETRAIN_BIGQUERY_PYTHON")
    return python


def bigquery_command(port: int, storage_port: int) -> tuple[str, ...]:
    """Listens on 127.0.0.1, and keeps nothing.

    Args:
        port: of the REST API.
        storage_port: of the Storage Read API.

    Raises:
        FileNotFoundError: see bigquery_python.
    """
    ports = ("--rest-port", str(port), "--grpc-port", str(storage_port))
    return (str(bigquery_python()), "-I", str(_SERVER), "start", *ports, "--ephemeral")
