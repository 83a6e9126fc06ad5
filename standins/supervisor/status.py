"""How services are, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from standins.supervisor.units import Service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from standins.supervisor.state import Record, StateDirectory
    from standins.supervisor.units import Unit

READY = "ready"


@dataclass(frozen=True)
class Part:
    """One service.

    Attributes:
        name: as it was declared.
        state: `ready`, or what is wrong.
        record: of its process, while that lives.
    """

    name: str
    state: str
    record: Record | None = None

    @property
    def pid(self) -> int | None:
        """Of its process, while that lives."""
        return self.record.pid if self.record else None


def status(units: Iterable[Unit], state: StateDirectory) -> list[Part]:
    """Ask each service of the units; the others have ended."""
    parts = []
    for unit in units:
        if not isinstance(unit, Service):
            continue
        record = state.read(unit.name)
        if record is None or not record.alive:
            parts.append(Part(unit.name, "crashed" if record else "not started"))
        else:
            reason = unit.probe(record)
            parts.append(Part(unit.name, f"not ready: {reason}" if reason else READY, record))
    return parts
