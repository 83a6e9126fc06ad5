"""What a client needs of a transport. One is for one server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from drivetrain_triton.settings import Scheme

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from drivetrain_triton.calls import Inferred, Request
    from drivetrain_triton.settings import TritonSettings


@dataclass(frozen=True)
class Server:
    """Where one is, and how it is spoken to.

    Attributes:
        url: as people wrote it; what errors tell.
        scheme: of it.
        address: host:port, and a path if there is one, as tritonclient wants it.
        settings: of the client.
    """

    url: str
    scheme: Scheme
    address: str
    settings: TritonSettings

    @classmethod
    def of(cls, url: str, settings: TritonSettings) -> Server:
        """One of the settings' URLs."""
        parts = urlsplit(url)
        default = {Scheme.HTTP: 8000, Scheme.HTTPS: 443, Scheme.GRPC: 8001, Scheme.GRPCS: 443}
        scheme = Scheme(parts.scheme)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        address = f"{host}:{parts.port or default[scheme]}{parts.path.rstrip('/')}"
        return cls(f"{scheme}://{address}", scheme, address, settings)


class Transport(Protocol):
    """Sync. All may raise TritonError, DeadlineError among them once the seconds are over."""

    server: Server

    def infer(self, request: Request, timeout_seconds: float) -> Inferred:
        """Run a model."""

    def metadata(self, model: str, version: str, timeout_seconds: float) -> dict[str, Any]:
        """Of a model, as JSON has it."""

    def config(self, model: str, version: str, timeout_seconds: float) -> dict[str, Any]:
        """Of a model, as JSON has it; ModelNotFoundError where the server has no such thing."""

    def is_ready(self, model: str, version: str, timeout_seconds: float) -> bool:
        """Whether the server takes requests for the model; "": whether it is ready itself."""

    def repository(self, timeout_seconds: float) -> list[dict[str, Any]]:
        """All models that it could load, as Triton's JSON has them."""

    def load(self, model: str, timeout_seconds: float) -> None:
        """Load a model, or load it again."""

    def unload(self, model: str, timeout_seconds: float) -> None:
        """Take a model out of memory."""

    def register(self, name: str, key: str, size: int, timeout_seconds: float) -> None:
        """Let the server open shared memory: name, what the operating system calls it, and bytes."""

    def unregister(self, name: str, timeout_seconds: float) -> None:
        """Let it close that."""

    def registered(self, timeout_seconds: float) -> dict[str, str]:
        """Names and keys of what it has open."""

    def close(self) -> None:
        """Close all connections."""


class AsyncTransport(Protocol):
    """The same for asyncio."""

    server: Server

    async def infer(self, request: Request, timeout_seconds: float) -> Inferred:
        """Run a model."""

    def stream(self, request: Request, timeout_seconds: float) -> AsyncIterator[Inferred]:
        """Run a model that gives any number of answers."""

    async def metadata(self, model: str, version: str, timeout_seconds: float) -> dict[str, Any]:
        """Of a model, as JSON has it."""

    async def config(self, model: str, version: str, timeout_seconds: float) -> dict[str, Any]:
        """Of a model, as JSON has it; ModelNotFoundError where the server has no such thing."""

    async def is_ready(self, model: str, version: str, timeout_seconds: float) -> bool:
        """Whether the server takes requests for the model; "": whether it is ready itself."""

    async def repository(self, timeout_seconds: float) -> list[dict[str, Any]]:
        """All models that it could load, as Triton's JSON has them."""

    async def load(self, model: str, timeout_seconds: float) -> None:
        """Load a model, or load it again."""

    async def unload(self, model: str, timeout_seconds: float) -> None:
        """Take a model out of memory."""

    async def register(self, name: str, key: str, size: int, timeout_seconds: float) -> None:
        """Let the server open shared memory: name, what the operating system calls it, and bytes."""

    async def unregister(self, name: str, timeout_seconds: float) -> None:
        """Let it close that."""

    async def registered(self, timeout_seconds: float) -> dict[str, str]:
        """Names and keys of what it has open."""

    async def close(self) -> None:
        """Close all connections."""
