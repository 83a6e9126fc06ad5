"""What the DAGs of teams have in common: schedules in one time zone, and that one broken spec stops no other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import yaml

from drivetrain.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from drivetrain.spec_types import Schedule


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


def in_table(text: str) -> str:
    """A text for a cell of a table in Markdown."""
    return " ".join(text.replace("|", "\\|").split())


def due(schedule: Schedule | None) -> str:
    """A schedule for a table in Markdown."""
    return f"`{schedule.cron}` {schedule.timezone}" if schedule else "on demand"


@dataclass(frozen=True)
class BrokenSpec:
    """A spec that can't be used: its team's DAG has a task that says why.

    An import error of the DAG file would stop the syncs of every team.
    """

    path: Path
    team: str
    message: str

    @property
    def task_id(self) -> str:
        """The task's name: the file's, as far as Airflow takes it."""
        return re.sub(r"[^A-Za-z0-9_.-]", "_", self.path.stem)


UNASSIGNED = "unassigned"


def broken(path: Path, error: SpecError) -> BrokenSpec:
    """A broken spec, given to the team that it names if that much of it can be read."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        document = None
    team = document.get("team") if isinstance(document, dict) else None
    known = isinstance(team, str) and re.fullmatch(r"[a-z][a-z0-9_]{1,62}", team)
    return BrokenSpec(path, str(team) if known else UNASSIGNED, str(error))


def check_zone(path: Path, spec: TeamSpec, zones: dict[str, tuple[str, str]]) -> None:
    """Refuse schedules of one team in several time zones: its DAG has one.

    Args:
        path: the spec's file.
        spec: the spec.
        zones: each team's zone so far and the file that gave it; added to.

    Raises:
        SpecError: names both files.
    """
    if spec.schedule is None:
        return
    zone, first = zones.setdefault(spec.team, (spec.schedule.timezone, path.name))
    if zone != spec.schedule.timezone:
        raise SpecError(
            f"{path}: schedule.timezone: {spec.schedule.timezone} is not the {zone} of {first}: "
            "a team's schedules share one zone"
        )
