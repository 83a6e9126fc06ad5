"""What a client is told: by its constructor, by the environment (DRIVETRAIN_TRITON_<NAME>) or by a file."""

from __future__ import annotations

import json
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from drivetrain_triton.errors import ConfigurationError

if TYPE_CHECKING:
    from drivetrain_triton.calls import Request

_PREFIX = "DRIVETRAIN_TRITON_"


class Scheme(StrEnum):
    """How a server is spoken to."""

    HTTP = "http"
    HTTPS = "https"
    GRPC = "grpc"
    GRPCS = "grpcs"

    @property
    def is_grpc(self) -> bool:
        """Or HTTP."""
        return self in (Scheme.GRPC, Scheme.GRPCS)

    @property
    def is_encrypted(self) -> bool:
        """By TLS."""
        return self in (Scheme.HTTPS, Scheme.GRPCS)


class Compression(StrEnum):
    """What requests and answers are made smaller with."""

    NONE = "none"
    GZIP = "gzip"
    DEFLATE = "deflate"


class TritonSettings(BaseSettings):
    """Settings.

    Attributes:
        urls: of servers that have the same models: http://, https://, grpc:// or grpcs://host:port. In the environment
            with commas between them.
        timeout_seconds: for a call with all that it does, where the call does not say.
        connect_seconds: for a connection, of the call's time; a server that has not taken it by then can't be reached.
        attempts: of one call, at most, with the first; each is of another server, if there is one.
        retry_share: of all calls that may be sent again, over time.
        failures: so many one after the other, and a server is left alone.
        rest_seconds: for how long at first.
        limits_load: no server is given more requests at a time than it answers in time, which is found out by trying;
            calls beyond that end at once, and nothing of them is sent. In an overload most calls that are sent are
            answered; without it, hardly any.
        token: sent as a bearer token.
        headers: sent with each request; they may be secret.
        ca_file: PEM of who signs the servers' certificates; None: whom the system trusts.
        connections: at most, to one server.
        max_message_bytes: of a request or an answer by gRPC.
        compression: of requests, and by HTTP of answers: none, gzip or deflate. It takes more time than it saves,
            unless the network is slow. By gRPC the server decides how it answers.
        compress_from_bytes: smaller requests are sent as they are.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True)

    urls: Annotated[tuple[str, ...], NoDecode] = Field(min_length=1)
    timeout_seconds: float = Field(default=10.0, gt=0)
    connect_seconds: float = Field(default=1.0, gt=0)
    attempts: int = Field(default=3, ge=1, le=20)
    retry_share: float = Field(default=0.1, ge=0, le=1)
    failures: int = Field(default=5, ge=1)
    rest_seconds: float = Field(default=1.0, gt=0)
    limits_load: bool = False
    token: SecretStr | None = None
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    ca_file: Path | None = None
    connections: int = Field(default=32, ge=1)
    compression: Compression = Compression.NONE
    compress_from_bytes: int = Field(default=1_400, ge=0)  # what one packet takes
    max_message_bytes: int = Field(default=2**31 - 1, ge=1_024, le=2**31 - 1)

    @field_validator("urls", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(one.strip() for one in value.split(",") if one.strip()) if isinstance(value, str) else value

    @field_validator("urls")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            parts = urlsplit(url)
            if parts.scheme not in list(Scheme) or not parts.hostname or parts.username or parts.query:
                raise ValueError(f"{_without_user(url)!r} is none of http://, https://, grpc:// or grpcs://host:port")
        return value

    @classmethod
    def of(cls, **given: Any) -> Self:
        """What is given, and the environment for the rest.

        Raises:
            ConfigurationError: something is missing or not what it should be.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            raise _told(error, "the client's settings") from None

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """A file, TOML or JSON, and the environment for the rest.

        Raises:
            ConfigurationError: it can't be read, or something in it is not what it should be.
        """
        try:
            text = path.read_text()
            given = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
            return cls(**given)
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from None
        except ValidationError as error:
            raise _told(error, str(path)) from None
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"{path}: is no {path.suffix.lstrip('.') or 'toml'}: {error}") from None

    def compression_of(self, request: Request) -> str | None:
        """As tritonclient names it; None: it is sent as it is."""
        if self.compression is Compression.NONE or request.size < self.compress_from_bytes:
            return None
        return self.compression.value

    def all_headers(self) -> dict[str, str]:
        """As they are sent."""
        told = {name: value.get_secret_value() for name, value in self.headers.items()}
        if self.token is not None:
            told["authorization"] = f"Bearer {self.token.get_secret_value()}"
        return told


def _without_user(url: str) -> str:
    """A URL as it may be told: what stands before an @ may be a password."""
    scheme, colon, rest = url.partition("://")
    return f"{scheme}{colon}{rest.rpartition('@')[2]}"


def _told(error: ValidationError, where: str) -> ConfigurationError:
    first = error.errors(include_input=False, include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    return ConfigurationError(f"{where}: {name} ({_PREFIX}{name.upper()}): {first['msg']}")
