"""A real Airflow database with FAB's tables, made by what makes the local platform's."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from standins.platform.testing import LocalPlatform
from tests.support.fab import INCLUDE, Fab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def fab() -> Iterator[Fab]:
    """Postgres and Airflow's tables, with the roles of include/rbac; no server of Airflow runs."""
    with LocalPlatform(without=("redis", "snowflake", "sheets", "bundle", "state-migrate")) as platform:
        found = Fab(platform.layout)
        yield found
        found.engine.dispose()


@pytest.fixture
def include(tmp_path: Path) -> Path:
    """The repository's files, to change."""
    copy = tmp_path / "include"
    for folder in ("rbac", "specs", "sql"):
        shutil.copytree(INCLUDE / folder, copy / folder)
    return copy
