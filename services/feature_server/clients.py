"""Who may ask for which views: a YAML file of names, hashes of keys and views.

clients:
  price-model:
    key_sha256: "<the SHA-256 of the key, in hex>"
    views: [car_listing, car_demand]     # or "*"
    requests_per_second: 500             # of one process; 0: no limit
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivetrain.errors import FatalError

_HEX = r"^[0-9a-f]{64}$"


class Client(BaseModel):
    """One service that asks.

    Attributes:
        key_sha256: of its key; the key itself is kept by the service alone.
        views: that it may read.
        requests_per_second: in one process of the server, with a second's worth saved up; 0: no limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_sha256: str = Field(pattern=_HEX)
    views: list[str] | Literal["*"]
    requests_per_second: float = Field(default=0, ge=0)

    def may_read(self, view: str) -> bool:
        """Whether a view is among its own."""
        return self.views == "*" or view in self.views


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    clients: dict[str, Client]


class Clients:
    """All of a file's clients, by the hash of their keys.

    Raises:
        FatalError: the file can't be read, or says something that is not known.
    """

    def __init__(self, path: Path) -> None:
        try:
            found = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError) as error:
            raise FatalError(f"clients {path}: {error}") from None
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            raise FatalError(f"clients {path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        self._known = {client.key_sha256: (name, client) for name, client in found.clients.items()}
        self._saved = {name: _Bucket(client.requests_per_second) for name, client in found.clients.items()}

    def of(self, key: str) -> tuple[str, Client] | None:
        """Whose key that is. Hashes are compared, so how long it takes tells nothing of a key."""
        return self._known.get(hashlib.sha256(key.encode()).hexdigest())

    def take(self, name: str) -> float:
        """Count a request: 0, or in how many seconds it may be asked again."""
        return self._saved[name].take(time.monotonic())


class _Bucket:
    """Requests saved up while nobody asks, a second's worth at most."""

    def __init__(self, rate: float) -> None:
        self._rate, self._left, self._at = rate, max(rate, 1.0), time.monotonic()

    def take(self, now: float) -> float:
        if not self._rate:
            return 0.0
        self._left = min(max(self._rate, 1.0), self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= 1
        return 0.0
