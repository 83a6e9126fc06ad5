"""gRPC, sync: tritonclient.grpc, whose clients may be used by all threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tritonclient.grpc import InferenceServerClient

from drivetrain_triton.transports.grpc_wire import Told, as_json, call_of, channel_of, inferred, options_of

if TYPE_CHECKING:
    from drivetrain_triton.calls import Inferred, Request
    from drivetrain_triton.transports.port import Server


class GrpcTransport:
    """One server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._headers = server.settings.all_headers()
        self._client = InferenceServerClient(**channel_of(server))

    def infer(self, request: Request, timeout_seconds: float) -> Inferred:
        """Run a model."""
        with Told(request.model, self.server):
            result = self._client.infer(
                **call_of(request), **options_of(request, self.server, self._headers), client_timeout=timeout_seconds
            )
            return inferred(result, request, self.server)

    def metadata(self, model: str, version: str, timeout_seconds: float) -> dict[str, Any]:
        """Of a model."""
        with Told(model, self.server):
            return as_json(
                self._client.get_model_metadata(model, version, self._headers, client_timeout=timeout_seconds)
            )

    def config(self, model: str, version: str, timeout_seconds: float) -> dict[str, Any]:
        """Of a model."""
        with Told(model, self.server):
            found = self._client.get_model_config(model, version, self._headers, client_timeout=timeout_seconds)
            return as_json(found.config)

    def is_ready(self, model: str, version: str, timeout_seconds: float) -> bool:
        """Whether requests are taken."""
        with Told(model, self.server):
            if model:
                return bool(self._client.is_model_ready(model, version, self._headers, client_timeout=timeout_seconds))
            return bool(self._client.is_server_ready(self._headers, client_timeout=timeout_seconds))

    def repository(self, timeout_seconds: float) -> list[dict[str, Any]]:
        """What it could load."""
        with Told("", self.server):
            found = self._client.get_model_repository_index(self._headers, client_timeout=timeout_seconds)
            return [as_json(one) for one in found.models]

    def load(self, model: str, timeout_seconds: float) -> None:
        """Load a model."""
        with Told(model, self.server):
            self._client.load_model(model, self._headers, client_timeout=timeout_seconds)

    def unload(self, model: str, timeout_seconds: float) -> None:
        """Unload a model."""
        with Told(model, self.server):
            self._client.unload_model(model, self._headers, client_timeout=timeout_seconds)

    def register(self, name: str, key: str, size: int, timeout_seconds: float) -> None:
        """Let the server open shared memory."""
        with Told("", self.server):
            self._client.register_system_shared_memory(
                name, key, size, headers=self._headers, client_timeout=timeout_seconds
            )

    def unregister(self, name: str, timeout_seconds: float) -> None:
        """Let it close that."""
        with Told("", self.server):
            self._client.unregister_system_shared_memory(name, self._headers, client_timeout=timeout_seconds)

    def registered(self, timeout_seconds: float) -> dict[str, str]:
        """Names and keys of what it has open."""
        with Told("", self.server):
            found = self._client.get_system_shared_memory_status(headers=self._headers, client_timeout=timeout_seconds)
            return {name: one.key for name, one in found.regions.items()}

    def close(self) -> None:
        """Close all connections."""
        self._client.close()
