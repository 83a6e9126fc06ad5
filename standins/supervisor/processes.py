"""What /proc knows: who runs, who belongs to whom, who listens where. Linux only, and no dependency."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")
MARKER_VARIABLE = "DRIVETRAIN_UNIT"


@dataclass(frozen=True)
class Process:
    """One line of the process table; `start_ticks` is in clock ticks since boot."""

    pid: int
    parent: int
    group: int
    session: int
    start_ticks: int
    state: str

    @property
    def running(self) -> bool:
        """A zombie has ended, whether or not its parent has noticed."""
        return self.state not in "ZX"


@cache
def boot_id() -> str:
    """Differs after each boot, when ticks and pids start anew."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def epoch_seconds(ticks: int) -> float:
    """Clock ticks since boot, as the process table counts, in seconds since 1970."""
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - since_boot + ticks / os.sysconf("SC_CLK_TCK")


def read(pid: int) -> Process | None:
    """The process `pid`, or None if there is none."""
    try:
        line = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets, which may itself hold brackets and blanks.
    fields = line[line.rindex(")") + 2 :].split()
    return Process(pid, int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]), fields[0])


def table() -> list[Process]:
    """Every process that can be seen."""
    found = (read(int(entry)) for entry in os.listdir(PROC) if entry.isdecimal())
    return [process for process in found if process]


def is_running(pid: int, start_ticks: int) -> bool:
    """Whether `pid` is still the process that started at `start_ticks`."""
    process = read(pid)
    return process is not None and process.running and process.start_ticks == start_ticks


def family(leader: int, start_ticks: int, marker: str) -> list[Process]:
    """All that a started process left running: its session, its group, its children, and whoever carries its marker.

    Each of the four alone misses some: a child may open a session of its own (Postgres does), a lost parent cuts
    the tree, and a program that sets its title overwrites the environment that /proc shows.
    """
    processes = [process for process in table() if process.running and process.pid != os.getpid()]
    known = read(leader)
    # The pid of a dead leader is not given out again while its group or session lives, but may be afterwards.
    recycled = known is not None and known.start_ticks != start_ticks
    members = {
        process.pid: process
        for process in processes
        if (not recycled and leader in (process.pid, process.group, process.session)) or _carries(process.pid, marker)
    }
    grew = True
    while grew:
        children = {p.pid: p for p in processes if p.parent in members and p.pid not in members}
        members.update(children)
        grew = bool(children)
    return list(members.values())


def _carries(pid: int, marker: str) -> bool:
    try:
        environment = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"{MARKER_VARIABLE}={marker}".encode() in environment.split(b"\0")


def send(process: Process, number: int) -> None:
    """Send a signal, unless the pid is somebody else's by now."""
    if is_running(process.pid, process.start_ticks):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def wait_gone(processes: list[Process], timeout_seconds: float) -> list[Process]:
    """Wait until all have ended; returns those that have not."""
    deadline = time.monotonic() + timeout_seconds
    left = processes
    while True:
        left = [process for process in left if is_running(process.pid, process.start_ticks)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


def kill(processes: list[Process]) -> list[Process]:
    """SIGKILL all of them; returns those that even that did not end, within 5 s."""
    for process in processes:
        send(process, signal.SIGKILL)
    return wait_gone(processes, 5.0)


@dataclass(frozen=True)
class Listener:
    """Who listens on a port; `pid` is None if it belongs to a user whose processes we may not look into."""

    port: int
    pid: int | None
    command: str

    def __str__(self) -> str:
        return f"pid {self.pid} ({self.command})" if self.pid else "a process of another user"


def listener(port: int) -> Listener | None:
    """The process that listens on `port` on 127.0.0.1 or on all addresses, IPv4 or IPv6."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for process in table():
        for link in _descriptors(process.pid):
            if link in sockets:
                return Listener(port, process.pid, command_line(process.pid))
    return Listener(port, None, "")


def _listening_inodes(port: int) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        with suppress(FileNotFoundError):
            for line in (PROC / "net" / name).read_text().splitlines()[1:]:
                fields = line.split()
                address, _, hexadecimal = fields[1].rpartition(":")
                here = set(address) == {"0"} or address.endswith("0100007F")
                if fields[3] == "0A" and int(hexadecimal, 16) == port and here:
                    yield fields[9]


def _descriptors(pid: int) -> Iterator[str]:
    directory = PROC / str(pid) / "fd"
    try:
        names = os.listdir(directory)
    except OSError:
        return
    for name in names:
        with suppress(OSError):
            yield os.readlink(directory / name)


def command_line(pid: int, width: int = 80) -> str:
    """What `ps` would show, shortened."""
    try:
        text = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "?"
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"
