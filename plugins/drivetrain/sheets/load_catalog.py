"""All loads of a repository, read from include/ and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain import teams
from drivetrain.errors import SpecError
from drivetrain.sheets.load_spec import SheetLoadSpec
from drivetrain.specs import load_spec, spec_files

if TYPE_CHECKING:
    from pathlib import Path

    from drivetrain.teams import BrokenSpec


@dataclass(frozen=True)
class TeamLoads:
    """What one DAG is made of."""

    team: str
    specs: tuple[SheetLoadSpec, ...]
    broken: tuple[BrokenSpec, ...] = ()

    @property
    def names(self) -> list[str]:
        """What a run may ask for."""
        return [spec.load for spec in self.specs] + [spec.task_id for spec in self.broken]

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
            f"| {spec.load} | {teams.in_table(spec.description)} | {spec.mode.value} | {spec.source.tab} "
            f"| {spec.target.table} | {teams.due(spec.schedule)} |"
            for spec in self.specs
        ]
        return "\n".join(lines)


def load_loads(include: Path) -> dict[Path, SheetLoadSpec]:
    """Every load of include/specs/sheet_loads/, in the order of their files.

    Raises:
        SpecError: a file is wrong, two loads write one table, or one team's schedules are in several time zones.
    """
    specs, problems = _read(include)
    for _, error in problems:
        raise error
    return specs


def load_load_teams(include: Path) -> tuple[TeamLoads, ...]:
    """The loads by team, teams in the order of their names; a broken spec is its team's own and stops nobody else."""
    specs, problems = _read(include)
    broken = [teams.broken(path, error) for path, error in problems]
    names = sorted({spec.team for spec in specs.values()} | {spec.team for spec in broken})
    return tuple(
        TeamLoads(
            team,
            tuple(spec for spec in specs.values() if spec.team == team),
            tuple(spec for spec in broken if spec.team == team),
        )
        for team in names
    )


def _read(include: Path) -> tuple[dict[Path, SheetLoadSpec], list[tuple[Path, SpecError]]]:
    specs: dict[Path, SheetLoadSpec] = {}
    problems: list[tuple[Path, SpecError]] = []
    seen = _Seen()
    for path in spec_files(include / "specs" / "sheet_loads"):
        try:
            spec = load_spec(path, SheetLoadSpec)
            seen.check(path, spec)
            specs[path] = spec
        except SpecError as error:
            problems.append((path, error))
    return specs, problems


class _Seen:
    """What earlier specs took, for those that come after them."""

    def __init__(self) -> None:
        self._names: dict[str, Path] = {}
        self._tables: dict[str, Path] = {}
        self._zones: dict[str, tuple[str, str]] = {}

    def check(self, path: Path, spec: SheetLoadSpec) -> None:
        if spec.load != path.stem:
            raise SpecError(f"{path}: load: {spec.load!r} is not the file's name, call the file {spec.load}.yaml")
        if (other := self._names.setdefault(spec.load, path)) != path:
            raise SpecError(f"{path}: load: {other} has that name too, choose another")
        if (other := self._tables.setdefault(spec.target.table, path)) != path:
            raise SpecError(f"{path}: target.table: {other.name} writes that table too, choose another")
        teams.check_zone(path, spec, self._zones)
