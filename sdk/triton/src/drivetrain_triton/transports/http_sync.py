"""HTTP, sync: tritonclient.http, which is made of gevent's sockets.

Such a client may be used by the thread that made it, and no other (https://github.com/triton-inference-server/client/issues/121),
so each thread has its own. Its time-outs are for each read, and a server that sends a byte now and then never meets
them: gevent's own Timeout ends the whole exchange.
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import gevent
from geventhttpclient.response import HTTPConnectionClosed
from tritonclient.http import InferenceServerClient
from tritonclient.utils import InferenceServerException

from drivetrain_triton.errors import ConnectionLostError, TritonError, UnreachableError
from drivetrain_triton.transports.http_wire import call_of, error_of, inferred, out_of_time

if TYPE_CHECKING:
    from drivetrain_triton.calls import Inferred, Request
    from drivetrain_triton.transports.port import Server

_NEVER = 1e6  # seconds: the deadline is the call's


class HttpTransport:
    """One server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._own = threading.local()
        self._headers = server.settings.all_headers()

    def infer(self, request: Request, timeout_seconds: float) -> Inferred:
        """Run a model."""
        with self._client(request.model, timeout_seconds) as client:
            result = client.infer(**call_of(request, self.server, self._headers))
            return inferred(result, request, self.server)

    def metadata(self, model: str, version: str, timeout_seconds: float) -> dict[str, Any]:
        """Of a model."""
        with self._client(model, timeout_seconds) as client:
            found: dict[str, Any] = client.get_model_metadata(model, version, headers=self._headers)
            return found

    def config(self, model: str, version: str, timeout_seconds: float) -> dict[str, Any]:
        """Of a model."""
        with self._client(model, timeout_seconds) as client:
            found: dict[str, Any] = client.get_model_config(model, version, headers=self._headers)
            return found

    def is_ready(self, model: str, version: str, timeout_seconds: float) -> bool:
        """Whether requests are taken."""
        with self._client(model, timeout_seconds) as client:
            if model:
                return bool(client.is_model_ready(model, version, headers=self._headers))
            return bool(client.is_server_ready(headers=self._headers))

    def repository(self, timeout_seconds: float) -> list[dict[str, Any]]:
        """What it could load."""
        with self._client("", timeout_seconds) as client:
            found: list[dict[str, Any]] = client.get_model_repository_index(headers=self._headers)
            return found

    def load(self, model: str, timeout_seconds: float) -> None:
        """Load a model."""
        with self._client(model, timeout_seconds) as client:
            client.load_model(model, headers=self._headers)

    def unload(self, model: str, timeout_seconds: float) -> None:
        """Unload a model."""
        with self._client(model, timeout_seconds) as client:
            client.unload_model(model, headers=self._headers)

    def register(self, name: str, key: str, size: int, timeout_seconds: float) -> None:
        """Let the server open shared memory."""
        with self._client("", timeout_seconds) as client:
            client.register_system_shared_memory(name, key, size, headers=self._headers)

    def unregister(self, name: str, timeout_seconds: float) -> None:
        """Let it close that."""
        with self._client("", timeout_seconds) as client:
            client.unregister_system_shared_memory(name, headers=self._headers)

    def registered(self, timeout_seconds: float) -> dict[str, str]:
        """Names and keys of what it has open."""
        with self._client("", timeout_seconds) as client:
            found = client.get_system_shared_memory_status(headers=self._headers)
            return {one["name"]: one["key"] for one in found}

    def close(self) -> None:
        """Close this thread's connection; other threads' close when they end."""
        self._forget()

    def _client(self, model: str, timeout_seconds: float) -> _Exchange:
        return _Exchange(self, model, timeout_seconds)

    def _connected(self) -> InferenceServerClient:
        client: InferenceServerClient | None = getattr(self._own, "client", None)
        if client is None:
            scheme, settings = self.server.scheme, self.server.settings
            options = {"ca_certs": str(settings.ca_file)} if scheme.is_encrypted and settings.ca_file else None
            client = self._own.client = InferenceServerClient(
                self.server.address,
                concurrency=1,
                connection_timeout=settings.connect_seconds,
                network_timeout=_NEVER,
                ssl=scheme.is_encrypted,
                ssl_options=options,
            )
        return client

    def _forget(self) -> None:
        client, self._own.client = getattr(self._own, "client", None), None
        if client is not None:
            client.close()


class _Exchange:
    """A context manager around one of this thread's client.

    One that did not answer to the end is not used again: what comes late is another's answer.
    """

    __slots__ = ("_model", "_of", "_seconds", "_timeout")

    def __init__(self, of: HttpTransport, model: str, timeout_seconds: float) -> None:
        self._of, self._model, self._seconds = of, model, timeout_seconds
        self._timeout = gevent.Timeout(timeout_seconds)

    def __enter__(self) -> InferenceServerClient:
        client = self._of._connected()
        self._timeout.start()
        return client

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._timeout.close()
        if error is None:
            return
        server, model = self._of.server, self._model
        if isinstance(error, InferenceServerException):
            raise error_of(error, model, server) from None
        if isinstance(error, TritonError):
            return
        self._of._forget()
        if error is self._timeout:  # and not somebody else's, around us
            raise out_of_time(self._seconds, model, server) from None
        if isinstance(error, OSError | HTTPConnectionClosed):
            # The only time-out of a socket that is set is that of a connection being made.
            is_unreachable = isinstance(error, ConnectionRefusedError | socket.gaierror | TimeoutError)
            kind = UnreachableError if is_unreachable else ConnectionLostError
            raise kind(f"{server.url}: {error}", model=model, server=server.url) from None
