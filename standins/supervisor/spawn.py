"""Starts one declared process, detached, with its log and its state file."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from standins.supervisor.processes import MARKER_VARIABLE
from standins.supervisor.units import Command, Service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from standins.supervisor.state import StateDirectory

ROOT = Path(__file__).parents[2]
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_TROUBLE = re.compile(r"error|exception|fatal|critical|denied|cannot|failed", re.IGNORECASE)


def spawn(
    unit: Service | Command, state: StateDirectory, log: Path, depends_on: Iterable[str]
) -> subprocess.Popen[bytes]:
    """Start `unit` in a session of its own, so that a Ctrl-C at the terminal does not reach it.

    Its last log is kept beside the new one as `.log.1`.

    Args:
        unit: what to start.
        state: where it notes itself.
        log: where its output goes.
        depends_on: everything that it needs, however indirectly: what has to be stopped after it.
    """
    marker = f"{state.path}:{unit.name}"
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    service = unit if isinstance(unit, Service) else None
    record = {
        "name": unit.name,
        "marker": marker,
        "argv": list(unit.argv),
        "port": service.port if service else None,
        "fingerprint": service.fingerprint() if service else "",
        "log": str(log),
        "depends_on": sorted(depends_on),
        "stop_signal": int(service.stop_signal if service else signal.SIGTERM),
        "stop_timeout_seconds": service.stop_timeout_seconds if service else 10.0,
    }
    request = json.dumps({"file": str(state.file(unit.name)), "record": record, "cwd": str(unit.cwd or ROOT)})
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-S", "-m", "standins.supervisor.launch", request],
            cwd=ROOT,
            env={**_inherited(unit.unset), **unit.env, MARKER_VARIABLE: marker},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _inherited(unset: tuple[str, ...]) -> dict[str, str]:
    prefixes = tuple(name[:-1] for name in unset if name.endswith("*"))
    return {key: value for key, value in os.environ.items() if key not in unset and not key.startswith(prefixes)}


def last_words(log: Path) -> str:
    """The line of a log that best tells why its process ended: the last that speaks of trouble, else the last."""
    try:
        lines = [_COLOURS.sub("", line).strip() for line in log.read_text(errors="replace").splitlines()[-80:]]
    except OSError:
        return "no log"
    lines = [line for line in lines if line and not line.startswith(("File ", "^", "~"))]
    telling = [line for line in lines if _TROUBLE.search(line)]
    return (telling or lines or ["nothing in its log"])[-1][:300]
