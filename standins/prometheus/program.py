"""Where the program is: the one on the path, else Debian's, fetched once into the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from standins.kubernetes.cache import only_one
from standins.supervisor.errors import SupervisorError

FIX = "install Debian's package prometheus, or put the program on the path"


class PrometheusError(SupervisorError):
    """There is no Prometheus; one line that names the fix."""


def cache_of(env: Mapping[str, str] = os.environ) -> Path:
    """`drivetrain/prometheus` below XDG_CACHE_HOME or ~/.cache."""
    caches = Path(env.get("XDG_CACHE_HOME") or Path(env.get("HOME", "/root")) / ".cache")
    return (caches / "drivetrain" / "prometheus").resolve()


def prometheus(cache: Path | None = None, fetch: Callable[[Path], None] | None = None) -> Path:
    """The program. Fetched by apt, which checks the signatures, and never run by its package's scripts.

    Args:
        cache: where it is kept.
        fetch: puts the package's files into a folder.

    Raises:
        PrometheusError: it is neither there nor to be had.
    """
    if found := shutil.which("prometheus"):
        return Path(found)
    cache = cache or cache_of()
    program = cache / "root" / "usr" / "bin" / "prometheus"
    with only_one(cache / "fetch.lock", lambda _: None):
        if not program.exists():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                (fetch or _from_debian)(Path(folder))
                unpacked = Path(folder) / "usr" / "bin" / "prometheus"
                if not unpacked.exists():
                    raise PrometheusError(f"Debian's package has no usr/bin/prometheus: {FIX}.")
                program.parent.mkdir(parents=True, exist_ok=True)
                unpacked.replace(program)  # at once, or not at all
    return program


def _from_debian(folder: Path) -> None:
    _run(folder, "apt-get", "download", "prometheus")
    _run(folder, "dpkg-deb", "--extract", *(package.name for package in folder.glob("prometheus_*.deb")), ".")


def _run(folder: Path, *command: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PrometheusError(f"Prometheus can't be fetched: {error}: {FIX}.") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PrometheusError(f"Prometheus can't be fetched: {command[0]}: {said}: {FIX}.")
