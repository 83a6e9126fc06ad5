"""All syncs of a repository, read from include/ and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.errors import SpecError
from drivetrain.sheets import teams
from drivetrain.sheets.spec import SheetSyncSpec
from drivetrain.specs import load_spec, spec_files

if TYPE_CHECKING:
    from pathlib import Path

    from drivetrain.sheets.teams import BrokenSpec


@dataclass(frozen=True)
class Sync:
    """A spec and its query's text."""

    spec: SheetSyncSpec
    sql: str
    path: Path


@dataclass(frozen=True)
class TeamSyncs:
    """What one DAG is made of."""

    team: str
    syncs: tuple[Sync, ...]
    broken: tuple[BrokenSpec, ...] = ()

    @property
    def names(self) -> list[str]:
        """What a run may ask for."""
        return [sync.spec.sync for sync in self.syncs] + [spec.task_id for spec in self.broken]

    @property
    def crons(self) -> tuple[str, ...]:
        """The team's schedules, each once."""
        return teams.crons(sync.spec for sync in self.syncs)

    @property
    def timezone(self) -> str:
        """The zone that the schedules are in."""
        return teams.timezone(sync.spec for sync in self.syncs)

    @property
    def documentation(self) -> str:
        """Markdown for the DAG's page."""
        lines = [
            f"Sheets of team **{self.team}**, one task a sync. Trigger with `syncs` to run some of them, with "
            "`dry_run` to see the plan.",
            "",
            "| sync | what | mode | tab | due |",
            "|---|---|---|---|---|",
        ]
        for sync in self.syncs:
            spec = sync.spec
            due = teams.due(spec.schedule)
            lines.append(
                f"| {spec.sync} | {teams.in_table(spec.description)} | {spec.mode.value} | {spec.target.tab} | {due} |"
            )
        return "\n".join(lines)


def load_syncs(include: Path) -> tuple[Sync, ...]:
    """Every sync of include/specs/sheets/, in the order of their files.

    Raises:
        SpecError: a file is wrong, a query's file is missing, two syncs write one tab, or one team's schedules are
            in several time zones.
    """
    syncs, problems = _read(include)
    for _, error in problems:
        raise error
    return syncs


def load_teams(include: Path) -> tuple[TeamSyncs, ...]:
    """The syncs by team, teams in the order of their names; a broken spec is its team's own and stops nobody else."""
    syncs, problems = _read(include)
    broken = [teams.broken(path, error) for path, error in problems]
    names = sorted({sync.spec.team for sync in syncs} | {spec.team for spec in broken})
    return tuple(
        TeamSyncs(
            team,
            tuple(sync for sync in syncs if sync.spec.team == team),
            tuple(spec for spec in broken if spec.team == team),
        )
        for team in names
    )


def _read(include: Path) -> tuple[tuple[Sync, ...], list[tuple[Path, SpecError]]]:
    syncs: list[Sync] = []
    problems: list[tuple[Path, SpecError]] = []
    seen = _Seen()
    for path in spec_files(include / "specs" / "sheets"):
        try:
            spec = load_spec(path, SheetSyncSpec)
            seen.check(path, spec)
            syncs.append(Sync(spec, _sql(include, path, spec), path))
        except SpecError as error:
            problems.append((path, error))
    return tuple(syncs), problems


class _Seen:
    """What earlier specs took, for those that come after them."""

    def __init__(self) -> None:
        self._targets: dict[tuple[str, str], Path] = {}
        self._names: dict[str, Path] = {}
        self._zones: dict[str, tuple[str, str]] = {}

    def check(self, path: Path, spec: SheetSyncSpec) -> None:
        if spec.sync != path.stem:
            raise SpecError(f"{path}: sync: {spec.sync!r} is not the file's name, call the file {spec.sync}.yaml")
        if (other := self._names.setdefault(spec.sync, path)) != path:
            raise SpecError(f"{path}: sync: {other} has that name too, choose another")
        target = (spec.target.spreadsheet_id, spec.target.tab.casefold())
        if (other := self._targets.setdefault(target, path)) != path:
            raise SpecError(f"{path}: target: {other.name} writes that tab too, choose another tab")
        teams.check_zone(path, spec, self._zones)


def _sql(include: Path, path: Path, spec: SheetSyncSpec) -> str:
    if spec.source.query is not None:
        return spec.source.query
    file = include / "sql" / (spec.source.sql or "")
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{path}: source.sql: {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError(f"{path}: source.sql: {file} is not UTF-8 text: save it as UTF-8") from None
