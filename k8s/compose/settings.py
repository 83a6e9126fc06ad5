"""The settings of docker-compose.yaml's containers: those of `make up`, where each address is a container's name.

Runs in the `standins` image, as `python settings.py write|bundle|workbooks|demo|password`. Nothing here repeats a
setting: `standins.platform` says what they are, and this file says where things are in a container.
"""

from __future__ import annotations

import configparser
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from standins.platform import bundle
from standins.platform.airflow_env import airflow_env
from standins.platform.connections import connections
from standins.platform.layout import Layout
from standins.platform.secrets import ADMIN, Secrets, write_private
from standins.platform.workbooks import create_workbooks
from standins.ports import Ports
from standins.supervisor.errors import SupervisorError

SETTINGS = Path("/etc/drivetrain")
# Postgres' container runs as another user, so its one secret is in a volume that nothing else mounts.
POSTGRES_PASSWORD = Path("/run/postgres-password/password")
ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Containers(Layout):
    """The same platform, a container a service; `ports` are those inside, each another one."""

    home: Path = Path("/var/lib/drivetrain")
    ports: Ports = field(default_factory=lambda: Ports(postgres=5432, redis=6379))
    repository: Path = Path("/opt/drivetrain")

    @property
    def bin(self) -> Path:
        """Programs of Airflow's virtual environment."""
        return Path("/opt/venv/bin")

    @property
    def airflow_home(self) -> Path:
        """The folder of the image, on a file system that lasts as long as the container."""
        return Path("/opt/airflow")

    @property
    def secrets_file(self) -> Path:
        """In the volume of settings."""
        return SETTINGS / "secrets.json"

    @property
    def connections_file(self) -> Path:
        """In the volume of settings."""
        return SETTINGS / "connections.json"

    @property
    def airflow_url(self) -> str:
        """For other containers."""
        return f"http://{self.service(self.ports.airflow)}:{self.ports.airflow}"

    @property
    def sheets_url(self) -> str:
        """For other containers."""
        return f"http://{self.service(self.ports.sheets)}:{self.ports.sheets}"

    def service(self, port: int) -> str:
        """Name of the container that listens on a port."""
        names = {getattr(self.ports, name): name for name in Ports.__dataclass_fields__}
        return {"airflow": "api-server"}.get(names[port], names[port])

    def named(self, value: Any) -> Any:
        """A setting, with the container's name in place of 127.0.0.1."""
        if isinstance(value, str):
            return ADDRESS.sub(lambda found: f"{self.service(int(found[1]))}:{found[1]}", value)
        if not isinstance(value, dict):
            return value
        result = {key: self.named(inner) for key, inner in value.items()}
        if result.get("host") == "127.0.0.1":
            result["host"] = self.service(result["port"])
        if "extra" in result:
            result["extra"] = json.dumps(self.named(json.loads(result["extra"])))
        return result


def airflow_options(layout: Containers, secrets: Secrets, browser_port: int) -> dict[str, dict[str, str]]:
    """Section -> option -> value, for Airflow's configuration file."""
    sections: dict[str, dict[str, str]] = {}
    for name, value in airflow_env(layout, secrets).items():
        if name.startswith("AIRFLOW__"):
            _, section, option = name.lower().split("__", 2)
            sections.setdefault(section, {})[option] = layout.named(value)
    # Inside, the container's own network is the boundary; compose publishes the port on 127.0.0.1 alone.
    sections["api"]["host"] = "0.0.0.0"  # noqa: S104
    sections["api"]["base_url"] = f"http://127.0.0.1:{browser_port}"
    return sections


def write(layout: Containers, secrets: Secrets) -> str:
    """Write what Airflow and Postgres read."""
    parser = configparser.RawConfigParser()
    port = int(os.environ.get("DRIVETRAIN_PORT_AIRFLOW", layout.ports.airflow))
    for section, options in airflow_options(layout, secrets, port).items():
        # Airflow reads %(name)s in its file, though not in its environment.
        parser[section] = {option: value.replace("%", "%%") for option, value in options.items()}
    text = io.StringIO()
    parser.write(text)
    write_private(SETTINGS / "airflow.cfg", text.getvalue())
    write_private(layout.connections_file, json.dumps(layout.named(connections(layout, secrets)), indent=1))
    write_private(POSTGRES_PASSWORD, secrets.postgres_password)
    POSTGRES_PASSWORD.chmod(0o444)
    return f"Airflow will be at http://127.0.0.1:{port}, user {ADMIN}."


def demo(layout: Containers, _: Secrets) -> str:
    """Publish the working tree, run every sheet sync once, and compare each sheet with its source.

    Raises:
        SupervisorError: a DAG cannot be imported, a run failed, or a sheet differs.
    """
    from rich.console import Console

    from standins.platform.demo import connect, run_syncs
    from standins.platform.show import Progress

    with connect(layout) as api, Progress(Console()) as progress:
        run_syncs(layout, api, progress)
    verify = [layout.bin / "drivetrain", "sheets", "verify", "--include", layout.repository / "include"]
    code = subprocess.run(verify, check=False).returncode
    if code:
        raise SupervisorError(f"`drivetrain sheets verify` ended with exit code {code}.")
    return "Each sheet is what its query returns."


COMMANDS: dict[str, Callable[[Containers, Secrets], str]] = {
    "write": write,
    "bundle": lambda layout, _: bundle.publish(layout, "Publish the working tree"),
    "workbooks": lambda layout, _: create_workbooks(layout),
    "demo": demo,
    "password": lambda _, secrets: secrets.admin_password,
}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"usage: settings.py {'|'.join(COMMANDS)}")
    here = Containers()
    try:
        said = COMMANDS[sys.argv[1]](here, Secrets.of(here.secrets_file))
    except SupervisorError as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(f"{said}\n")
