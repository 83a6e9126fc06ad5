"""Runs the server: `python -m services.feature_server [--host ADDRESS] [--port PORT]`."""

from __future__ import annotations

import typer
import uvicorn

from drivetrain.errors import DrivetrainError
from services.feature_server.app import make
from services.feature_server.settings import settings_from_environment


def main(
    host: str = typer.Option("127.0.0.1", help="The address to listen on; a pod's own is 0.0.0.0."),
    port: int = typer.Option(6566, help="The port to listen on."),
) -> None:
    """Answer requests for features until told to end."""
    try:
        settings = settings_from_environment()
        application = make(settings)
    except DrivetrainError as error:
        raise SystemExit(f"error: {error}") from None
    uvicorn.run(
        application,
        host=host,
        port=port,
        access_log=False,  # requests are counted, and logging each would take longer than answering it
        log_level="warning",
        timeout_graceful_shutdown=settings.drain_seconds,
    )


if __name__ == "__main__":
    typer.run(main)
