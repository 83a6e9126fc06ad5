"""Runs the server for a test."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

import httpx

from standins.ports import HOST
from standins.testing import TestServer, free_port, kill, start_server

_ROOT = Path(__file__).resolve().parents[2]


class OpenAIStandin(TestServer):
    """A context manager around ``python -m standins.openai``.

    Attributes:
        key: that it takes.
    """

    def __init__(self) -> None:
        super().__init__("openai")
        self.key = f"sk-{secrets.token_hex(12)}"
        self._port = free_port()

    @property
    def url(self) -> str:
        """What OpenAI's client calls its base URL."""
        return f"http://{HOST}:{self._port}/v1"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = start_server(
            "The OpenAI stand-in",
            [sys.executable, "-m", "standins.openai", "--port", self._port],
            port=self._port,
            health="/healthz",
            log=Path(self._folder.name) / "server.log",
            timeout_seconds=30,
            cwd=_ROOT,
            env={**os.environ, "DRIVETRAIN_OPENAI_STANDIN_KEY": self.key},
        )

    def stop(self) -> None:
        """End it. Does nothing when it is not running."""
        if self._process is not None:
            kill(self._process)
            self._process = None

    def fail(self, *kinds: str, **more: Any) -> None:
        """What the next requests meet, one each, see standins.openai.app."""
        self._control("POST", "faults", json=[{"kind": kind, **more} for kind in kinds])

    def behave(self) -> None:
        """Forget faults that no request has met."""
        self._control("POST", "reset")

    def requests(self) -> list[dict[str, Any]]:
        """Bodies of all requests so far."""
        found: list[dict[str, Any]] = self._control("GET", "requests").json()
        return found

    def _control(self, method: str, path: str, **options: Any) -> httpx.Response:
        url = f"http://{HOST}:{self._port}/_control/{path}"
        return httpx.request(method, url, timeout=30, trust_env=False, **options).raise_for_status()
