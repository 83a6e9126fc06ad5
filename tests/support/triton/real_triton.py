"""A real Triton server on 127.0.0.1: the one inside the nvidia-pytriton wheel, with its Python backend alone.

https://github.com/triton-inference-server/pytriton
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from standins.ports import HOST
from standins.supervisor import processes
from standins.testing import kill, start_server
from tests.support.triton.model_server import ModelServer
from tests.support.triton.venv import packages, python

if TYPE_CHECKING:
    from collections.abc import Mapping

_STUB = "triton_python_backend_stub"
_SHARED_MEMORY = Path("/dev/shm")
_GONE_SECONDS = 10.0  # what is killed is gone much sooner


class RealTriton(ModelServer):
    """A context manager around a server that has all models of a repository.

    Args:
        repository: https://github.com/triton-inference-server/server/blob/main/docs/user_guide/model_repository.md
        settings: variables of its environment, for its models.
    """

    def __init__(self, repository: Path, settings: Mapping[str, str] | None = None) -> None:
        super().__init__("triton")
        self._repository, self._settings = repository, settings or {}

    @property
    def shared_memory(self) -> str:
        """What the names begin with of what it shares with its models in /dev/shm."""
        return f"{Path(self._folder.name).name}-"

    def start(self, timeout_seconds: float = 60.0) -> None:
        """Start it and wait until all of its models are ready.

        Raises:
            FileNotFoundError: it is not installed; the message says how to get it.
            RuntimeError: it ended or did not answer in time; the message carries its log.
        """
        wheel = packages() / "pytriton" / "tritonserver"
        try:
            self._process = start_server(
                "Triton",
                [wheel / "bin" / "tritonserver", *self._options(self._backends(wheel))],
                port=self._ports[0],
                health="/v2/health/ready",
                log=self._log,
                timeout_seconds=timeout_seconds,
                own_group=True,
                env={**_environment(), **self._settings},
            )
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it with the processes of its models. Does nothing when it is not running."""
        if self._process is not None:
            models = [one for one in processes.table() if one.group == self.pid]
            kill(self._process, own_group=True)
            processes.wait_gone(models, _GONE_SECONDS)
            self._process = None
        # Nobody else removes what a killed server shared with the processes of its models.
        for one in _SHARED_MEMORY.glob(f"{self.shared_memory}*"):
            with contextlib.suppress(FileNotFoundError):
                one.unlink()

    def _options(self, backends: Path) -> list[str]:
        # https://github.com/triton-inference-server/server/blob/main/docs/user_guide/model_management.md#model-control-mode-explicit
        # https://github.com/triton-inference-server/python_backend#managing-shared-memory
        return [
            f"--model-repository={self._repository}",
            "--model-control-mode=explicit",
            "--load-model=*",
            "--disable-auto-complete-config",
            f"--backend-directory={backends}",
            f"--backend-config=python,shm-region-prefix-name={self.shared_memory}",
            f"--http-address={HOST}",
            f"--http-port={self._ports[0]}",
            f"--grpc-address={HOST}",
            f"--grpc-port={self._ports[1]}",
            "--allow-metrics=false",
            "--log-info=false",  # its tables would hide what went wrong
        ]

    def _backends(self, wheel: Path) -> Path:
        """The wheel has a program for models in each Python; the backend looks for one beside itself.

        They are links, not copies: these files find their libraries by where they really are.
        """
        folder = Path(self._folder.name) / "backends" / "python"
        folder.mkdir(parents=True, exist_ok=True)
        version = packages().parent.name.removeprefix("python")
        for file in (*(wheel / "backends" / "python").iterdir(), wheel / "python_backend_stubs" / version / _STUB):
            with contextlib.suppress(FileExistsError):
                (folder / file.name).symlink_to(file)
        return folder.parent


def _environment() -> dict[str, str]:
    """A model's process has the packages of the Python that comes first on the path, whatever PYTHONPATH says.

    It needs that Python's library, which is where the Python is, or one of the system's: Debian's libpython3.11.
    """
    libraries = python().resolve().parents[1] / "lib"
    return {"PATH": f"{python().parent}:{os.environ.get('PATH', os.defpath)}", "LD_LIBRARY_PATH": str(libraries)}
