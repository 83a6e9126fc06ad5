"""What people install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[3] / "sdk" / "triton"
USE = "import drivetrain_triton, drivetrain_triton.testing, drivetrain_triton.cli.main as m; print(m.__file__)"


@pytest.mark.slow
def test_a_wheel_has_all_that_is_needed_and_its_types(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    copy = shutil.copytree(SOURCES, tmp_path / "sources")  # a build leaves files where it builds
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, copy], check=True, timeout=200)
    (wheel,) = tmp_path.glob("drivetrain_triton-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "drivetrain_triton/py.typed" in names
    sources = SOURCES / "src" / "drivetrain_triton"
    assert {f"drivetrain_triton/{file.relative_to(sources)}" for file in sources.rglob("*.py")} <= set(names)
    installed = tmp_path / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", installed, wheel], check=True, timeout=100)
    environment = os.environ | {"PYTHONPATH": str(installed)}
    told = subprocess.run(
        [sys.executable, "-c", USE],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert Path(told.stdout.strip()).is_relative_to(installed)
