"""Control groups of one cluster: a group of its own in each hierarchy, below which everything of it is.

Version 1, as kubelet 1.20 wants it: https://docs.kernel.org/admin-guide/cgroup-v1/cgroups.html.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
REMOVE_TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.05


def hierarchies(root: Path = ROOT) -> list[Path]:
    """All that are mounted. Version 2's is among them: it has no controllers here, but runc makes groups in it too."""
    return sorted(
        path for path in root.iterdir() if path.is_dir() and not path.is_symlink() and (path / "cgroup.procs").exists()
    )


def create(name: str, root: Path = ROOT) -> None:
    """Make the group in each hierarchy. A new cpuset has neither CPUs nor memory: it gets its parent's."""
    for hierarchy in hierarchies(root):
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (hierarchy / file).exists():
                (group / file).write_text((hierarchy / file).read_text())


def groups(name: str, root: Path = ROOT) -> Iterator[Path]:
    """The groups that are there, each after those below it."""
    if root.is_dir():
        for hierarchy in hierarchies(root):
            for folder, _, _ in os.walk(hierarchy / name, topdown=False):
                yield Path(folder)


def remove(name: str, root: Path = ROOT, timeout_seconds: float = REMOVE_TIMEOUT_SECONDS) -> list[Path]:
    """Kill what is in the groups and remove them; returns those that are left after `timeout_seconds`.

    A group can't be removed before its last process is gone for good, which takes the kernel a moment.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        for group in groups(name, root):
            _kill_all(group)
            with suppress(OSError):
                group.rmdir()
        left = list(groups(name, root))
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(POLL_SECONDS)


def _kill_all(group: Path) -> None:
    try:
        pids = [int(line) for line in (group / "cgroup.procs").read_text().split()]
    except OSError:
        return
    for pid in pids:
        # 0 is a process that this namespace does not show; as a target it would be our own group.
        if pid > 0:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
