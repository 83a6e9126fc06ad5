"""Snowflake's and Google Sheets' stand-ins on the cluster: filled, and known to Airflow."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from standins.kubernetes.platform_secrets import NAMESPACE
from standins.kubernetes.programs import output_of
from standins.platform.connections import SHEETS_ACCOUNTS, sheets_connection, snowflake_connection
from standins.platform.layout import REPOSITORY, Layout
from standins.platform.workbooks import create_workbooks
from standins.ports import Ports

if TYPE_CHECKING:
    from standins.kubernetes.kubectl import Kubectl

SNOWFLAKE_PORT, SHEETS_PORT = 14420, 14430
SHEETS_DATA = "/var/lib/drivetrain/sheets"
LOAD_TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True)
class _Sheets(Layout):
    """A platform whose Sheets are elsewhere."""

    address: str = ""

    @property
    def sheets_url(self) -> str:
        """Of the service, as this machine reaches it."""
        return f"http://{self.address}:{SHEETS_PORT}"


def fill(snowflake: str, sheets: str) -> str:
    """Load the warehouse and make the workbooks, unless they are there; says what the loader said.

    Args:
        snowflake: address of its service.
        sheets: address of its service.

    Raises:
        SupervisorError: a stand-in refused something.
    """
    command = [sys.executable, "-m", "standins.warehouse", "load", "--host", snowflake, "--port", str(SNOWFLAKE_PORT)]
    said = output_of(command, cwd=REPOSITORY, timeout_seconds=LOAD_TIMEOUT_SECONDS, what="The warehouse's loader")
    create_workbooks(_Sheets(home=Path("/nonexistent"), ports=Ports(), address=sheets))
    return said.strip()


def connections(kubectl: Kubectl) -> dict[str, dict[str, Any]]:
    """Connection id -> what Airflow's `Connection` takes. Keys of service accounts are read from the stand-in's pod."""
    read = ("exec", "--namespace", NAMESPACE, "deployment/sheets", "--", "cat")
    keys = [json.loads(kubectl(*read, f"{SHEETS_DATA}/accounts/{name}.json")) for name in SHEETS_ACCOUNTS]
    return {
        "google_sheets_default": sheets_connection(f"http://sheets:{SHEETS_PORT}", keyfile_dicts=keys),
        "snowflake_default": snowflake_connection("snowflake", SNOWFLAKE_PORT),
    }
