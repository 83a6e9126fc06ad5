"""Runs a program inside the node: finds the node by its record, enters its namespaces, and waits for the program.

Not nsenter: that ends at the first SIGTERM, before the program that it entered for, and whoever waits for it would
believe that the program has ended as well.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

from standins.supervisor import processes
from standins.supervisor.state import Record, StateDirectory

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
# The process namespace counts for children alone, the others at once. All are opened before the first is entered,
# since /proc is another one afterwards.
NAMESPACES = ("pid", "net", "mnt")


def set_namespace(descriptor: int) -> None:
    """Move the calling thread into a namespace.

    Raises:
        OSError: as setns(2) has it.
    """
    if LIBC.setns(descriptor, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


def first_process(record: Record) -> int | None:
    """The node's first process as this machine counts; `record` is of the `unshare` that is its parent."""
    if not record.alive:
        return None
    return next((one.pid for one in processes.table() if one.parent == record.pid and one.running), None)


def main() -> None:
    """Usage: enter <folder of state files> <name of the node's unit> <program> [arguments]."""
    folder, unit, *command = sys.argv[1:]
    record = StateDirectory(Path(folder)).read(unit)
    pid = first_process(record) if record else None
    if pid is None:
        sys.exit(f"enter failed: {unit} does not run (no live record in {folder})")
    namespaces = [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in NAMESPACES]
    for namespace in namespaces:
        set_namespace(namespace)
    # The program gets the same signals, as a member of this process group; its end is ours.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        child = subprocess.Popen(command, cwd="/", preexec_fn=_die_with_parent)
    except OSError as error:
        sys.exit(f"enter failed: cannot start {command[0]}: {error.strerror}")
    code = child.wait()
    sys.exit(code if code >= 0 else 128 - code)


def _die_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
