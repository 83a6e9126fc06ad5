"""What can be declared: services that run, commands that end, and actions in this process."""

from __future__ import annotations

import hashlib
import json
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from standins.supervisor.state import Record

Probe = Callable[[Record], str | None]
"""Asks a running service whether it is ready: None if it is, else one line that says why not."""


def _never() -> bool:
    return False


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Service:
    """A process that runs until it is stopped.

    Attributes:
        name: also the name of its log and state files.
        argv: the program's absolute path and its arguments.
        probe: see `Probe`.
        env: added to the supervisor's own environment; part of what decides whether a running one is reused.
        unset: names or, with a trailing `*`, prefixes that are taken out of the inherited environment.
        port: on 127.0.0.1, checked to be free before anything is started.
        port_variable: the environment variable that moves the port, for the message when it is taken.
        depends_on: names of units that have to be ready first.
        ready_timeout_seconds: after this long without readiness the start fails.
        stop_signal: what asks it to end.
        stop_timeout_seconds: after this long it is killed.
        prepare: called in this process just before the start.
        revision: anything else that makes a running process out of date, such as a version.
    """

    name: str
    argv: tuple[str, ...]
    probe: Probe
    env: Mapping[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    cwd: Path | None = None
    port: int | None = None
    port_variable: str = ""
    depends_on: tuple[str, ...] = ()
    ready_timeout_seconds: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_seconds: float = 15.0
    prepare: Callable[[], None] = _nothing
    revision: str = ""

    def fingerprint(self) -> str:
        """Changes when a running process would no longer be what is declared."""
        content = [self.argv, sorted(self.env.items()), str(self.cwd), self.revision]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Command:
    """A program that has to end with exit code 0.

    Attributes:
        done: says that it need not run; asked after its dependencies are ready.
        after: called once it has ended well, such as to note that.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    cwd: Path | None = None
    depends_on: tuple[str, ...] = ()
    timeout_seconds: float = 300.0
    done: Callable[[], bool] = _never
    after: Callable[[], None] = _nothing


@dataclass(frozen=True)
class Action:
    """A function that this process calls. It has to be quick to repeat."""

    name: str
    run: Callable[[], str | None]
    depends_on: tuple[str, ...] = ()


Unit = Service | Command | Action
