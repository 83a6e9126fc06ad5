"""A server of models on 127.0.0.1, by HTTP and by gRPC: what Triton and KServe have in common."""

from __future__ import annotations

from pathlib import Path

from standins.ports import HOST
from standins.testing import TestServer, free_port


class ModelServer(TestServer):
    """A context manager around one, on ports of its own.

    Args:
        name: of its folder's beginning.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._ports = free_port(), free_port()

    @property
    def http_url(self) -> str:
        """For a client."""
        return f"http://{HOST}:{self._ports[0]}"

    @property
    def grpc_url(self) -> str:
        """For a client."""
        return f"grpc://{HOST}:{self._ports[1]}"

    @property
    def pid(self) -> int:
        """Of the server; processes that it has started are in the group of this number."""
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """What it has printed."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """End it as if its machine were lost: no call of it is answered any more."""
        self.stop()

    @property
    def _log(self) -> Path:
        return Path(self._folder.name) / "server.log"
