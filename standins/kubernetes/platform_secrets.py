"""Secrets of the platform on the cluster of the tests: made at the first deployment, gone with the cluster."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from standins.kubernetes.platform_setup import GIT
from standins.platform.connections import connections
from standins.platform.layout import Layout as Platform
from standins.platform.secrets import Secrets, write_private
from standins.ports import Ports

NAMESPACE = "drivetrain"
GIT_URL = "http://git:8000/bundle.git"
# Service -> its port. The local platform has other ports, and one address for all.
POSTGRES_PORT = 5432
AIRFLOW = "airflow-api-server"
# Connections whose servers this platform has. Others are left out instead of leading nowhere.
SERVERS = {
    "drivetrain_state": ("postgres", POSTGRES_PORT),
    "airflow_db_cleanup": ("postgres", POSTGRES_PORT),
    "airflow_api": (AIRFLOW, 8080),
}


@dataclass(frozen=True)
class PlatformSecrets:
    """What only this deployment knows.

    Attributes:
        airflow: as the local platform has them.
        git_token: of the bundle's remote.
        redis_password: of the online store.
        features_key: whoever has it may ask the feature server for all views.
    """

    airflow: Secrets
    git_token: str
    redis_password: str
    features_key: str

    @classmethod
    def of(cls, folder: Path) -> PlatformSecrets:
        """Read them; make what is missing first."""
        own = {name: _kept(folder / name.replace("_", "-")) for name in ("git_token", "redis_password", "features_key")}
        return cls(Secrets.of(folder / "secrets.json"), **own)

    @property
    def values(self) -> set[str]:
        """Each of them: what must be found nowhere else."""
        return {*vars(self.airflow).values(), self.git_token, self.redis_password, self.features_key}

    @property
    def connections(self) -> dict[str, dict[str, Any]]:
        """Connection id -> what Airflow's `Connection` takes, with the services' names; those that every start has."""
        known = connections(Platform(home=Path("/nonexistent"), ports=Ports()), self.airflow)
        found: dict[str, dict[str, Any]] = {
            name: {**known[name], "host": host, "port": port} for name, (host, port) in SERVERS.items()
        }
        found[GIT] = {"conn_type": "git", "host": GIT_URL, "login": "drivetrain", "password": self.git_token}
        return found

    def setup(self, more: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """For the migration's Job, as an object of Kubernetes.

        Args:
            more: connections that are known once their servers run.
        """
        content = {
            "connections.json": json.dumps({**self.connections, **more}),
            "secrets.json": json.dumps(vars(self.airflow)),
        }
        return _secret("airflow-setup", content)

    def manifests(self) -> list[dict[str, Any]]:
        """The others; they go to Kubernetes over standard input and are in no file."""
        known = self.airflow
        url = f"postgresql+psycopg2://drivetrain:{known.postgres_password}@postgres:{POSTGRES_PORT}/airflow"
        keys = {
            "api-secret-key": known.api_secret_key,
            "fernet-key": known.fernet_key,
            "jwt-secret": known.jwt_secret,
        }
        client = {"key_sha256": hashlib.sha256(self.features_key.encode()).hexdigest(), "views": "*"}
        features = {
            "clients.yaml": json.dumps({"clients": {"tests": client}}),
            "drivetrain_features_redis_password": self.redis_password,
        }
        # https://valkey.io/topics/acl/: the hash of the password, in a file instead of on a command line
        hashed = hashlib.sha256(self.redis_password.encode()).hexdigest()
        return [
            _secret("airflow-database", {"url": url}),
            _secret("airflow-keys", keys),
            _secret("feature-server", features),
            _secret("git", {"token": self.git_token}),
            _secret("postgres", {"password": known.postgres_password}),
            _secret("redis", {"users.acl": f"user default on #{hashed} ~* &* +@all\n"}),
        ]


def _kept(file: Path) -> str:
    if not file.exists():
        write_private(file, secrets.token_urlsafe(30))
    return file.read_text(encoding="utf-8")


def _secret(name: str, values: dict[str, str]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}
