"""A feature server in a process of its own, over a real Redis, with features that our own writer wrote."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import pyarrow as pa
import pytest
import yaml
from redis import Redis

from drivetrain.features.online_rows import prepare
from drivetrain.features.registry import read_registry
from hooks.online_writer import OnlineWriter
from tests.support.registries import RegistryFile
from tests.support.valkey import Valkey
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
NOW = dt.datetime.now(dt.UTC).replace(microsecond=123456)
CARS = {"price": "DOUBLE", "views": "INT64", "city": "STRING", "tags": "STRING_LIST", "raw": "BYTES", "sold": "BOOL"}
KEYS = {"all": "key-of-all", "cars": "key-of-cars", "slow": "key-of-slow"}


def registry_bytes(*, project: str = "marketplace") -> bytes:
    """Cars, dealers of cities (two join keys), and a service of both."""
    registry = RegistryFile(project)
    registry.view("cars", {"car": "INT64"}, CARS, ttl=dt.timedelta(hours=2))
    registry.view("demand", {"car": "INT64"}, {"leads": "INT64", "price": "DOUBLE"})
    registry.view("dealers", {"dealer": "STRING", "branch": "INT32"}, {"rating": "DOUBLE"})
    registry.service("page", {"cars": ["price", "city"], "demand": ["leads"], "dealers": ["rating"]})
    return registry.content()


def write(redis: Redis, view: str, **columns: Any) -> None:
    """Rows of a view."""
    registered = read_registry(registry_bytes(), "marketplace", where="test").views[view]
    OnlineWriter(redis).write(prepare(pa.table(columns), registered.view).rows)


class Running:
    """A server. As a context manager it is ended at the end."""

    def __init__(self, folder: Path, valkey: Valkey, **settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.registry, self.log = folder / "registry.db", folder / "server.log"
        if not self.registry.exists():
            self.registry.write_bytes(registry_bytes())
        own = {
            "REGISTRY": str(self.registry),
            "REDIS_URL": f"redis://127.0.0.1:{valkey.port}/0",
            "REGISTRY_SECONDS": "0.1",
        }
        environment = os.environ | {f"DRIVETRAIN_FEATURES_{name}": value for name, value in (own | settings).items()}
        command = [sys.executable, "-m", "services.feature_server", "--port", str(port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env=environment,
                cwd=ROOT,  # services/ are no part of the distribution
                stdout=log,
                stderr=log,
            )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False)

    def __enter__(self) -> Self:
        eventually("the feature server", self._is_up, 60)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(timeout=30)

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.client.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, *, key: str | None = None, **body: Any) -> httpx.Response:
        """One request for features."""
        headers = {"X-Api-Key": key} if key else {}
        return self.client.post("/get-online-features", json=body, headers=headers)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="module")
def valkey(folder: Path) -> Iterator[Valkey]:
    with Valkey(folder) as server:
        yield server


@pytest.fixture(scope="module")
def redis(valkey: Valkey) -> Iterator[Redis]:
    with Redis(port=valkey.port, protocol=2, socket_timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def server(folder: Path, valkey: Valkey) -> Iterator[Running]:
    with Running(folder, valkey, REDIS_TIMEOUT_SECONDS="5") as running:
        yield running


def clients_file(folder: Path) -> Path:
    """One that may read everything, one cars alone, one that may ask once a second."""
    path = folder / "clients.yaml"
    hashes = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}
    clients = {
        "everything": {"key_sha256": hashes["all"], "views": "*"},
        "pricing": {"key_sha256": hashes["cars"], "views": ["cars"]},
        "crawler": {"key_sha256": hashes["slow"], "views": "*", "requests_per_second": 0.01},
    }
    path.write_text(yaml.safe_dump({"clients": clients}))
    return path
