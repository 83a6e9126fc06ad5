"""Feast in a process of its own, see tests.support.feast_process."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pytest

if TYPE_CHECKING:
    from drivetrain.features.view import View

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-feast" / "bin" / "python"


class Feast:
    """A context manager around the process.

    Args:
        folder: for its log.
    """

    def __init__(self, folder: Path) -> None:
        if not PYTHON.exists():
            pytest.skip(f"{PYTHON} is missing: run `make venv-feast`")
        self._log = (folder / "feast.log").open("wb")
        self._process = subprocess.Popen(
            [str(PYTHON), str(Path(__file__).with_name("feast_process.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "FEAST_USAGE": "False", "IS_TEST": "True"},
            cwd=folder,
            text=True,
        )

    def __enter__(self) -> Self:
        assert self._answer() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._log.close()

    def __call__(self, do: str, **request: Any) -> Any:
        """One request."""
        assert self._process.stdin is not None
        if "arrow" in request:
            request["arrow"] = _sent(request["arrow"])
        print(json.dumps({"do": do, **request}), file=self._process.stdin, flush=True)
        return self._answer()

    def apply(self, view: View, *, folder: Path, port: int) -> None:
        """A feature store with that view over that Redis."""
        self(
            "apply",
            folder=str(folder),
            port=port,
            project=view.project,
            view=view.name,
            join_keys={name: one.name for name, one in view.join_keys.items()},
            features={name: one.name for name, one in view.features.items()},
            timestamp_field=view.timestamp_field,
            created_field=view.created_field,
        )

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"Feast ended: {self._log.name}"
        found = json.loads(line)
        assert "error" not in found, found["error"]
        return found["answer"]


def _sent(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return base64.b64encode(sink.getvalue()).decode()
