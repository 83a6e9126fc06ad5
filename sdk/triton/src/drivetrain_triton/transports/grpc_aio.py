"""gRPC for asyncio: tritonclient.grpc.aio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from tritonclient.grpc.aio import InferenceServerClient

from drivetrain_triton.calls import check
from drivetrain_triton.errors import of_grpc
from drivetrain_triton.transports.grpc_wire import (
    Told,
    as_json,
    call_of,
    channel_of,
    error_in_stream,
    inferred,
    options_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from drivetrain_triton.calls import Inferred, Request
    from drivetrain_triton.transports.port import Server


class AsyncGrpcTransport:
    """One server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._headers = server.settings.all_headers()
        self._made: InferenceServerClient | None = None

    async def infer(self, request: Request, timeout_seconds: float) -> Inferred:
        """Run a model."""
        with Told(request.model, self.server):
            result = await self._client.infer(
                **call_of(request), **options_of(request, self.server, self._headers), client_timeout=timeout_seconds
            )
            return inferred(result, request, self.server)

    async def stream(self, request: Request, timeout_seconds: float) -> AsyncIterator[Inferred]:
        """Run a model that gives any number of answers. The call is cancelled when nobody goes on asking."""

        async def one() -> AsyncIterator[dict[str, Any]]:
            yield call_of(request)

        options = options_of(request, self.server, self._headers)
        answers = self._client.stream_infer(one(), stream_timeout=timeout_seconds, **options)
        try:
            while True:
                try:
                    result, error = await anext(answers)
                except StopAsyncIteration:
                    return
                except grpc.RpcError as lost:  # tritonclient names these for calls that are no streams alone
                    raise of_grpc(
                        str(lost.code()), lost.details() or "", model=request.model, server=self.server.url
                    ) from None
                if error is not None:
                    raise error_in_stream(error, request.model, self.server)
                answer = inferred(result, request, self.server)
                check(request, answer)
                yield answer
        finally:
            answers.cancel()

    async def metadata(self, model: str, version: str, timeout_seconds: float) -> dict[str, Any]:
        """Of a model."""
        with Told(model, self.server):
            asked = self._client.get_model_metadata(model, version, self._headers, client_timeout=timeout_seconds)
            return as_json(await asked)

    async def config(self, model: str, version: str, timeout_seconds: float) -> dict[str, Any]:
        """Of a model."""
        with Told(model, self.server):
            asked = self._client.get_model_config(model, version, self._headers, client_timeout=timeout_seconds)
            return as_json((await asked).config)

    async def is_ready(self, model: str, version: str, timeout_seconds: float) -> bool:
        """Whether requests are taken."""
        with Told(model, self.server):
            if model:
                asked = self._client.is_model_ready(model, version, self._headers, client_timeout=timeout_seconds)
                return bool(await asked)
            return bool(await self._client.is_server_ready(self._headers, client_timeout=timeout_seconds))

    async def repository(self, timeout_seconds: float) -> list[dict[str, Any]]:
        """What it could load."""
        with Told("", self.server):
            found = await self._client.get_model_repository_index(self._headers, client_timeout=timeout_seconds)
            return [as_json(one) for one in found.models]

    async def load(self, model: str, timeout_seconds: float) -> None:
        """Load a model."""
        with Told(model, self.server):
            await self._client.load_model(model, self._headers, client_timeout=timeout_seconds)

    async def unload(self, model: str, timeout_seconds: float) -> None:
        """Unload a model."""
        with Told(model, self.server):
            await self._client.unload_model(model, self._headers, client_timeout=timeout_seconds)

    async def register(self, name: str, key: str, size: int, timeout_seconds: float) -> None:
        """Let the server open shared memory."""
        with Told("", self.server):
            await self._client.register_system_shared_memory(
                name, key, size, headers=self._headers, client_timeout=timeout_seconds
            )

    async def unregister(self, name: str, timeout_seconds: float) -> None:
        """Let it close that."""
        with Told("", self.server):
            await self._client.unregister_system_shared_memory(name, self._headers, client_timeout=timeout_seconds)

    async def registered(self, timeout_seconds: float) -> dict[str, str]:
        """Names and keys of what it has open."""
        with Told("", self.server):
            found = await self._client.get_system_shared_memory_status(
                headers=self._headers, client_timeout=timeout_seconds
            )
            return {name: one.key for name, one in found.regions.items()}

    async def close(self) -> None:
        """Close all connections."""
        made, self._made = self._made, None
        if made is not None:
            await made.close()

    @property
    def _client(self) -> InferenceServerClient:
        """Made in the loop that it is used in."""
        if self._made is None:
            self._made = InferenceServerClient(**channel_of(self.server))
        return self._made
