"""A plan for people: what each tab would become, cell by cell, each value as its column's type says it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.text import Text

from drivetrain.sheets import a1
from drivetrain.sheets.cells import canonical
from drivetrain.sheets.decode import BadCellError, decode
from drivetrain.sheets.spec import Column, ColumnType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from commands.sheets_run import Told
    from drivetrain.sheets.outcome import SyncOutcome
    from drivetrain.sheets.spec import SheetSyncSpec

_SIGNS = {"added": ("+", "green"), "changed": ("~", "yellow"), "deleted": ("-", "red")}
_MOST_ROWS = 10
_MOST_CELLS = 6
_MOST_CHARACTERS = 40
_DONE = {
    "planned": "to write",
    "written": "written",
    "unchanged": "unchanged",
    "already_applied": "already applied",
    "failed": "can't run",
}


def told_lines(told: Told) -> Iterator[Text]:
    """What became of one sync: a line for one that has nothing to do or fails, a block for the others."""
    spec, outcome = told.sync.spec, told.outcome
    if outcome is None:
        yield Text.assemble(("! ", "bold red"), (spec.sync, "bold"), "  ", (_clean(str(told.error)), "red"))
    elif outcome.outcome in ("unchanged", "already_applied"):
        said = outcome.outcome.replace("_", " ")
        yield Text(f"= {spec.sync}  {_place(outcome)}  {outcome.mode}  {said}, {outcome.rows:,} rows", style="dim")
    else:
        yield from _changes(told, outcome)


def summary_line(kinds: Counter[str]) -> str:
    """2 to write, 15 unchanged, 1 can't run."""
    said = [f"{kinds[kind]:,} {words}" for kind, words in _DONE.items() if kinds[kind]]
    return ", ".join(said) or "no syncs"


def _changes(told: Told, outcome: SyncOutcome) -> Iterator[Text]:
    spec = told.sync.spec
    is_new = outcome.gid is None
    sign, style = _SIGNS["added" if is_new else "changed"]
    what = "  new tab" if is_new else "  written" if outcome.outcome == "written" else ""
    place = f"  {_place(outcome)}  {outcome.mode}{what}"
    yield Text.assemble((f"{sign} ", f"bold {style}"), (spec.sync, "bold"), place)
    yield _counts(outcome)
    if outcome.outcome != "planned":
        return
    yield from _columns(told, outcome)
    yield from _rows(spec, outcome)


def _place(outcome: SyncOutcome) -> str:
    return _clean(f"{outcome.tab} in {outcome.workbook}")


def _counts(outcome: SyncOutcome) -> Text:
    line = Text("    rows")
    for kind, count in (
        ("added", outcome.rows_added),
        ("changed", outcome.rows_changed),
        ("deleted", outcome.rows_deleted),
    ):
        sign, style = _SIGNS[kind]
        line.append(f"  {sign} {count:,} {kind}", style=style if count else "dim")
    cells = outcome.cells_added + outcome.cells_changed + outcome.cells_deleted
    line.append(f"   {_many(cells, 'cell')}")
    if outcome.outcome == "planned":
        calls = _many(outcome.calls_needed, "write call")
        line.append(f", {calls} ({outcome.quota_share:.1%} of an account's minute)")
    if outcome.staged:
        line.append(", by a staging tab")
    if outcome.rows_edited:
        line.append(f"   {_many(outcome.rows_edited, 'row')} edited by people", style="yellow")
    if outcome.rows_rejected:
        line.append(f"   {_many(outcome.rows_rejected, 'row')} set aside", style="red")
    return line


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}" + ("s" if count != 1 else "")


def _columns(told: Told, outcome: SyncOutcome) -> Iterator[Text]:
    """Columns that the tab lacks, calls by another name, or would no longer have."""
    header = told.header
    said: dict[str, list[str]] = {"added": [], "changed": [], "deleted": []}
    for index, column in enumerate(outcome.columns):
        title, kind = _clean(column["header"]), column["type"]
        was = _clean(header[index]) if index < len(header) else ""
        if not was:
            said["added"].append(f"{title} ({kind})")
        elif was != title:
            said["changed"].append(f"{was} -> {title} ({kind})")
    said["deleted"] += [_clean(title) for title in header[len(outcome.columns) :] if title]
    for change, columns in said.items():
        sign, style = _SIGNS[change]
        if columns:
            yield Text.assemble("    columns  ", (f"{sign} {', '.join(columns)}", style))


def _rows(spec: SheetSyncSpec, outcome: SyncOutcome) -> Iterator[Text]:
    header_row, _ = a1.parse_cell(spec.target.anchor)
    columns = {column["header"]: _column(spec, column) for column in outcome.columns}
    shown = outcome.preview[:_MOST_ROWS]
    for row in shown:
        sign, style = _SIGNS[row["change"]]
        line = Text.assemble((f"    {sign} row {header_row + 1 + row['row']}", style))
        if row["change"] == "added":
            line.append("  " + _named(row["cells"], columns))
        elif row["change"] == "changed":
            line.append("  ").append_text(_changed(row["cells"], columns))
        yield line
    more = outcome.rows_added + outcome.rows_changed + outcome.rows_deleted - len(shown)
    if more > 0:
        yield Text(f"      and {_many(more, 'row')} more", style="dim")


def _column(spec: SheetSyncSpec, described: dict[str, str]) -> Column:
    """The spec's own column, or one that drift adds."""
    known = next((column for column in spec.columns if column.name == described["name"]), None)
    return known or Column(name=described["name"], type=ColumnType(described["type"]))


def _named(cells: dict[str, Any], columns: dict[str, Column]) -> str:
    said = [f"{_clean(title)} {shown(cell['new'], columns[title])}" for title, cell in cells.items()]
    return _cut(said)


def _changed(cells: dict[str, Any], columns: dict[str, Column]) -> Text:
    if not cells:
        return Text("cells get another type: TRUE is no 1")
    said = [
        f"{_clean(title)} {shown(cell['old'], columns[title])} -> {shown(cell['new'], columns[title])}"
        for title, cell in cells.items()
    ]
    return Text(_cut(said))


def _cut(said: Sequence[str]) -> str:
    more = len(said) - _MOST_CELLS
    return ", ".join([*said[:_MOST_CELLS], *([f"and {_many(more, 'cell')} more"] if more > 0 else [])])


def shown(cell: Any, column: Column) -> str:
    """A cell as its column's type says it: texts in quotes, dates as dates, so that 7 and "7" are told apart."""
    cell = canonical(cell)
    if cell is None:
        return "(empty)"
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, str):
        text = cell if len(cell) <= _MOST_CHARACTERS else cell[: _MOST_CHARACTERS - 1] + "…"
        return _clean(json.dumps(text, ensure_ascii=False))
    if column.type in (ColumnType.DATE, ColumnType.TIME, ColumnType.TIMESTAMP, ColumnType.TIMESTAMP_TZ):
        try:
            value = decode(cell, column)
        except BadCellError:
            return repr(cell)
        return str(value)
    return repr(cell)


def _clean(text: str) -> str:
    """On one line and without control characters: a cell may not move the reader's cursor."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
