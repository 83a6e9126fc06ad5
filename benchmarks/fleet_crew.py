"""Worker processes as sheets_worker's tasks are, which drain the queue until they are killed.

Each drains as SheetsWorkerOperator does, over the connections of the environment. What a task of Airflow adds to that,
its start above all, is not in it.
"""

from __future__ import annotations

import logging
import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.processes import cpu_seconds, peak_mib

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping
    from multiprocessing.context import ForkServerContext
    from multiprocessing.process import BaseProcess
    from multiprocessing.sharedctypes import Synchronized
    from pathlib import Path

    from benchmarks.fleet_clock import PlayedClock
    from drivetrain.sheets.worker import WorkerSettings


@dataclass(frozen=True)
class Duty:
    """What a worker is told.

    Attributes:
        include: the folder with specs/ and sql/.
        environment: the connections.
        settings: how it drains.
        look_again_seconds: mean wait after a write whose answer was lost.
        log: a file for what it says.
    """

    include: Path
    environment: Mapping[str, str]
    settings: WorkerSettings
    log: Path
    look_again_seconds: float = 1.0


def work(duty: Duty, clock: PlayedClock, begun: Synchronized[int]) -> None:
    """Drain again and again; the process' main function. `begun` counts those that have come so far."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted benchmark stops its workers itself
    os.environ.update(duty.environment)
    logging.basicConfig(
        filename=duty.log, level=logging.WARNING, format="%(asctime)s %(process)d %(message)s", force=True
    )
    from drivetrain.sheets.catalog import SyncFiles
    from drivetrain.sheets.dispatch import KIND
    from drivetrain.sheets.port import Settings
    from drivetrain.sheets.worker import Worker
    from hooks.job_queue import job_queue
    from hooks.sheets_runner import SheetsRunner
    from hooks.state import StateHook

    said = logging.getLogger("worker")
    state = StateHook()
    queue, syncs = job_queue(KIND, state=state), SyncFiles(duty.include)
    with SheetsRunner(settings=Settings(wait_seconds=duty.look_again_seconds), now=clock, log=said.info) as run:
        with begun.get_lock():
            begun.value += 1
        while True:
            Worker(queue, state.registry, syncs, run, settings=duty.settings, now=clock, log=said.warning).drain()


@dataclass
class Crew:
    """Workers, one process each.

    Attributes:
        killed: how many were killed.
        crashed: exit codes of those that ended by themselves, which none should.
        cpu_seconds: of those that are gone.
        peak_mib: the most that one of them had.
    """

    context: ForkServerContext
    duty: Duty
    clock: PlayedClock
    size: int
    killed: int = 0
    crashed: list[int] = field(default_factory=list)
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    _workers: list[BaseProcess] = field(default_factory=list)
    _begun: Synchronized[int] = field(init=False)

    def __enter__(self) -> Crew:
        self._begun = self.context.Value("i", 0)
        self._workers = [self._hire() for _ in range(self.size)]
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            self._end(worker)
        self._workers = []

    @property
    def is_ready(self) -> bool:
        """Whether as many as there are have begun to drain."""
        return self._begun.value >= self.size

    def kill_one(self, draw: random.Random) -> None:
        """SIGKILL one of them, and start another one in its place."""
        place = draw.randrange(self.size)
        self._end(self._workers[place])
        self.killed += 1
        self._workers[place] = self._hire()

    def look_after(self) -> None:
        """Take a new one for each that has ended by itself."""
        for place, worker in enumerate(self._workers):
            if not worker.is_alive():
                self.crashed.append(worker.exitcode or 0)
                self._workers[place] = self._hire()

    def spent(self) -> float:
        """CPU seconds of all so far, those that are gone included."""
        for worker in self._workers:
            self._note(worker)
        return self.cpu_seconds + sum(cpu_seconds(worker.pid or 0) for worker in self._workers)

    def _hire(self) -> BaseProcess:
        worker = self.context.Process(target=work, args=(self.duty, self.clock, self._begun), daemon=True)
        worker.start()
        return worker

    def _note(self, worker: BaseProcess) -> None:
        self.peak_mib = max(self.peak_mib, peak_mib(worker.pid or 0))

    def _end(self, worker: BaseProcess) -> None:
        self._note(worker)
        self.cpu_seconds += cpu_seconds(worker.pid or 0)
        worker.kill()
        worker.join()
