"""A real KServe model server on 127.0.0.1: another server of the v2 protocol.

https://kserve.github.io/website/docs/model-serving/predictive-inference/frameworks/custom-predictor
"""

from __future__ import annotations

import os
from pathlib import Path

from standins.testing import kill, start_server
from tests.support.triton.model_server import ModelServer
from tests.support.triton.venv import python


class KServeServer(ModelServer):
    """A context manager around a server that has the models of tests.support.triton.kserve_process."""

    def __init__(self) -> None:
        super().__init__("kserve")

    def start(self, timeout_seconds: float = 120.0) -> None:
        """Start it and wait until it is ready.

        Raises:
            FileNotFoundError: it is not installed; the message says how to get it.
            RuntimeError: it ended or did not answer in time; the message carries its log.
        """
        http, grpc = self._ports
        program = Path(__file__).with_name("kserve_process.py")
        self._process = start_server(
            "KServe",
            [python(), "-I", program, "--http_port", http, "--grpc_port", grpc],
            port=http,
            health="/v2/health/ready",
            log=self._log,
            timeout_seconds=timeout_seconds,
            own_group=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": self._folder.name},
        )

    def stop(self) -> None:
        """End it. Does nothing when it is not running."""
        if self._process is not None:
            kill(self._process, own_group=True)
            self._process = None
