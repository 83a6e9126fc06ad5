"""Which transport a server is spoken to by. gRPC and HTTP are imported where they are used: each takes its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivetrain_triton.transports.port import AsyncTransport, Server, Transport


def transport(server: Server) -> Transport:
    """Sync."""
    if server.scheme.is_grpc:
        from drivetrain_triton.transports.grpc_sync import GrpcTransport

        return GrpcTransport(server)
    from drivetrain_triton.transports.http_sync import HttpTransport

    return HttpTransport(server)


def async_transport(server: Server) -> AsyncTransport:
    """For asyncio."""
    if server.scheme.is_grpc:
        from drivetrain_triton.transports.grpc_aio import AsyncGrpcTransport

        return AsyncGrpcTransport(server)
    from drivetrain_triton.transports.http_aio import AsyncHttpTransport

    return AsyncHttpTransport(server)
