"""What the pages show, as JSON: a workbook's outline, a page of rows, a search, and what the last change touched."""

from __future__ import annotations

from typing import Any

from standins.sheets.a1 import format_range
from standins.sheets.formats import is_date, show
from standins.sheets.formulas import Evaluator
from standins.sheets.grid import NO_ROW, ErrorValue, Formula, Grid, Row
from standins.sheets.ranges import area_of
from standins.sheets.workbook import Json, Sheet, State, StyleTable

# Cells that are compared and counted for "what changed"; beyond that the page says "more than".
_MOST_CHANGED = 200_000
_MOST_FOUND = 1_000
_MEASURED_ROWS = 200


def outline(state: State) -> Json:
    """A workbook without its cells."""
    change = state.change
    return {
        "id": state.id,
        "title": state.title,
        "revision": state.revision,
        "modified": state.modified,
        "sheets": [_sheet(sheet) for sheet in state.sheets],
        "named": [_named(state, named) for named in state.named],
        "change": None
        if change is None
        else {"revision": change.revision, "at": change.at, "by": change.by, "method": change.method},
    }


def _sheet(sheet: Sheet) -> Json:
    grid = sheet.props["gridProperties"]
    color = sheet.props.get("tabColor")
    return {
        "gid": sheet.id,
        "title": sheet.title,
        "rows": sheet.rows,
        "columns": sheet.columns,
        "hidden": bool(sheet.props.get("hidden")),
        "frozen": grid.get("frozenRowCount", 0),
        "color": _css_color(color) if color else None,
    }


def _named(state: State, named: Json) -> Json:
    target = named.get("range")
    sheet = state.sheet(target.get("sheetId", 0)) if target else None
    if target is None or sheet is None:
        return {"name": named["name"], "label": "#REF!"}
    box = area_of(target).within(sheet.rows, sheet.columns)
    return {
        "name": named["name"],
        "label": format_range(sheet.title, box),
        "gid": sheet.id,
        "row": box.r0,
        "column": box.c0,
    }


def details(state: State, styles: StyleTable, sheet: Sheet) -> Json:
    """What is needed once a tab is opened: how far it is filled, column widths, what the last change touched.

    A width is in characters, as the first rows show it; a width that somebody set is negative pixels.
    """
    widest: dict[int, float] = {}
    evaluator = Evaluator(state)
    for index, row, marks in sheet.grid.scan(0, _MEASURED_ROWS):
        for column, value in enumerate(row):
            if value is not None:
                mark = marks[column] if column < len(marks) else 0
                computed = evaluator.cell(sheet, index, column) if type(value) is Formula else value
                text = show(computed, styles.number_format(mark))[:60]
                # Capitals and digits are wider than the average letter.
                size = (
                    len(text)
                    + (index < sheet.props["gridProperties"].get("frozenRowCount", 0))
                    + 0.22 * sum(letter.isupper() or letter.isdigit() or letter == "_" for letter in text)
                )
                widest[column] = max(widest.get(column, 0), round(size, 1))
    for column, props in sheet.column_props.items():
        if "pixelSize" in props:
            widest[column] = -props["pixelSize"]
    changed, count = changed_cells(state, sheet)
    return {
        "gid": sheet.id,
        "filled": sheet.grid.last_filled_row(),
        "widths": {str(column): size for column, size in widest.items()},
        "changed": count,
        "changed_rows": sorted(changed)[:2000],
        "first_changed": min(((row, min(columns)) for row, columns in changed.items()), default=None),
    }


def rows(state: State, styles: StyleTable, sheet: Sheet, start: int, count: int) -> Json:
    """A page of rows. A cell is null or [text, kind, exact?]; kind: n, s, b, d (date), f (formula), e (error)."""
    evaluator = Evaluator(state)
    changed, _ = changed_cells(state, sheet)
    looks: dict[int, Json] = {}
    listed: list[list[Any]] = []
    for index, row, marks in sheet.grid.scan(start, min(start + count, sheet.rows)):
        cells: list[Any] = []
        for column, value in enumerate(row):
            mark = marks[column] if column < len(marks) else 0
            cells.append(_cell(evaluator, styles, sheet, index, column, value, mark))
        for mark in marks:
            if mark and mark not in looks:
                looks[mark] = _css(styles.items[mark].get("userEnteredFormat", {}))
        listed.append([cells, [mark if looks.get(mark) else 0 for mark in marks], sorted(changed.get(index, ()))])
    return {
        "start": start,
        "revision": state.revision,
        "rows": listed,
        "styles": {str(k): v for k, v in looks.items() if v},
    }


def _cell(e: Evaluator, styles: StyleTable, sheet: Sheet, row: int, column: int, value: Any, mark: int) -> Any:
    if value is None:
        return None
    number_format = styles.number_format(mark)
    computed = e.cell(sheet, row, column) if type(value) is Formula else value
    text = show(computed, number_format)
    if type(value) is Formula:
        return [text, "e" if type(computed) is ErrorValue else "f", value.text]
    if type(value) is str:
        return [text, "s"]
    if type(value) is bool:
        return [text, "b"]
    if type(value) is ErrorValue:
        return [text, "e"]
    exact = repr(value)
    kind = "d" if is_date(number_format) else "n"
    return [text, kind] if text == exact else [text, kind, exact]


def _css_color(color: Json) -> str:
    return "rgb({} {} {})".format(*(round(color.get(part, 0) * 255) for part in ("red", "green", "blue")))


def _css(given: Json) -> Json:
    look: Json = {}
    text = given.get("textFormat", {})
    for name in ("bold", "italic", "strikethrough"):
        if text.get(name):
            look[name] = True
    color = text.get("foregroundColorStyle", {}).get("rgbColor") or text.get("foregroundColor")
    back = given.get("backgroundColorStyle", {}).get("rgbColor") or given.get("backgroundColor")
    if color:
        look["color"] = _css_color(color)
    if back and any(back.get(part, 0) < 1 for part in ("red", "green", "blue")):
        look["background"] = _css_color(back)
    if given.get("horizontalAlignment") in ("LEFT", "CENTER", "RIGHT"):
        look["align"] = given["horizontalAlignment"].lower()
    return look


def search(state: State, styles: StyleTable, sheet: Sheet, text: str) -> Json:
    """The cells whose shown or exact text holds ``text``."""
    wanted = text.casefold()
    evaluator = Evaluator(state)
    found: list[list[int]] = []
    for index, row, marks in sheet.grid.scan(0, sheet.rows):
        for column, value in enumerate(row):
            if value is None:
                continue
            exact = value.text if type(value) is Formula else value if type(value) is str else repr(value)
            hit = wanted in exact.casefold()
            mark = marks[column] if column < len(marks) else 0
            if not hit and type(value) is not str and (mark or type(value) is not int):
                computed = evaluator.cell(sheet, index, column)
                hit = wanted in show(computed, styles.number_format(mark)).casefold()
            if hit:
                found.append([index, column])
                if len(found) >= _MOST_FOUND:
                    return {"cells": found, "more": True}
    return {"cells": found, "more": False}


# What the last change touched ----------------------------------------------------------------------------------------


def changed_cells(state: State, sheet: Sheet) -> tuple[dict[int, list[int]], int]:
    """{row: columns} of the cells that the last change made different, and how many they are.

    Old and new rows share their lists where nothing was written, so that identity settles nearly all of them. Rows that
    were inserted or deleted are lined up by the tab's moves.
    """
    change = state.change
    before = change.before.get(sheet.id) if change else None
    if before is None or before is sheet:
        return {}, 0
    cached = _CACHE.get(id(sheet))
    if cached is not None and cached[0] is sheet:
        return cached[1], cached[2]
    found: dict[int, list[int]] = {}
    count = 0
    shared = {id(block) for block in before.grid.blocks} if not sheet.moves else set()
    for block, first in zip(sheet.grid.blocks, sheet.grid.starts, strict=True):
        if id(block) in shared and count < _MOST_CHANGED:
            continue
        for offset, row in enumerate(block.rows):
            old = _old_row(before.grid, sheet.moves, first + offset)
            if old is row:
                continue
            columns = _differences(old, row)
            if columns:
                found[first + offset] = columns
                count += len(columns)
        if count >= _MOST_CHANGED:
            break
    for index in range(len(sheet.grid), len(before.grid)) if not sheet.moves else ():
        columns = _differences(before.grid.row(index), NO_ROW)
        if columns and index < sheet.rows:
            found[index] = columns
            count += len(columns)
    _CACHE.clear()
    _CACHE[id(sheet)] = (sheet, found, count)
    return found, count


# The last tab that was looked at: a page asks for its rows many times.
_CACHE: dict[int, tuple[Sheet, dict[int, list[int]], int]] = {}


def _old_row(grid: Grid, moves: list[tuple[int, int]], index: int) -> Row:
    """The row that stands at ``index`` now, as it was: an inserted one was not there."""
    for at, delta in reversed(moves):
        if delta > 0 and at <= index < at + delta:
            return NO_ROW
        if index >= at:
            index -= delta
    return grid.row(index)


def _differences(old: Row, new: Row) -> list[int]:
    columns = []
    for column in range(max(len(old), len(new))):
        a = old[column] if column < len(old) else None
        b = new[column] if column < len(new) else None
        if a is not b and (a != b or type(a) is not type(b)):
            columns.append(column)
    return columns
