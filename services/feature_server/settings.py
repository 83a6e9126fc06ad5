"""What the feature server is told by its environment: variables DRIVETRAIN_FEATURES_<NAME>.

A secret may be a file instead, where DRIVETRAIN_FEATURES_SECRETS names the folder: drivetrain_features_redis_password.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from drivetrain.errors import FatalError

_PREFIX = "DRIVETRAIN_FEATURES_"
_SECRETS = f"{_PREFIX}SECRETS"


class Settings(BaseSettings):
    """Settings.

    Attributes:
        registry: the file that `feast apply` writes; it is read again when it changes.
        project: Feast's.
        redis_url: of the online store, without a password.
        redis_password: of the online store.
        redis_timeout_seconds: for one answer of Redis; what takes longer is answered with 503.
        clients: a YAML file of who may ask for what, see services.feature_server.clients; None: anybody may ask for
            everything, which only a server on 127.0.0.1 should allow.
        most_entities: of one request.
        most_bytes: of one request's body.
        serve_stale: give values that are older than their view's TTL, with the status OUTSIDE_MAX_AGE.
        registry_seconds: how often the registry's file is looked at.
        drain_seconds: how long a server that is to end still answers what it has begun.
        traces: send OpenTelemetry's traces; its own variables (OTEL_*) say where to, as whom and how many.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid")

    registry: Path
    project: str = "marketplace"
    redis_url: str = "redis://127.0.0.1:6379/0"
    redis_password: SecretStr | None = None
    redis_timeout_seconds: float = Field(default=0.25, gt=0, le=30)
    clients: Path | None = None
    most_entities: int = Field(default=1_000, ge=1, le=100_000)
    most_bytes: int = Field(default=4_000_000, ge=1_000)
    serve_stale: bool = False
    registry_seconds: float = Field(default=5.0, gt=0)
    drain_seconds: int = Field(default=10, ge=0)
    traces: bool = False


def settings_from_environment() -> Settings:
    """Settings of this process.

    Raises:
        FatalError: something is missing, or is not what it should be.
    """
    try:
        return Settings(_secrets_dir=os.environ.get(_SECRETS))  # type: ignore[call-arg]  # the environment has the rest
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = _PREFIX + str(first["loc"][0]).upper()
        raise FatalError(f"{name}: {first['msg']}: docs/FEATURES.md says what the feature server is told") from None
