"""A tab's columns by their headers: people move columns, so a position says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivetrain.errors import SchemaDriftError
from drivetrain.sheets import a1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain.sheets.cells import Cell
    from drivetrain.sheets.load_spec import SheetLoadSpec


def normal(title: object) -> str:
    """One spelling for headers that look alike: case and runs of blanks, non-breaking ones too, do not matter."""
    return " ".join(str(title).split()).casefold()


def locate(spec: SheetLoadSpec, header: Sequence[Cell]) -> tuple[int, ...]:
    """Where each of the spec's columns stands.

    Args:
        spec: the load.
        header: the header row's cells, from the anchor's column on.

    Returns:
        For each of the spec's columns its position in `header`, from 0.

    Raises:
        SchemaDriftError: a header is missing or stands there twice, or there is one that the spec doesn't know and
            its drift says fail. The message names the cells.
    """
    row, first = a1.parse_cell(spec.source.anchor)
    found: dict[str, list[int]] = {}
    for index, title in enumerate(header):
        if title is not None and normal(title):
            found.setdefault(normal(title), []).append(index)
    where = f"load {spec.load}: tab {spec.source.tab!r}"
    if not found:
        raise SchemaDriftError(f"{where} has no headers in row {row + 1}: write them there, or correct source.anchor")
    shown = ", ".join(
        f"{header[i]} ({a1.cell(row, first + i)})" for positions in list(found.values())[:50] for i in positions
    )
    if missing := [column.title for column in spec.columns if normal(column.title) not in found]:
        raise SchemaDriftError(
            f"{where} lacks the header{'s' if len(missing) > 1 else ''} {', '.join(missing)}; it has {shown}: name "
            "the column in the tab again, or correct the spec's header"
        )
    for column in spec.columns:
        if len(places := found[normal(column.title)]) > 1:
            cells = " and ".join(a1.cell(row, first + i) for i in places)
            raise SchemaDriftError(f"{where} has the header {column.title} twice, in {cells}: rename one of them")
    known = {normal(column.title) for column in spec.columns}
    extra = [i for title, positions in found.items() if title not in known for i in positions]
    if extra and spec.drift.value == "fail":
        names = ", ".join(f"{header[i]} ({a1.cell(row, first + i)})" for i in extra)
        raise SchemaDriftError(
            f"{where} has headers that columns does not list: {names}: list them, remove them from the tab, or set "
            "drift: ignore"
        )
    return tuple(found[normal(column.title)][0] for column in spec.columns)
