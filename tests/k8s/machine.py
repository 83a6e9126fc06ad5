"""What of this machine a cluster could change, as one comparable value."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from standins.kubernetes.cgroups import ROOT, hierarchies
from standins.kubernetes.layout import Layout
from standins.kubernetes.node import MACHINE_WIDE
from standins.supervisor import processes

NETWORK_SYSCTLS = ("net/ipv4/ip_forward", "net/ipv4/conf/all/route_localnet", "net/ipv4/conf/default/forwarding")


def settings() -> dict[str, str]:
    """Of the kernel."""
    files = [Path("/proc/sys") / name for name in (*MACHINE_WIDE, *NETWORK_SYSCTLS)]
    return {str(file): file.read_text().strip() for file in files if file.exists()}


def interfaces() -> set[str]:
    """By their names."""
    return set(os.listdir("/sys/class/net"))


def routes() -> list[dict[str, Any]]:
    """Of all tables but the kernel's own."""
    found: list[dict[str, Any]] = json.loads(subprocess.check_output(["ip", "-json", "route"]) or "[]")
    return found


def mounts() -> list[str]:
    """Where something is mounted, in this namespace."""
    return sorted(line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines())


def firewall() -> str:
    """Which tables of the firewall are in use."""
    return "".join(
        file.read_text()
        for file in map(Path, ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"))
        if file.exists()
    )


def groups(layout: Layout) -> list[str]:
    """Control groups of one cluster."""
    return [str(one / layout.name) for one in hierarchies(ROOT) if (one / layout.name).exists()]


def members(layout: Layout) -> list[int]:
    """Processes that were started for one cluster, in whatever namespace they are."""
    marker = f"{processes.MARKER_VARIABLE}={layout.home}/".encode()
    found = []
    for process in processes.table():
        try:
            if process.running and marker in Path(f"/proc/{process.pid}/environ").read_bytes():
                found.append(process.pid)
        except OSError:
            continue
    return found


def namespaces(pids: Iterable[int]) -> set[str]:
    """Networks, mounts and processes that these processes see, as /proc names them, such as `net:[4026532179]`."""
    found = set()
    for pid in pids:
        for kind in ("net", "mnt", "pid"):
            try:
                found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
            except OSError:  # has ended
                continue
    return found


def all_namespaces() -> set[str]:
    """Those of every process of this machine."""
    return namespaces(process.pid for process in processes.table() if process.running)
