"""Feast's own command line, which has an environment of its own: `make venv-feast`."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from standins.supervisor.errors import SupervisorError

_ROOT = Path(__file__).parents[1]
_FEAST = _ROOT / ".venv-feast" / "bin" / "feast"
_TIMEOUT_SECONDS = 300.0


def feast_program() -> Path:
    """Feast's command.

    Raises:
        SupervisorError: it is not installed; the message says how to get it.
    """
    if not _FEAST.exists():
        raise SupervisorError(f"{_FEAST} is missing: run `make venv-feast`.")
    return _FEAST


def apply_definitions(registry: Path) -> None:
    """Write what feature_repo/ defines into a registry's file.

    Raises:
        SupervisorError: Feast is not installed, or refuses a definition.
    """
    command = [str(feast_program()), "-c", str(_ROOT / "feature_repo"), "apply", "--skip-source-validation"]
    with tempfile.TemporaryDirectory(prefix="feast-") as home:  # it leaves notes in its home
        env = os.environ | {"DRIVETRAIN_FEAST_REGISTRY": str(registry), "HOME": home}
        done = subprocess.run(
            command, env=env, cwd=_ROOT, check=False, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS
        )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise SupervisorError(f"`feast apply` failed: {last}")
