"""Where the real servers are installed."""

from __future__ import annotations

from pathlib import Path

_VENV = Path(__file__).parents[3] / ".venv-tritonserver"


def python() -> Path:
    """The interpreter that has Triton and KServe.

    Raises:
        FileNotFoundError: they are not installed; the message says how to get them.
    """
    found = _VENV / "bin" / "python"
    if not found.exists():
        raise FileNotFoundError(f"{found} is missing: run `make venv-tritonserver`")
    return found


def packages() -> Path:
    """The folder of its packages.

    Raises:
        FileNotFoundError: see python.
    """
    (found,) = python().parents[1].glob("lib/python*/site-packages")
    return found
