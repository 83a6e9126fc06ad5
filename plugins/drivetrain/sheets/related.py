"""Which files of a large repository one team's syncs depend on: its own, and those that could be in their way."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from drivetrain.errors import SpecError
from drivetrain.sheets.spec import SheetSyncSpec
from drivetrain.specs import load_spec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path


class SpecFiles:
    """Files of sheet syncs, each parsed once at most.

    Args:
        paths: all of them.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = tuple(paths)
        self._parsed: dict[Path, SheetSyncSpec | SpecError] = {}

    def spec(self, path: Path) -> SheetSyncSpec:
        """The spec in a file.

        Raises:
            SpecError: it can't be used.
        """
        if path not in self._parsed:
            try:
                self._parsed[path] = load_spec(path, SheetSyncSpec)
            except SpecError as error:
                self._parsed[path] = error
        found = self._parsed[path]
        if isinstance(found, SpecError):
            raise found
        return found

    def usable(self, paths: Iterable[Path]) -> dict[Path, SheetSyncSpec]:
        """The specs in some of the files, but for those that can't be used."""
        found = {}
        for path in paths:
            with suppress(SpecError):
                found[path] = self.spec(path)
        return found

    def related(self, team: str) -> list[Path]:
        """The files of a team, and those that share a name or a workbook with them, directly or by others in between.

        A file is read to be looked through, some 30 ms a thousand; only one that names the team or such a workbook is
        parsed, which takes thirty times as long. What is checked among these files comes out as among all.

        Args:
            team: whose.
        """
        texts = {path: _text(path) for path in self.paths}
        # With an escape a text may mean what it does not show.
        opaque = {path for path, text in texts.items() if text is None or "\\" in text}
        named = {path for path, text in texts.items() if text is not None and team in text} | opaque
        specs = self.usable(named)
        # Whose a file is that can't be used may still be readable, and the team's DAG then has to say so.
        found = {path for path in named if path not in specs or specs[path].team == team}
        new: Collection[Path] = found
        while new:
            books = {spec.target.spreadsheet_id for spec in self.usable(new).values()}
            stems = {path.stem for path in new}
            shown = re.compile("|".join(map(re.escape, sorted(books))) or "(?!)")
            candidates = [
                path
                for path, text in texts.items()
                if path not in found and (path.stem in stems or path in opaque or shown.search(text or ""))
            ]
            new = [
                path
                for path, spec in self.usable(candidates).items()
                if path.stem in stems or spec.target.spreadsheet_id in books
            ]
            found.update(new)
        return sorted(found)


def _text(path: Path) -> str | None:
    """None: it can't be looked through, so it has to be parsed, which says why."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
