"""Runs the server. Usage: python -m standins.openai --port <port>; the key is in DRIVETRAIN_OPENAI_STANDIN_KEY."""

from __future__ import annotations

import os

import typer
import uvicorn

from standins.openai.app import make_app
from standins.ports import HOST


def serve(port: int = typer.Option(..., help="On 127.0.0.1.")) -> None:
    """Serve until it is stopped."""
    key = os.environ["DRIVETRAIN_OPENAI_STANDIN_KEY"]
    uvicorn.run(make_app(key), host=HOST, port=port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    typer.run(serve)
