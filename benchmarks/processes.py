"""What other processes spend: CPU and memory, as Linux counts them."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import psutil

SERVERS = ("standins.sheets", "standins.snowflake", "postgres", "valkey-server", "pubsub")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, and of its children that have ended; 0 if it is gone."""
    try:
        return float(sum(psutil.Process(pid).cpu_times()[:4]))
    except psutil.NoSuchProcess:
        return 0.0


def peak_mib(pid: int) -> float:
    """The most memory that a process has had resident, in MiB; what it shares with its parent counts; 0 if it is gone.

    VmHWM of proc(5).
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def servers_cpu_seconds() -> dict[str, float]:
    """CPU seconds of each server that this process has started and that runs, its own processes included."""
    spent: dict[str, float] = defaultdict(float)
    for child in psutil.Process(os.getpid()).children():
        try:
            line = " ".join(child.cmdline())
            if name := next((name for name in SERVERS if name in line), None):
                spent[name] += sum(cpu_seconds(each.pid) for each in (child, *child.children(recursive=True)))
        except psutil.NoSuchProcess:
            continue
    return dict(spent)
