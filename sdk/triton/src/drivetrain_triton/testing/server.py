"""A fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from drivetrain_triton.testing.grpc_port import GrpcPort
from drivetrain_triton.testing.http_port import HttpPort
from drivetrain_triton.testing.models import Script

if TYPE_CHECKING:
    from drivetrain_triton.testing.models import FakeModel, Fault


class FakeServer:
    """A context manager around a server on 127.0.0.1, on ports of its own.

    Args:
        models: that it has.
    """

    def __init__(self, *models: FakeModel) -> None:
        self._script = Script({one.name: one for one in models})

    def __enter__(self) -> Self:
        self._http, self._grpc = HttpPort(self._script), GrpcPort(self._script)
        return self

    def __exit__(self, *_: object) -> None:
        self._script.stopping.set()
        self._http.stop()
        self._grpc.stop()

    @property
    def http_url(self) -> str:
        """For a client."""
        return f"http://127.0.0.1:{self._http.port}"

    @property
    def grpc_url(self) -> str:
        """For a client."""
        return f"grpc://127.0.0.1:{self._grpc.port}"

    @property
    def seen(self) -> list[dict[str, str]]:
        """Headers of each request for a model, names in small letters."""
        return self._script.seen

    @property
    def regions(self) -> dict[str, str]:
        """Keys of the shared memory that it has open, by name."""
        return self._script.regions

    def fail(self, *faults: Fault) -> None:
        """What the next requests for a model meet, one each."""
        self._script.faults.extend(faults)
