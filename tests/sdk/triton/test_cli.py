"""The command line, as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from drivetrain_triton.testing import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from drivetrain_triton.testing import FakeServer


def ran(server: FakeServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DRIVETRAIN_TRITON_URLS": server.http_url, "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "drivetrain_triton.cli.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_models_are_listed_and_one_is_shown(server: FakeServer) -> None:
    listed = ran(server, "models")
    assert listed.returncode == 0, listed.stderr
    assert all(word in listed.stdout for word in ("echo", "price", "READY"))
    shown = ran(server, "show", "price").stdout
    assert "price, versions 1, up to 4 rows a request" in shown
    assert [word in shown for word in ("car", "FP32", "any, 3")] == [True] * 3


def test_a_model_is_run_with_values_from_the_line_or_from_files(server: FakeServer, tmp_path: Path) -> None:
    told = ran(server, "infer", "price", "--input", "car=[[1, 2, 3]]")
    assert json.loads(told.stdout)["outputs"] == {"price": [[6.0]], "rows": [[1]]}
    np.save(tmp_path / "cars.npy", np.ones((2, 3), np.float32))
    saved = ran(server, "infer", "price", "--input", f"car=@{tmp_path}/cars.npy", "--save", f"{tmp_path}/out.npz")
    assert saved.returncode == 0, saved.stderr
    assert np.load(tmp_path / "out.npz")["price"].tolist() == [[3.0], [3.0]]


def test_texts_are_printed_and_bytes_that_are_none_as_base64(server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text('[["Pune", "जयपुर"]]')
    told = ran(server, "infer", "echo", "--input", f"text=@{tmp_path}/text.json")
    assert json.loads(told.stdout)["outputs"]["text_back"] == [["Pune", "जयपुर"]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("infer", "price"), "error: model price: needs car FP32[any, 3]"),
        (("infer", "price", "--input", "car"), "error: --input 'car': is not name=JSON or name=@file"),
        (("infer", "price", "--input", "car=[1"), "error: --input car: "),
        (("infer", "price", "--input", "car=@gone.npy"), "error: --input car: gone.npy: No such file or directory"),
        (("show", "nope"), "unknown model"),
        (("models", "--url", "nonsense"), "'nonsense' is none of http://"),
    ],
)
def test_what_can_t_be_done_is_one_line(server: FakeServer, arguments: tuple[str, ...], says: str) -> None:
    told = ran(server, *arguments)
    assert told.returncode == 1
    assert says in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


def test_bench_says_how_many_calls_a_second_and_fails_where_calls_failed(server: FakeServer) -> None:
    told = ran(server, "bench", "price", "--seconds", "0.3", "--clients", "2")
    assert told.returncode == 0, told.stderr
    assert "calls a second" in told.stdout
    server.fail(*[Fault(400, "wrong")] * 3)
    failed = ran(server, "bench", "price", "--seconds", "0.3")
    assert failed.returncode == 1
    assert "wrong" in failed.stderr
