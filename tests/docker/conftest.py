from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.docker.files import REPOSITORY, Instruction, compose, dockerfile


@pytest.fixture(scope="session")
def services() -> dict[str, dict[str, Any]]:
    return compose()["services"]


@pytest.fixture(scope="session")
def instructions() -> list[Instruction]:
    return dockerfile()


@pytest.fixture(scope="session")
def settings() -> ModuleType:
    """k8s/compose/settings.py, which is a script of the image and belongs to no package."""
    spec = importlib.util.spec_from_file_location("compose_settings", REPOSITORY / "k8s" / "compose" / "settings.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


Docker = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def docker() -> Docker:
    """Runs Docker's command line (DRIVETRAIN_TEST_DOCKER, or the first on the path); skips where there is none."""
    program = os.environ.get("DRIVETRAIN_TEST_DOCKER") or shutil.which("docker")
    if not program:
        pytest.skip("Docker's command line is not installed")

    def run(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture(scope="session")
def engine(docker: Docker) -> Docker:
    """The same, where an engine answers."""
    info = docker("info", "--format", "{{.ServerVersion}}")
    if info.returncode or not info.stdout.strip():
        pytest.skip(f"no Docker engine answers: {(info.stderr or info.stdout).strip()[:120]}")
    return docker
