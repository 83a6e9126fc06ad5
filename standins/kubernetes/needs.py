"""What a machine has to have. Asked before anything is touched, and all at once."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from standins.kubernetes import recipe
from standins.kubernetes.errors import NotPossibleError

# Program -> the Debian package that has it.
PROGRAMS = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "tar": "tar",
    "ip": "iproute2",
    "mount": "mount",
    "unshare": "util-linux",
}
CGROUPS = Path("/sys/fs/cgroup")
CONTROLLERS = ("cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids")


def missing() -> list[str]:
    """Each thing that is missing, with what to do about it. Empty: a cluster can be built and run."""
    found = []
    if platform.system() != "Linux":
        return ["Linux: use a virtual machine"]
    if os.geteuid() != 0:
        found.append("root: namespaces, mounts and control groups need it")
    system = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    if system.get("VERSION_CODENAME") != recipe.RELEASE:
        found.append(f"Debian {recipe.RELEASE}: its packages are what is built, here is {system.get('PRETTY_NAME')}")
    found += [
        f"{program}: apt-get install {package}" for program, package in PROGRAMS.items() if not shutil.which(program)
    ]
    if without := [name for name in CONTROLLERS if not (CGROUPS / name).is_dir()]:
        found.append(
            f"version 1 of control groups ({', '.join(without)} is not below {CGROUPS}): "
            "boot with systemd.unified_cgroup_hierarchy=0"
        )
    return found


def require() -> None:
    """Refuse a machine that can't.

    Raises:
        NotPossibleError: with everything that is missing.
    """
    if found := missing():
        raise NotPossibleError(f"Kubernetes can't run here. Missing: {'; '.join(found)}.")
