"""All loads of a repository, read from include/ and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.errors import SpecError
from drivetrain.sheets import teams
from drivetrain.sheets.load_spec import SheetLoadSpec
from drivetrain.specs import load_specs

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class TeamLoads:
    """What one DAG is made of."""

    team: str
    specs: tuple[SheetLoadSpec, ...]

    @property
    def crons(self) -> tuple[str, ...]:
        """The team's schedules, each once."""
        return teams.crons(self.specs)

    @property
    def timezone(self) -> str:
        """The zone that the schedules are in."""
        return teams.timezone(self.specs)

    @property
    def documentation(self) -> str:
        """Markdown for the DAG's page."""
        lines = [
            f"Tabs that team **{self.team}** edits, one task a load. Trigger with `loads` to run some of them, with "
            "`dry_run` to see what would change.",
            "",
            "| load | what | mode | tab | table | due |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {spec.load} | {spec.description} | {spec.mode.value} | {spec.source.tab} | {spec.target.table} | "
            f"{teams.due(spec.schedule)} |"
            for spec in self.specs
        ]
        return "\n".join(lines)


def load_loads(include: Path) -> dict[Path, SheetLoadSpec]:
    """Every load of include/specs/sheet_loads/, in the order of their files.

    Raises:
        SpecError: a file is wrong, or two loads write one table.
    """
    specs = load_specs(include / "specs" / "sheet_loads", SheetLoadSpec)
    names: dict[str, Path] = {}
    tables: dict[str, Path] = {}
    for path, spec in specs.items():
        if spec.load != path.stem:
            raise SpecError(f"{path}: load: {spec.load!r} is not the file's name, call the file {spec.load}.yaml")
        if (other := names.setdefault(spec.load, path)) != path:
            raise SpecError(f"{path}: load: {other} has that name too, choose another")
        if (other := tables.setdefault(spec.target.table, path)) != path:
            raise SpecError(f"{path}: target.table: {other.name} writes that table too, choose another")
    return specs


def load_load_teams(include: Path) -> tuple[TeamLoads, ...]:
    """The loads by team, teams in the order of their names.

    Raises:
        SpecError: also where one team's schedules are in several time zones: its DAG has one.
    """
    specs = load_loads(include)
    result = []
    for team in sorted({spec.team for spec in specs.values()}):
        own = {path: spec for path, spec in specs.items() if spec.team == team}
        teams.check_one_zone(own.items())
        result.append(TeamLoads(team, tuple(own.values())))
    return tuple(result)
