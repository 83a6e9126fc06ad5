"""All syncs of a repository, read from include/ and checked against each other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain import teams
from drivetrain.errors import SpecError
from drivetrain.sheets.related import SpecFiles
from drivetrain.sheets.spec import SheetSyncSpec
from drivetrain.sheets.workbooks import LISTING, Owners
from drivetrain.specs import load_spec, spec_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from drivetrain.teams import BrokenSpec

_TITLE_TABS = 3


@dataclass(frozen=True)
class Sync:
    """A spec and its query's text; `path` is the file that it came from, if it did."""

    spec: SheetSyncSpec
    sql: str
    path: Path | None = None


@dataclass(frozen=True)
class Workbook:
    """A team's syncs that write one workbook: they run together, since Google counts calls and not tabs."""

    spreadsheet_id: str
    syncs: tuple[Sync, ...]

    @property
    def task_id(self) -> str:
        """The task's name: known from any spec of the workbook, and the same whatever syncs it has."""
        return f"workbook_{self.spreadsheet_id}"

    @property
    def title(self) -> str:
        """Its tabs, for people who know the workbook; the workbook's own title is known to Google alone."""
        tabs = [sync.spec.target.tab for sync in self.syncs]
        shown = ", ".join(tabs[:_TITLE_TABS])
        return shown if len(tabs) <= _TITLE_TABS else f"{shown} and {len(tabs) - _TITLE_TABS} more"

    @property
    def documentation(self) -> str:
        """Markdown for the task's page."""
        return _table(self.syncs)


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
    def workbooks(self) -> tuple[Workbook, ...]:
        """The syncs by workbook, in the order of each one's first sync."""
        found: dict[str, list[Sync]] = {}
        for sync in self.syncs:
            found.setdefault(sync.spec.target.spreadsheet_id, []).append(sync)
        return tuple(Workbook(spreadsheet_id, tuple(syncs)) for spreadsheet_id, syncs in found.items())

    @property
    def documentation(self) -> str:
        """Markdown for the DAG's page."""
        head = (
            f"Sheets of team **{self.team}**, one task a workbook. It runs when somebody asks: with `dry_run` to see "
            "the plan, with `syncs` to run some of them. What is due is run by `sheets_dispatch` and `sheets_worker`."
        )
        return f"{head}\n\n{_table(self.syncs)}"


def _table(syncs: Iterable[Sync]) -> str:
    lines = ["| sync | what | mode | tab | due |", "|---|---|---|---|---|"]
    for spec in (sync.spec for sync in syncs):
        cells = (
            spec.sync,
            teams.in_table(spec.description),
            spec.mode.value,
            spec.target.tab,
            teams.due(spec.schedule),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def load_syncs(include: Path) -> tuple[Sync, ...]:
    """Every sync of include/specs/sheets/, in the order of their files.

    Raises:
        SpecError: a file is wrong, a query's file is missing, or two syncs write one tab.
    """
    files = _files(include)
    syncs, problems = _read(include, files, files.paths)
    for _, error in problems:
        raise error
    return syncs


def load_teams(include: Path, only: str | None = None) -> tuple[TeamSyncs, ...]:
    """The syncs by team, teams in the order of their names; a broken spec is its team's own and stops nobody else.

    Args:
        include: the folder with specs/ and sql/.
        only: this team alone, the same as among all, in less time: no file of others is parsed unless it is in its way.
    """
    files = _files(include)
    # What can't be given to a team may be in any file.
    paths = files.paths if only in (None, teams.UNASSIGNED) else files.related(str(only))
    found = _by_team(*_read(include, files, paths))
    return tuple(team for team in found if only in (None, team.team))


def _by_team(syncs: tuple[Sync, ...], problems: list[tuple[Path, SpecError]]) -> tuple[TeamSyncs, ...]:
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


def specs_version(include: Path) -> str:
    """Changes with any file that a sync is made of. Reads them all and parses none: some 30 ms a thousand."""
    digest = hashlib.blake2b(digest_size=16)
    for found in (include / "specs" / LISTING, include / "specs" / "sheets", include / "sql"):
        for path in sorted(path for path in (found, *found.rglob("*")) if path.is_file()):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(include)}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


class SyncFiles(Mapping[str, Sync]):
    """The syncs by their names, each read when it is asked for: a worker needs few of thousands.

    A spec that can't be used is not there. That no two write one tab is checked where all are read.

    Args:
        include: the folder with specs/ and sql/.
    """

    def __init__(self, include: Path) -> None:
        self._include = include
        self._owners: Owners | None = None
        self._paths = {path.stem: path for path in spec_files(include / "specs" / "sheets")}
        self._read: dict[str, Sync] = {}

    def __getitem__(self, name: str) -> Sync:
        if name not in self._read:
            path = self._paths[name]
            try:
                spec = load_spec(path, SheetSyncSpec)
                self._owners = self._owners or Owners(self._include)
                self._owners.check(path, spec)
                self._read[name] = Sync(spec, _sql(self._include, path, spec), path)
            except SpecError as error:
                raise KeyError(str(error)) from None
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _files(include: Path) -> SpecFiles:
    return SpecFiles(spec_files(include / "specs" / "sheets"))


def _read(
    include: Path, files: SpecFiles, paths: Iterable[Path]
) -> tuple[tuple[Sync, ...], list[tuple[Path, SpecError]]]:
    specs: dict[Path, SheetSyncSpec] = {}
    problems: dict[Path, SpecError] = {}
    for path in paths:
        try:
            specs[path] = files.spec(path)
        except SpecError as error:
            problems[path] = error
    owners = Owners(include)
    if owners.error is not None:
        problems[owners.path] = owners.error
    intruders = owners.intruders(specs)
    syncs: list[Sync] = []
    seen = _Seen()
    for path, spec in specs.items():
        try:
            owners.check(path, spec)
            if path in intruders:
                raise intruders[path]
            seen.check(path, spec)
            syncs.append(Sync(spec, _sql(include, path, spec), path))
        except SpecError as error:
            problems[path] = error
    return tuple(syncs), sorted(problems.items())


class _Seen:
    """What earlier specs took, for those that come after them."""

    def __init__(self) -> None:
        self._targets: dict[tuple[str, str], Path] = {}
        self._names: dict[str, Path] = {}
        self._connections: dict[tuple[str, str], tuple[str, str]] = {}

    def check(self, path: Path, spec: SheetSyncSpec) -> None:
        if spec.sync != path.stem:
            raise SpecError(f"{path}: sync: {spec.sync!r} is not the file's name, call the file {spec.sync}.yaml")
        if (other := self._names.setdefault(spec.sync, path)) != path:
            raise SpecError(f"{path}: sync: {other} has that name too, choose another")
        target = (spec.target.spreadsheet_id, spec.target.tab.casefold())
        if (other := self._targets.setdefault(target, path)) != path:
            raise SpecError(f"{path}: target: {other.name} writes that tab too, choose another tab")
        connection = spec.target.connection
        book = (spec.team, spec.target.spreadsheet_id)
        first, by = self._connections.setdefault(book, (connection, path.name))
        if first != connection:
            raise SpecError(
                f"{path}: target.connection: {connection} is not the {first} of {by}: "
                "a team's syncs of one workbook share one connection"
            )


def _sql(include: Path, path: Path, spec: SheetSyncSpec) -> str:
    sql = _text(include, path, spec)
    if "{{" in sql or "{%" in sql:
        raise SpecError(
            f"{path}: source: the query has a template ({{{{ or {{%): workers render none, write %(name)s and give "
            "source.parameters"
        )
    return sql


def _text(include: Path, path: Path, spec: SheetSyncSpec) -> str:
    if spec.source.query is not None:
        return spec.source.query
    file = include / "sql" / (spec.source.sql or "")
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{path}: source.sql: {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError(f"{path}: source.sql: {file} is not UTF-8 text: save it as UTF-8") from None
