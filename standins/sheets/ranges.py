"""From A1 text and from GridRange to rectangles of a tab, with Google's complaints."""

from __future__ import annotations

from typing import Any

from standins.sheets.a1 import Area, Box, format_range, parse_cells, split_title
from standins.sheets.errors import ApiError, invalid
from standins.sheets.workbook import Sheet, State


def unparsable(text: str) -> ApiError:
    """400 for a range that cannot be read, which is quoted back."""
    return invalid(f"Unable to parse range: {text}")


def beyond_grid(sheet: Sheet, box: Box) -> ApiError:
    """The message says which range, and how big the grid is (pygsheets#124, home-assistant/core#104198)."""
    return invalid(
        f"Range ({format_range(sheet.title, box)}) exceeds grid limits. "
        f"Max rows: {sheet.rows}, max columns: {sheet.columns}"
    )


def locate(state: State, text: str) -> tuple[Sheet, Area]:
    """The tab and the area that a range names: A1, R1C1, a tab's title, or a named range.

    https://developers.google.com/workspace/sheets/api/guides/concepts : a name without quotes is a named range first;
    quotes make it a tab's title.
    """
    try:
        title, cells, quoted = split_title(text)
    except ValueError:
        raise unparsable(text) from None
    if title is not None:
        sheet = state.sheet_by_title(title)
        if sheet is None:
            raise unparsable(text)
        if cells is None:
            return sheet, Area()
        area = parse_cells(cells)
        if area is None:
            raise unparsable(text)
        return sheet, area
    if cells is None or quoted or not state.sheets:
        raise unparsable(text)
    folded = cells.casefold()
    for named in state.named:
        if named["name"].casefold() == folded:
            target = named.get("range")
            sheet = state.sheet(target.get("sheetId", 0)) if target else None
            if target is None or sheet is None:
                raise unparsable(text)
            return sheet, area_of(target)
    area = parse_cells(cells)
    if area is not None:
        return state.sheets[0], area
    sheet = state.sheet_by_title(cells)
    if sheet is None:
        raise unparsable(text)
    return sheet, Area()


def read_box(state: State, text: str) -> tuple[Sheet, Box]:
    """A range to read or to clear: it may end beyond the grid (Google clips it), but must start inside."""
    sheet, area = locate(state, text)
    if (area.r0 or 0) >= sheet.rows or (area.c0 or 0) >= sheet.columns:
        raise beyond_grid(sheet, _shown(sheet, area))
    return sheet, area.within(sheet.rows, sheet.columns)


def _shown(sheet: Sheet, area: Area) -> Box:
    r0, c0 = area.r0 or 0, area.c0 or 0
    r1 = area.r1 if area.r1 is not None else max(sheet.rows, r0 + 1)
    c1 = area.c1 if area.c1 is not None else max(sheet.columns, c0 + 1)
    return Box(r0, r1, c0, c1)


def area_of(grid_range: dict[str, Any]) -> Area:
    """A GridRange's rectangle, open ends kept."""
    return Area(
        grid_range.get("startRowIndex"),
        grid_range.get("endRowIndex"),
        grid_range.get("startColumnIndex"),
        grid_range.get("endColumnIndex"),
    )


def check_grid_range(sheet: Sheet, grid_range: dict[str, Any]) -> Box:
    """A GridRange inside the tab's grid."""
    area = area_of(grid_range)
    for start, end, word in ((area.r0, area.r1, "Row"), (area.c0, area.c1, "Column")):
        if (start or 0) < 0 or (end is not None and end < (start or 0)):
            raise invalid(f"{word} index values are invalid: start {start}, end {end}.")
    if (
        (area.r1 or 0) > sheet.rows
        or (area.c1 or 0) > sheet.columns
        or (area.r0 or 0) >= max(sheet.rows, 1)
        or (area.c0 or 0) >= max(sheet.columns, 1)
    ):
        raise beyond_grid(sheet, _shown(sheet, area))
    return area.within(sheet.rows, sheet.columns)


def to_grid_range(sheet_id: int, box: Box) -> dict[str, int]:
    """A GridRange with all its ends."""
    return {
        "sheetId": sheet_id,
        "startRowIndex": box.r0,
        "endRowIndex": box.r1,
        "startColumnIndex": box.c0,
        "endColumnIndex": box.c1,
    }
