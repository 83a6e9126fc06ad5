"""HTTP for asyncio: tritonclient.http.aio, which is made of aiohttp."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from tritonclient.http.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from drivetrain_triton.errors import ConfigurationError, ConnectionLostError, UnreachableError
from drivetrain_triton.transports.http_wire import call_of, error_of, inferred, out_of_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from drivetrain_triton.calls import Inferred, Request
    from drivetrain_triton.transports.port import Server


class AsyncHttpTransport:
    """One server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._headers = server.settings.all_headers()
        self._made: InferenceServerClient | None = None

    async def infer(self, request: Request, timeout_seconds: float) -> Inferred:
        """Run a model."""
        async with self._client(request.model, timeout_seconds) as client:
            result = await client.infer(**call_of(request, self.server, self._headers))
            return inferred(result, request, self.server)

    def stream(self, request: Request, timeout_seconds: float) -> AsyncIterator[Inferred]:  # noqa: ARG002 (the port's)
        """KServe's v2 protocol streams by gRPC alone.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(
            f"model {request.model}: {self.server.url} can't stream: use its grpc:// address",
            model=request.model,
            server=self.server.url,
        )

    async def metadata(self, model: str, version: str, timeout_seconds: float) -> dict[str, Any]:
        """Of a model."""
        async with self._client(model, timeout_seconds) as client:
            found: dict[str, Any] = await client.get_model_metadata(model, version, headers=self._headers)
            return found

    async def config(self, model: str, version: str, timeout_seconds: float) -> dict[str, Any]:
        """Of a model."""
        async with self._client(model, timeout_seconds) as client:
            found: dict[str, Any] = await client.get_model_config(model, version, headers=self._headers)
            return found

    async def is_ready(self, model: str, version: str, timeout_seconds: float) -> bool:
        """Whether requests are taken."""
        async with self._client(model, timeout_seconds) as client:
            if model:
                return bool(await client.is_model_ready(model, version, headers=self._headers))
            return bool(await client.is_server_ready(headers=self._headers))

    async def repository(self, timeout_seconds: float) -> list[dict[str, Any]]:
        """What it could load."""
        async with self._client("", timeout_seconds) as client:
            found: list[dict[str, Any]] = await client.get_model_repository_index(headers=self._headers)
            return found

    async def load(self, model: str, timeout_seconds: float) -> None:
        """Load a model."""
        async with self._client(model, timeout_seconds) as client:
            await client.load_model(model, headers=self._headers)

    async def unload(self, model: str, timeout_seconds: float) -> None:
        """Unload a model."""
        async with self._client(model, timeout_seconds) as client:
            await client.unload_model(model, headers=self._headers)

    async def register(self, name: str, key: str, size: int, timeout_seconds: float) -> None:
        """Let the server open shared memory."""
        async with self._client("", timeout_seconds) as client:
            await client.register_system_shared_memory(name, key, size, headers=self._headers)

    async def unregister(self, name: str, timeout_seconds: float) -> None:
        """Let it close that."""
        async with self._client("", timeout_seconds) as client:
            await client.unregister_system_shared_memory(name, headers=self._headers)

    async def registered(self, timeout_seconds: float) -> dict[str, str]:
        """Names and keys of what it has open."""
        async with self._client("", timeout_seconds) as client:
            found = await client.get_system_shared_memory_status(headers=self._headers)
            return {one["name"]: one["key"] for one in found}

    async def close(self) -> None:
        """Close all connections."""
        made, self._made = self._made, None
        if made is not None:
            await made.close()

    @asynccontextmanager
    async def _client(self, model: str, timeout_seconds: float) -> AsyncIterator[InferenceServerClient]:
        try:
            async with asyncio.timeout(timeout_seconds):
                yield self._connected()
        except InferenceServerException as error:
            raise error_of(error, model, self.server) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise UnreachableError(f"{self.server.url}: {error}", model=model, server=self.server.url) from None
        except TimeoutError:
            raise out_of_time(timeout_seconds, model, self.server) from None
        except (aiohttp.ClientError, OSError) as error:
            why = str(error) or type(error).__name__
            raise ConnectionLostError(f"{self.server.url}: {why}", model=model, server=self.server.url) from None

    def _connected(self) -> InferenceServerClient:
        """Made in the loop that it is used in."""
        if self._made is None:
            scheme, settings = self.server.scheme, self.server.settings
            context = ssl.create_default_context(cafile=settings.ca_file) if scheme.is_encrypted else None
            self._made = InferenceServerClient(
                self.server.address,
                conn_limit=settings.connections,
                conn_timeout=None,  # the deadline is the call's
                ssl=scheme.is_encrypted,
                ssl_context=context,
            )
            # It has no place for a time-out of the connection alone.
            self._made._stub._timeout = aiohttp.ClientTimeout(sock_connect=settings.connect_seconds)
        return self._made
