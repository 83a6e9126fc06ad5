"""What each part of a running platform uses: memory that is its own, and CPU."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Self

import psutil

from benchmarks.processes import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standins.supervisor.supervisor import Supervisor

PARTS = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "postgres")


class Watch:
    """Looks at every part from entry to exit, in a thread of its own.

    Memory is the sum of PSS over a part's process tree: what processes share is divided among them. The scheduler's
    includes LocalExecutor's workers and the tasks in them.

    Attributes:
        mib: peaks, by part.
    """

    def __init__(self, supervisor: Supervisor, every_seconds: float = 20.0) -> None:
        self._pids = {name: supervisor.state.read(name).pid for name in PARTS}
        self._every = every_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.mib: dict[str, float] = defaultdict(float)

    def __enter__(self) -> Self:
        self._begun = self._cpu()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.cpu = {name: value - self._begun[name] for name, value in self._cpu().items()}

    def _look(self) -> None:
        while True:
            for name, pid in self._pids.items():
                self.mib[name] = max(self.mib[name], sum(map(_pss_mib, _tree(pid))))
            if self._ended.wait(self._every):
                return

    def _cpu(self) -> dict[str, float]:
        return {name: sum(cpu_seconds(one.pid) for one in _tree(pid)) for name, pid in self._pids.items()}


def _tree(pid: int) -> Iterator[psutil.Process]:
    try:
        root = psutil.Process(pid)
        yield root
        yield from root.children(recursive=True)
    except psutil.NoSuchProcess:
        return


def _pss_mib(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 2**20
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0
