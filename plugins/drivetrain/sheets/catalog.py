"""All syncs of a repository, read from include/ and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.errors import SpecError
from drivetrain.sheets import teams
from drivetrain.sheets.spec import SheetSyncSpec
from drivetrain.specs import load_specs

if TYPE_CHECKING:
    from pathlib import Path


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
            lines.append(f"| {spec.sync} | {spec.description} | {spec.mode.value} | {spec.target.tab} | {due} |")
        return "\n".join(lines)


def load_syncs(include: Path) -> tuple[Sync, ...]:
    """Every sync of include/specs/sheets/, in the order of their files.

    Raises:
        SpecError: a file is wrong, two syncs write one tab, or a query's file is missing.
    """
    syncs = []
    targets: dict[tuple[str, str], Path] = {}
    names: dict[str, Path] = {}
    for path, spec in load_specs(include / "specs" / "sheets", SheetSyncSpec).items():
        if spec.sync != path.stem:
            raise SpecError(f"{path}: sync: {spec.sync!r} is not the file's name, call the file {spec.sync}.yaml")
        if other := names.get(spec.sync):
            raise SpecError(f"{path}: sync: {other} has that name too, choose another")
        names[spec.sync] = path
        target = (spec.target.spreadsheet_id, spec.target.tab.casefold())
        if other := targets.get(target):
            raise SpecError(f"{path}: target: {other.name} writes that tab too, choose another tab")
        targets[target] = path
        syncs.append(Sync(spec, _sql(include, path, spec), path))
    return tuple(syncs)


def load_teams(include: Path) -> tuple[TeamSyncs, ...]:
    """The syncs by team, teams in the order of their names.

    Raises:
        SpecError: also where one team's schedules are in several time zones: its DAG has one.
    """
    syncs = load_syncs(include)
    result = []
    for team in sorted({sync.spec.team for sync in syncs}):
        own = tuple(sync for sync in syncs if sync.spec.team == team)
        teams.check_one_zone((sync.path, sync.spec) for sync in own)
        result.append(TeamSyncs(team, own))
    return tuple(result)


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
