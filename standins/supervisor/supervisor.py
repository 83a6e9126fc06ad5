"""Brings units up in parallel along their dependencies, and takes down what was brought up."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from standins.supervisor import processes
from standins.supervisor.errors import (
    CancelledError,
    NotReadyError,
    PortInUseError,
    ServiceDiedError,
    SupervisorError,
)
from standins.supervisor.lock import UpLock
from standins.supervisor.spawn import last_words, spawn
from standins.supervisor.state import Record, StateDirectory
from standins.supervisor.stop import Stopped, stop, stop_all
from standins.supervisor.units import Action, Command, Service, Unit

POLL_SECONDS = 0.1
Report = Callable[[str, str, float], None]
"""Called with a unit's name, what became of it, and the seconds that it took."""


def silent(name: str, outcome: str, seconds: float) -> None:
    """A `Report` for those who do not want one."""


@dataclass
class _Run:
    """What one `up` has done so far."""

    ready: dict[str, threading.Event]
    needs: dict[str, set[str]]
    failed: threading.Event = field(default_factory=threading.Event)
    errors: list[BaseException] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    mutex: threading.Lock = field(default_factory=threading.Lock)


class Supervisor:
    """All that runs under one home directory.

    Args:
        home: holds `run/` (state files) and `logs/`.
        report: told of every unit.
    """

    def __init__(self, home: Path, report: Report = silent) -> None:
        self.state = StateDirectory(home / "run")
        self.logs = home / "logs"
        self.report = report

    def log(self, name: str) -> Path:
        """Where the output of `name` goes."""
        return self.logs / f"{name}.log"

    def up(self, units: Sequence[Unit]) -> list[str]:
        """Bring every unit up; what runs already and answers is left alone.

        Returns:
            The names of the services that were started now.

        Raises:
            SupervisorError: the first thing that went wrong. What this call had started is stopped again.
        """
        for directory in (self.state.path, self.logs):
            directory.mkdir(parents=True, exist_ok=True)
        with UpLock(self.state.path):
            self._check_ports([unit for unit in units if isinstance(unit, Service)])
            run = _Run({unit.name: threading.Event() for unit in units}, needs(units))
            threads = [
                threading.Thread(target=self._guarded, args=(unit, run), name=unit.name, daemon=True) for unit in units
            ]
            for thread in threads:
                thread.start()
            try:
                for thread in threads:
                    thread.join()
            except BaseException:
                run.failed.set()
                for thread in threads:
                    thread.join()
                self._roll_back(run)
                raise
            if run.errors:
                self._roll_back(run)
                raise run.errors[0]
            return run.started

    def down(self) -> list[Stopped]:
        """Stop everything that the state files name, and all that those left behind. Safe to repeat."""
        UpLock(self.state.path).interrupt_holder()
        return stop_all(self.state, self.report)

    def _roll_back(self, run: _Run) -> None:
        stop_all(self.state, self.report, names=set(run.started))

    def _check_ports(self, services: Sequence[Service]) -> None:
        for service in services:
            if service.port is None:
                continue
            record = self.state.read(service.name)
            if record and record.alive and record.port == service.port:
                continue
            if record and not record.alive:
                stop(record, self.state)  # What a crash left behind may hold the port.
            if holder := processes.listener(service.port):
                raise PortInUseError(
                    f"Port {service.port} for {service.name} is taken by {holder}: stop it, run `make down` where it "
                    f"was started, or move ours with {service.port_variable or 'another port'}=<free port>."
                )

    def _guarded(self, unit: Unit, run: _Run) -> None:
        try:
            for name in unit.depends_on:
                self._wait_for(name, run)
            self._bring_up(unit, run)
            run.ready[unit.name].set()
        except BaseException as error:
            with run.mutex:
                if not isinstance(error, CancelledError):
                    run.errors.append(error)
            run.failed.set()

    def _wait_for(self, name: str, run: _Run) -> None:
        while not run.ready[name].wait(POLL_SECONDS):
            self._check_cancelled(run)

    @staticmethod
    def _check_cancelled(run: _Run) -> None:
        if run.failed.is_set():
            raise CancelledError("another part failed first")

    def _bring_up(self, unit: Unit, run: _Run) -> None:
        began = time.monotonic()
        self._check_cancelled(run)
        if isinstance(unit, Action):
            outcome = unit.run() or "done"
        elif isinstance(unit, Command):
            outcome = self._run_command(unit, run)
        else:
            outcome = self._start_service(unit, run)
        self.report(unit.name, outcome, time.monotonic() - began)

    def _run_command(self, command: Command, run: _Run) -> str:
        if command.done():
            return "done before"
        _require_program(command)
        if left := self.state.read(command.name):
            stop(left, self.state)
        with run.mutex:
            run.started.append(command.name)
        child = spawn(command, self.state, self.log(command.name), run.needs[command.name])
        deadline = time.monotonic() + command.timeout_seconds
        while (code := child.poll()) is None:
            self._check_cancelled(run)
            if time.monotonic() > deadline:
                raise NotReadyError(
                    f"{command.name} did not end within {command.timeout_seconds:.0f} s: "
                    f"{last_words(self.log(command.name))} (log: {self.log(command.name)})"
                )
            time.sleep(POLL_SECONDS / 2)
        self._raise_if_failed(command.name, code)
        if record := self.state.read(command.name):
            stop(record, self.state)
        with run.mutex:
            run.started.remove(command.name)
        command.after()
        return "done"

    def _start_service(self, service: Service, run: _Run) -> str:
        verb = "ready"
        if record := self.state.read(service.name):
            if record.alive and record.fingerprint == service.fingerprint() and self._answers(service, record):
                return "runs"
            verb = "ready again" if record.alive else "ready"
            stop(record, self.state)
        _require_program(service)
        service.prepare()
        with run.mutex:
            run.started.append(service.name)
        child = spawn(service, self.state, self.log(service.name), run.needs[service.name])
        deadline = time.monotonic() + service.ready_timeout_seconds
        reason: str | None = "not asked yet"
        while True:
            self._raise_if_failed(service.name, child.poll(), ended_is_failure=True)
            record = self.state.read(service.name)
            if record and record.pid == child.pid:
                reason = service.probe(record)
                if reason is None and child.poll() is None:
                    return verb
            self._check_cancelled(run)
            if time.monotonic() > deadline:
                raise NotReadyError(
                    f"{service.name} was not ready within {service.ready_timeout_seconds:.0f} s: {reason} "
                    f"(log: {self.log(service.name)})"
                )
            time.sleep(POLL_SECONDS)

    @staticmethod
    def _answers(service: Service, record: Record) -> bool:
        """A loaded machine may need a second question."""
        for _ in range(3):
            if service.probe(record) is None:
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _raise_if_failed(self, name: str, code: int | None, *, ended_is_failure: bool = False) -> None:
        if code is None or (code == 0 and not ended_is_failure):
            return
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise ServiceDiedError(f"{name} {how}: {last_words(self.log(name))} (log: {self.log(name)})")


def needs(units: Sequence[Unit]) -> dict[str, set[str]]:
    """Everything that each unit depends on, directly or not.

    Raises:
        SupervisorError: a name that nothing has, or a circle.
    """
    direct = {unit.name: unit.depends_on for unit in units}
    found: dict[str, set[str]] = {}

    def visit(name: str, path: tuple[str, ...]) -> set[str]:
        if name in path:
            raise SupervisorError(f"Units depend on each other in a circle: {' -> '.join((*path, name))}.")
        if name not in direct:
            raise SupervisorError(f"{path[-1]} depends on {name}, which is not declared.")
        if name not in found:
            below = [visit(other, (*path, name)) for other in direct[name]]
            found[name] = set(direct[name]).union(*below)
        return found[name]

    for name in direct:
        visit(name, ())
    return found


def _require_program(unit: Service | Command) -> None:
    if not os.access(unit.argv[0], os.X_OK):
        raise SupervisorError(f"{unit.name} needs {unit.argv[0]}, which is not there: run `make venv`.")
