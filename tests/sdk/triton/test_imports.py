"""What the SDK needs."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import drivetrain_triton

NEEDED = {
    "aiohttp",
    "geventhttpclient",
    "gevent",
    "google",
    "grpc",
    "ml_dtypes",
    "numpy",
    "pydantic",
    "pydantic_settings",
}
EXTRAS = {"opentelemetry", "prometheus_client", "rich", "typer"}


def test_the_sdk_imports_what_its_distribution_names_and_nothing_of_ours() -> None:
    found = set()
    for file in Path(drivetrain_triton.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, file
                found.add((node.module or "").partition(".")[0])
    assert found - sys.stdlib_module_names <= NEEDED | EXTRAS | {"tritonclient", "drivetrain_triton"}
