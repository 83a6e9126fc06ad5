"""Runs a program as if packages were installed: their files are laid over /usr, for this program alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

# Read-only: neither the machine's /usr nor the unpacked packages can be written through it.
_SCRIPT = 'mount -t overlay drivetrain -o "ro,lowerdir=$0/usr:/usr" /usr && exec "$@"'


def mount_command(root: Path) -> list[str]:
    """Lays `root`/usr over /usr, in the caller's mount namespace."""
    return ["mount", "-t", "overlay", "drivetrain", "-o", f"ro,lowerdir={root}/usr:/usr", "/usr"]


def over_usr(root: Path, command: Sequence[str]) -> list[str]:
    """The command that runs `command` in a mount namespace of its own, which ends with it. Needs root."""
    return ["unshare", "--mount", "sh", "-c", _SCRIPT, str(root), *command]
