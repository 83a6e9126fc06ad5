"""What the feature server is told by its environment: variables DRIVETRAIN_FEATURES_<NAME>."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings.

    Attributes:
        registry: the file that `feast apply` writes; it is read again when it changes.
        project: Feast's.
        redis_url: of the online store, without a password.
        redis_password: of the online store.
        redis_timeout_seconds: for one answer of Redis; what takes longer is answered with 503.
        redis_connections: how many requests may ask Redis at a time in one process.
        clients: a YAML file of who may ask for what, see services.feature_server.clients; None: anybody may ask for
            everything, which only a server on 127.0.0.1 should allow.
        most_entities: of one request.
        most_bytes: of one request's body.
        serve_stale: give values that are older than their view's TTL, with the status OUTSIDE_MAX_AGE.
        registry_seconds: how often the registry's file is looked at.
        drain_seconds: how long a server that is to end still answers what it has begun.
    """

    model_config = SettingsConfigDict(env_prefix="DRIVETRAIN_FEATURES_", extra="forbid")

    registry: Path
    project: str = "marketplace"
    redis_url: str = "redis://127.0.0.1:6379/0"
    redis_password: SecretStr | None = None
    redis_timeout_seconds: float = Field(default=0.25, gt=0, le=30)
    redis_connections: int = Field(default=32, ge=1, le=1_000)
    clients: Path | None = None
    most_entities: int = Field(default=1_000, ge=1, le=100_000)
    most_bytes: int = Field(default=4_000_000, ge=1_000)
    serve_stale: bool = False
    registry_seconds: float = Field(default=5.0, gt=0)
    drain_seconds: int = Field(default=10, ge=0)
