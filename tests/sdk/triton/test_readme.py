"""Each example of the README, run: addresses in it are a fake server's."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from drivetrain_triton import AsyncTritonClient, TensorSpec, TritonClient
from drivetrain_triton.testing import FakeModel, FakeServer
from tests.sdk.triton.conftest import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator

README = (Path(__file__).parents[3] / "sdk" / "triton" / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"^    (drivetrain-triton .*)$", README, re.MULTILINE)
ONE = (TensorSpec("x", "INT32", (1,)),)


def add(state: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    state["sum"] = state.get("sum", 0) + given["x"]
    return {"x": state["sum"]}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    audio = (TensorSpec("audio", "FP32", (-1,)),)
    speech = FakeModel("speech", audio, audio, answers=lambda given: [given, given])
    with FakeServer(*MODELS, FakeModel("adder", ONE, ONE, step=add), speech) as running:
        yield running


def on(server: FakeServer, text: str) -> str:
    """The same with the server's addresses."""
    return re.sub(r"http://triton[\w:-]*", server.http_url, re.sub(r"grpc://triton[\w:-]*", server.grpc_url, text))


def test_all_examples_are_found() -> None:
    assert len(PYTHON) == 5
    assert len(SHELL) == 4


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_an_example_runs(number: int, server: FakeServer) -> None:
    code = on(server, PYTHON[number])
    with TritonClient(server.grpc_url) as client:
        given: dict[str, Any] = {
            "client": client,
            "samples": np.zeros(3, np.float32),
            "AsyncTritonClient": AsyncTritonClient,
            "TritonClient": TritonClient,
        }
        if "async with" in code:
            exec(f"async def example():\n{textwrap.indent(code, '    ')}", given)
            asyncio.run(given["example"]())
        else:
            exec(code, given)
    assert server.seen or "Observer" in code or "FakeServer" in code


@pytest.mark.parametrize("line", SHELL)
def test_a_command_runs(line: str, server: FakeServer) -> None:
    program = Path(sys.executable).with_name("drivetrain-triton")
    command = [str(program), *shlex.split(line)[1:]]
    if "bench" in command:
        command += ["--seconds", "0.3"]
    done = subprocess.run(
        command,
        env={**os.environ, "DRIVETRAIN_TRITON_URLS": server.http_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
