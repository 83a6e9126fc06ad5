from __future__ import annotations

from pathlib import Path

import pytest

from standins.kubernetes.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Paths of a cluster that was never started."""
    return Layout(tmp_path / "cache", tmp_path / "cluster")
