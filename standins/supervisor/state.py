"""The state files: what was started, findable by whoever comes next."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from standins.supervisor import processes

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Record:
    """One started process.

    Attributes:
        pid: also its process group and its session, since each is started as the leader of its own.
        start_ticks: when it started, in clock ticks since boot. With the boot id this tells it from a later
            process that was given the same pid.
        marker: the value of DRIVETRAIN_UNIT in its environment and in that of all it started.
        depends_on: stopped after this one.
        stop_signal: the number of the signal that asks it to end.
        stop_timeout_seconds: after this long it is killed.
    """

    name: str
    pid: int
    start_ticks: int
    boot_id: str
    marker: str
    argv: list[str]
    port: int | None
    fingerprint: str
    log: str
    depends_on: list[str]
    stop_signal: int
    stop_timeout_seconds: float

    @property
    def started_at(self) -> float:
        """When it started, in seconds since 1970, to about 10 ms."""
        return processes.epoch_seconds(self.start_ticks)

    @property
    def alive(self) -> bool:
        """Whether that very process runs: a recycled pid does not count, nor does a zombie."""
        return self.boot_id == processes.boot_id() and processes.is_running(self.pid, self.start_ticks)


class StateDirectory:
    """`<name>.json` for each started process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def file(self, name: str) -> Path:
        """Where the record of `name` is or would be."""
        return self.path / f"{name}.json"

    def read(self, name: str) -> Record | None:
        """The record of `name`, or None where nothing was started or the file is from another version."""
        try:
            return Record(**json.loads(self.file(name).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def all(self) -> Iterator[Record]:
        """Every record, whoever wrote it."""
        for file in sorted(self.path.glob("*.json")):
            if record := self.read(file.stem):
                yield record

    def remove(self, name: str) -> None:
        """Forget `name`."""
        self.file(name).unlink(missing_ok=True)


def write_atomically(file: Path, content: object) -> None:
    """Write JSON so that a reader sees all of it or nothing."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.write_text(json.dumps(content, indent=1))
    partial.replace(file)


def as_json(record: Record) -> dict[str, object]:
    """For `write_atomically`."""
    return asdict(record)
