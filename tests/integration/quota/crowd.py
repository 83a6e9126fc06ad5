"""Several callers, and what they say."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivetrain.quota.limits import Limits

ROOT = Path(__file__).parents[3]


class Crowd:
    """A context manager around processes of `caller`.

    Attributes:
        lines: (process, its line), as they come.
    """

    def __init__(self, processes: int, *, port: int, limits: Limits, timeout_seconds: float = 5, **more: Any) -> None:
        asked = {"port": port, "limits": asdict(limits), "processes": processes, "timeout_seconds": timeout_seconds}
        # By its path: a package `tests.integration` that some library installs would be found before ours.
        caller = Path(__file__).with_name("caller.py")
        self._command = [sys.executable, "-P", str(caller), json.dumps(asked | more)]
        self._count = processes
        self._coming: queue.Queue[tuple[int, str]] = queue.Queue()
        self.lines: list[tuple[int, str]] = []

    def __enter__(self) -> Self:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._children = [
            subprocess.Popen(self._command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(self._count)
        ]
        self._readers = [threading.Thread(target=self._read, args=(number,)) for number in range(self._count)]
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            if child.poll() is None:
                child.kill()
            child.wait()
        for reader in self._readers:
            reader.join()

    def _read(self, number: int) -> None:
        stdout = self._children[number].stdout
        assert stdout is not None
        for line in stdout:
            self._coming.put((number, line.strip()))

    def until(self, enough: Callable[[list[tuple[int, str]]], bool], timeout_seconds: float = 60) -> None:
        """Listen until what was said since the call is enough."""
        start, deadline = len(self.lines), time.monotonic() + timeout_seconds
        while not enough(self.lines[start:]):
            failed = [child.returncode for child in self._children if child.poll() not in (None, 0)]
            assert not failed, f"a job failed: {self.lines[-20:]}"
            try:
                self.lines.append(self._coming.get(timeout=min(1.0, max(deadline - time.monotonic(), 0.001))))
            except queue.Empty:
                assert time.monotonic() < deadline, f"not enough: {self.lines[-20:]}"

    def each_says(self, word: str, times: int = 1) -> None:
        """Listen until every process has said so many lines that begin so."""
        self.until(
            lambda lines: all(
                sum(who == number and line.startswith(word) for who, line in lines) >= times
                for number in range(self._count)
            )
        )

    def end(self) -> list[int]:
        """Let them end by themselves; gives their exit codes."""
        for child in self._children:
            assert child.stdin is not None
            child.stdin.close()
        codes = [child.wait(timeout=60) for child in self._children]
        for reader in self._readers:
            reader.join()
        while not self._coming.empty():
            self.lines.append(self._coming.get())
        return codes


def worst(moments: list[float], window: float) -> int:
    """The most in any window."""
    moments = sorted(moments)
    first = most = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - window:
            first += 1
        most = max(most, last - first + 1)
    return most
