"""Stops processes by their records: asks, waits, then kills, the leftovers too."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from standins.supervisor import processes

if TYPE_CHECKING:
    from standins.supervisor.state import Record, StateDirectory


@dataclass(frozen=True)
class Stopped:
    """How one unit ended.

    Attributes:
        outcome: `stopped`, `killed` (did not end when asked), or `was not running`.
        leftovers: how many of its processes outlived its leader and were killed.
        unstoppable: pids that even SIGKILL did not end.
    """

    name: str
    outcome: str
    leftovers: int = 0
    unstoppable: tuple[int, ...] = ()


def stop(record: Record, state: StateDirectory) -> Stopped:
    """Stop one unit and forget it."""
    if record.boot_id != processes.boot_id():
        state.remove(record.name)
        return Stopped(record.name, "was not running")
    family = processes.family(record.pid, record.start_ticks, record.marker)
    leader = [process for process in family if process.pid == record.pid]
    outcome = "was not running"
    if leader:
        for process in family:
            # Whoever is in a group of its own was put there by the leader, who ends it in its own way.
            if process.group == record.pid:
                processes.send(process, record.stop_signal)
        outcome = "stopped" if not processes.wait_gone(leader, record.stop_timeout_seconds) else "killed"
    # Children get a moment to follow their parent before they count as left behind.
    left = processes.wait_gone(family, 1.0) if leader else family
    known = {process.pid for process in left}
    left += [
        process
        for process in processes.family(record.pid, record.start_ticks, record.marker)
        if process.pid not in known
    ]
    unstoppable = processes.kill(left)
    with suppress(ChildProcessError):
        os.waitpid(record.pid, os.WNOHANG)  # if it was our child, nobody else takes note of its end
    if not unstoppable:
        state.remove(record.name)
    extra = len([process for process in left if process.pid != record.pid])
    return Stopped(record.name, outcome, extra, tuple(process.pid for process in unstoppable))


def stop_all(
    state: StateDirectory, report: Callable[[str, str, float], None], names: set[str] | None = None
) -> list[Stopped]:
    """Stop all units, or those named, each only after those that depend on it."""
    records = {record.name: record for record in state.all() if names is None or record.name in names}
    gone = {name: threading.Event() for name in records}
    results: list[Stopped] = []

    def run(record: Record) -> None:
        for other in records.values():
            if record.name in other.depends_on:
                gone[other.name].wait()
        began = time.monotonic()
        try:
            result = stop(record, state)
        finally:
            gone[record.name].set()
        results.append(result)
        report(record.name, _describe(result), time.monotonic() - began)

    threads = [threading.Thread(target=run, args=(record,)) for record in records.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _describe(result: Stopped) -> str:
    text = result.outcome
    if result.leftovers:
        text += f", {result.leftovers} leftover{'s' if result.leftovers > 1 else ''} killed"
    if result.unstoppable:
        text += f", cannot be stopped: pid {', '.join(map(str, result.unstoppable))}"
    return text
