"""Where everything is: one repository, one home directory for all that runs, one set of ports."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from standins.ports import Ports

REPOSITORY = Path(__file__).resolve().parents[2]
OPTIONAL = ("monitoring", "features")
_RUNNING = "optional-parts"


@dataclass(frozen=True)
class Layout:
    """Paths of one running platform.

    Attributes:
        home: all state; removing it while nothing runs is a fresh start.
        ports: where its services listen.
        repository: the working tree whose code runs.
        scheduled: whether DAGs also run at their own times; without it only what is triggered runs.
        monitoring: whether Prometheus runs as well.
        features: whether a feature store runs as well.
    """

    home: Path
    ports: Ports
    repository: Path = REPOSITORY
    scheduled: bool = True
    monitoring: bool = False
    features: bool = False

    @classmethod
    def from_env(cls, *also: str) -> Layout:
        """DRIVETRAIN_HOME, else `.drivetrain` in the repository; DRIVETRAIN_PORT_*; and which OPTIONAL parts run.

        Args:
            also: optional parts beside those of the environment (DRIVETRAIN_MONITORING=1) and those that run.
        """
        home = Path(os.environ.get("DRIVETRAIN_HOME") or REPOSITORY / ".drivetrain").resolve()
        file = home / _RUNNING
        chosen = {*also, *(file.read_text().split() if file.exists() else ())}
        chosen |= {part for part in OPTIONAL if os.environ.get(f"DRIVETRAIN_{part.upper()}") == "1"}
        return cls(home, Ports.from_env(), monitoring="monitoring" in chosen, features="features" in chosen)

    def remember(self) -> None:
        """Which optional parts run, for the next command."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / _RUNNING).write_text("\n".join(part for part in OPTIONAL if getattr(self, part)))

    def forget(self) -> None:
        """None of them runs any more."""
        (self.home / _RUNNING).unlink(missing_ok=True)

    @property
    def bin(self) -> Path:
        """Programs of Airflow's virtual environment."""
        return self.repository / ".venv" / "bin"

    @property
    def site_packages(self) -> Path:
        """Libraries of Airflow's virtual environment."""
        return next((self.repository / ".venv" / "lib").glob("python3.*")) / "site-packages"

    @property
    def standins_python(self) -> Path:
        """Interpreter of the emulators' virtual environment."""
        return self.repository / ".venv-standins" / "bin" / "python"

    @property
    def airflow_home(self) -> Path:
        """AIRFLOW_HOME."""
        return self.home / "airflow"

    @property
    def postgres_data(self) -> Path:
        """Postgres' data directory."""
        return self.home / "postgres"

    @property
    def bundle_repository(self) -> Path:
        """The bare repository that Airflow follows."""
        return self.home / "git" / "bundle.git"

    @property
    def bundle_work(self) -> Path:
        """The clone from which we push."""
        return self.home / "git" / "work"

    @property
    def secrets_file(self) -> Path:
        """Random secrets, made once."""
        return self.home / "secrets.json"

    @property
    def connections_file(self) -> Path:
        """Airflow's connections."""
        return self.airflow_home / "connections.json"

    @property
    def airflow_url(self) -> str:
        """UI and REST."""
        return f"http://127.0.0.1:{self.ports.airflow}"

    @property
    def prometheus_url(self) -> str:
        """Prometheus, where it runs."""
        return f"http://127.0.0.1:{self.ports.prometheus}"

    @property
    def features_url(self) -> str:
        """The feature server, where it runs."""
        return f"http://127.0.0.1:{self.ports.features}"

    @property
    def registry(self) -> Path:
        """What `feast apply` wrote of feature_repo/."""
        return self.home / "features" / "registry.db"

    @property
    def sheets_url(self) -> str:
        """The Sheets stand-in."""
        return f"http://127.0.0.1:{self.ports.sheets}"

    def stamp(self, name: str) -> Path:
        """Notes that something was done, by its content."""
        return self.home / "stamps" / name
