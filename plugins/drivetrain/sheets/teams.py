"""What the DAGs of teams have in common: schedules in one time zone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from drivetrain.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from drivetrain.sheets.spec import Schedule


class TeamSpec(Protocol):
    """A spec that belongs to a team and may have a schedule."""

    @property
    def team(self) -> str:
        """The team."""

    @property
    def schedule(self) -> Schedule | None:
        """When it is due; None: on demand."""


def crons(specs: Iterable[TeamSpec]) -> tuple[str, ...]:
    """The schedules, each once."""
    return tuple(sorted({spec.schedule.cron for spec in specs if spec.schedule}))


def timezone(specs: Iterable[TeamSpec]) -> str:
    """The zone that the schedules are in."""
    return next((spec.schedule.timezone for spec in specs if spec.schedule), "UTC")


def due(schedule: Schedule | None) -> str:
    """A schedule for a table in Markdown."""
    return f"`{schedule.cron}` {schedule.timezone}" if schedule else "on demand"


def check_one_zone(specs: Iterable[tuple[Path, TeamSpec]]) -> None:
    """Refuse schedules of one team in several time zones: its DAG has one.

    Raises:
        SpecError: names both files.
    """
    first: tuple[Path, str] | None = None
    for path, spec in specs:
        if spec.schedule is None:
            continue
        if first is not None and first[1] != spec.schedule.timezone:
            raise SpecError(
                f"{path}: schedule.timezone: {spec.schedule.timezone} is not the {first[1]} of {first[0].name}: "
                "a team's schedules share one zone"
            )
        first = first or (path, spec.schedule.timezone)
