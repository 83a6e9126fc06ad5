"""Whose a workbook is: a team's syncs may not write into another team's.

It is the team's that include/specs/workbooks.yaml names; without an entry there, the team's that has most syncs in it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from drivetrain.errors import SpecError
from drivetrain.sheets.spec import SpreadsheetId
from drivetrain.spec_types import Slug
from drivetrain.specs import ClosedModel, load_spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from drivetrain.sheets.spec import SheetSyncSpec

LISTING = "workbooks.yaml"


class Ownership(ClosedModel):
    """Whose a workbook is.

    Attributes:
        team: its owner.
        shared_with: other teams whose syncs may write it too.
    """

    team: Slug
    shared_with: tuple[Slug, ...] = ()

    def admits(self, team: str) -> bool:
        """Whether a team's syncs may write it."""
        return team == self.team or team in self.shared_with


class Listing(ClosedModel):
    """The file include/specs/workbooks.yaml: workbooks by their ids."""

    workbooks: Annotated[dict[SpreadsheetId, Ownership], Field(default_factory=dict)]


class Owners:
    """Owners of workbooks, as far as they are listed.

    Args:
        include: the folder with specs/.

    Attributes:
        error: what is wrong with the listing. It counts as empty then: one mistake in it must not stop every team.
    """

    def __init__(self, include: Path) -> None:
        self.path = include / "specs" / LISTING
        self.error: SpecError | None = None
        self._listed: Mapping[str, Ownership] = {}
        try:
            self._listed = load_spec(self.path, Listing).workbooks if self.path.exists() else {}
        except SpecError as error:
            self.error = error

    def check(self, path: Path, spec: SheetSyncSpec) -> None:
        """Refuse a spec that writes into a workbook which is listed as another team's.

        Raises:
            SpecError: names whose it is.
        """
        owner = self._listed.get(spec.target.spreadsheet_id)
        if owner is not None and not owner.admits(spec.team):
            raise SpecError(_refusal(path, spec, owner.team, f"so says {self.path.name}"))

    def intruders(self, specs: Mapping[Path, SheetSyncSpec]) -> dict[Path, SpecError]:
        """Specs that write into a workbook which is listed nowhere and has more syncs of another team.

        Args:
            specs: all of them, by their files.
        """
        teams: dict[str, Counter[str]] = {}
        for _, spec in _unlisted(specs, self._listed):
            teams.setdefault(spec.target.spreadsheet_id, Counter())[spec.team] += 1
        refused = {}
        for path, spec in _unlisted(specs, self._listed):
            counted = teams[spec.target.spreadsheet_id]
            # Of teams with as many the first by name, so that the order of files decides nothing.
            owner = min(counted, key=lambda team: (-counted[team], team))
            if spec.team != owner:
                refused[path] = SpecError(_refusal(path, spec, owner, "which has most syncs in it"))
        return refused


def _unlisted(
    specs: Mapping[Path, SheetSyncSpec], listed: Mapping[str, Ownership]
) -> Iterable[tuple[Path, SheetSyncSpec]]:
    return ((path, spec) for path, spec in specs.items() if spec.target.spreadsheet_id not in listed)


def _refusal(path: Path, spec: SheetSyncSpec, owner: str, why: str) -> str:
    book = spec.target.spreadsheet_id
    return (
        f"{path}: target.spreadsheet_id: {book} is the workbook of team {owner}, {why}: choose one of {spec.team}'s, "
        f"or have {owner} list it in include/specs/{LISTING} with shared_with: [{spec.team}]"
    )
