"""spreadsheets.values: https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from standins.sheets import entered
from standins.sheets.a1 import Area, Box, column_letters, format_range
from standins.sheets.cells import too_long
from standins.sheets.errors import invalid
from standins.sheets.grid import Row, Styles, number, splice, splice_styles
from standins.sheets.ranges import beyond_grid, locate, read_box
from standins.sheets.render import Renderer
from standins.sheets.workbook import Edit, Json, Sheet, State, StyleTable


def get(state: State, styles: StyleTable, text: str, query: Json) -> Json:
    """One range's values."""
    renderer = Renderer(
        state,
        styles,
        query.get("valueRenderOption", "FORMATTED_VALUE"),
        query.get("dateTimeRenderOption", "SERIAL_NUMBER"),
    )
    sheet, box = read_box(state, text)
    return renderer.value_range(sheet, box, _major(query))


def batch_get(state: State, styles: StyleTable, texts: list[str], query: Json) -> Json:
    """Several ranges of one state."""
    if not texts:
        return {"spreadsheetId": state.id}
    return {"spreadsheetId": state.id, "valueRanges": [get(state, styles, text, query) for text in texts]}


def _major(query: Json) -> str:
    return "COLUMNS" if query.get("majorDimension") == "COLUMNS" else "ROWS"


def update(edit: Edit, text: str, body: Json, query: Json) -> Json:
    """Write ``values`` at a range.

    One cell or a whole tab is only a start: the grid grows below and to the right of it. A range with ends must lie in
    the grid (nithinmurali/pygsheets#124) and hold all the values (nithinmurali/pygsheets#132).
    """
    if body.get("range") and _squeeze(body["range"]) != _squeeze(text):
        raise invalid(f"Requested writing within range [{text}], but the body names another range: [{body['range']}].")
    option = _input_option(query)
    sheet, area = locate(edit.view(), text)
    r0, c0 = area.r0 or 0, area.c0 or 0
    values = rows_of(body)
    width = max(map(len, values), default=0)
    single = area.r1 == r0 + 1 and area.c1 == c0 + 1
    if r0 >= sheet.rows or c0 >= sheet.columns:
        raise beyond_grid(sheet, Box(r0, area.r1 or r0 + 1, c0, area.c1 or c0 + 1))
    if not single:
        _check_bounds(sheet, area, len(values), width)
    return _write(edit, sheet, r0, c0, values, option, query, width)


def _squeeze(text: str) -> str:
    return text.replace("'", "").replace("$", "").casefold()


def _check_bounds(sheet: Sheet, area: Area, height: int, width: int) -> None:
    if (area.r1 or 0) > sheet.rows or (area.c1 or 0) > sheet.columns:
        raise beyond_grid(sheet, Box(area.r0 or 0, area.r1 or sheet.rows, area.c0 or 0, area.c1 or sheet.columns))
    shown = format_range(sheet.title, area.within(sheet.rows, sheet.columns))
    if area.r1 is not None and (area.r0 or 0) + height > area.r1:
        raise invalid(f"Requested writing within range [{shown}], but tried writing to row [{area.r1 + 1}]")
    if area.c1 is not None and (area.c0 or 0) + width > area.c1:
        raise invalid(
            f"Requested writing within range [{shown}], but tried writing to column [{column_letters(area.c1)}]"
        )


def _input_option(query: Json) -> str:
    option = query.get("valueInputOption", "INPUT_VALUE_OPTION_UNSPECIFIED")
    if option not in ("RAW", "USER_ENTERED"):
        raise invalid("'valueInputOption' is required but not specified")
    return option


def rows_of(body: Json) -> list[Row]:
    """``values`` as rows, whatever their major dimension. A null stays None: that cell is not to be touched."""
    values = body.get("values") or []
    if body.get("majorDimension") == "COLUMNS":
        values = [list(row) for row in zip_longest(*values, fillvalue=None)]
    return values


def _write(edit: Edit, sheet: Sheet, r0: int, c0: int, values: list[Row], option: str, query: Json, width: int) -> Json:
    answer: Json = {"spreadsheetId": edit.base.id}
    box = Box(r0, r0 + max(len(values), 1), c0, c0 + max(width, 1))
    if values and width:
        sheet = edit.edit(sheet.id)
        edit.grow(sheet, box.r1, box.c1)
        writer = _Writer(edit, option)
        sheet.grid.edit(box.r0, box.r1, lambda at, row, styles: writer.row(values[at - r0], c0, row, styles))
        answer |= {
            "updatedRange": format_range(sheet.title, box),
            "updatedRows": writer.rows,
            "updatedColumns": len(writer.columns) if writer.sparse else width,
            "updatedCells": writer.cells,
        }
    else:
        answer["updatedRange"] = format_range(sheet.title, box)
    if query.get("includeValuesInResponse"):
        renderer = Renderer(
            edit.view(),
            edit.styles,
            query.get("responseValueRenderOption", "FORMATTED_VALUE"),
            query.get("responseDateTimeRenderOption", "SERIAL_NUMBER"),
        )
        answer["updatedData"] = renderer.value_range(edit.find(sheet.id), box, "ROWS")
    return answer


class _Writer:
    """Turns JSON values into cells, a row at a time, and counts what it writes."""

    def __init__(self, edit: Edit, option: str) -> None:
        self._limit = edit.limits.max_cell_characters
        self._limits = edit.limits
        self._styles = edit.styles
        self._typed = option == "USER_ENTERED"
        self._looks: dict[tuple[int, str], int] = {}
        self._rows: dict[tuple[Styles, tuple[tuple[int, int], ...]], Styles] = {}
        self.rows = 0
        self.cells = 0
        self.columns: set[int] = set()
        self.sparse = False

    def row(self, values: Row, at: int, row: Row, styles: Styles) -> tuple[Row, Styles]:
        if not values:
            return row, styles
        kinds = set(map(type, values))
        if str in kinds and max(map(len, filter(_is_text, values))) > self._limit:
            raise too_long(self._limits)
        if type(None) in kinds:
            return self._sparse(values, at, row, styles)
        self.rows += 1
        self.cells += len(values)
        cells, styles = self._cells(values, kinds, at, styles)
        return splice(row, at, cells), styles

    def _sparse(self, values: Row, at: int, row: Row, styles: Styles) -> tuple[Row, Styles]:
        self.sparse = True
        touched = False
        for offset, value in enumerate(values):
            if value is None:
                continue
            cells, styles = self._cells([value], {type(value)}, at + offset, styles)
            row = splice(row, at + offset, cells)
            self.cells += 1
            self.columns.add(at + offset)
            touched = True
        self.rows += touched
        return row, styles

    def _cells(self, values: Row, kinds: set[type], at: int, styles: Styles) -> tuple[Row, Styles]:
        if self._typed and str in kinds:
            return self._entered(values, at, styles)
        if "" in values:
            values = [None if value == "" and type(value) is str else value for value in values]
        if int in kinds or float in kinds:
            values = [number(value) if type(value) in (int, float) else value for value in values]
        return values, styles

    def _entered(self, values: Row, at: int, styles: Styles) -> tuple[Row, Styles]:
        cells: Row = []
        brought: list[tuple[int, int]] = []
        for offset, value in enumerate(values):
            if type(value) is not str:
                cells.append(number(value) if type(value) in (int, float) else value)
                continue
            column = at + offset
            mark = styles[column] if column < len(styles) else 0
            held = self._styles.number_format(mark) if mark else None
            if held is not None and held.get("type") == "TEXT":
                # A cell in plain-text format takes what is typed as it is.
                cells.append(value or None)
                continue
            cell, pattern = entered.parse(value)
            cells.append(cell)
            if pattern is not None and held is None:
                brought.append((column, self._look(mark, pattern)))
        if brought:
            # Rows of one table bring the same formats: they share one tuple.
            key = (styles, tuple(brought))
            found = self._rows.get(key)
            if found is None:
                for column, look in brought:
                    styles = splice_styles(styles, column, (look,))
                found = self._rows[key] = styles
            styles = found
        return cells, styles

    def _look(self, mark: int, brought: dict[str, str]) -> int:
        key = (mark, brought["pattern"])
        if key not in self._looks:
            item = dict(self._styles.items[mark])
            item["userEnteredFormat"] = {**item.get("userEnteredFormat", {}), "numberFormat": brought}
            self._looks[key] = self._styles.number(item)
        return self._looks[key]


def _is_text(value: Any) -> bool:
    return type(value) is str


def batch_update(edit: Edit, body: Json) -> Json:
    """Several ranges in one write."""
    query = {
        "valueInputOption": body.get("valueInputOption", ""),
        "includeValuesInResponse": body.get("includeValuesInResponse", False),
        "responseValueRenderOption": body.get("responseValueRenderOption", "FORMATTED_VALUE"),
        "responseDateTimeRenderOption": body.get("responseDateTimeRenderOption", "SERIAL_NUMBER"),
    }
    responses = []
    totals = {"totalUpdatedRows": 0, "totalUpdatedColumns": 0, "totalUpdatedCells": 0}
    touched: set[int] = set()
    for item in body.get("data", []):
        response = update(edit, item.get("range", ""), {**item, "range": None}, query)
        responses.append(response)
        for name in ("Rows", "Columns", "Cells"):
            totals[f"totalUpdated{name}"] += response.get(f"updated{name}", 0)
        touched.add(locate(edit.view(), item.get("range", ""))[0].id)
    answer = {"spreadsheetId": edit.base.id, **totals, "totalUpdatedSheets": len(touched), "responses": responses}
    return {name: value for name, value in answer.items() if value != 0}


def clear(edit: Edit, text: str) -> Json:
    """Empty the cells of a range; formats, notes and validation stay."""
    return {"spreadsheetId": edit.base.id, "clearedRange": _clear(edit, text)}


def batch_clear(edit: Edit, body: Json) -> Json:
    """Several ranges in one write."""
    return {"spreadsheetId": edit.base.id, "clearedRanges": [_clear(edit, text) for text in body.get("ranges", [])]}


def _clear(edit: Edit, text: str) -> str:
    sheet, box = read_box(edit.view(), text)
    clear_box(edit.edit(sheet.id), box)
    return format_range(sheet.title, box)


def clear_box(sheet: Sheet, box: Box) -> None:
    """Empty the values of a rectangle of a writable tab."""

    def change(_: int, row: Row, styles: Styles) -> tuple[Row, Styles]:
        if len(row) <= box.c0:
            return row, styles
        return row[: box.c0] + [None] * (min(box.c1, len(row)) - box.c0) + row[box.c1 :], styles

    sheet.grid.edit(box.r0, min(box.r1, len(sheet.grid)), change)


def append(edit: Edit, text: str, body: Json, query: Json) -> Json:
    """Write below the table that the range touches.

    https://developers.google.com/workspace/sheets/api/guides/values#append_values : the last table in the range; its
    first column is where the values start; without a table they start at the range.
    """
    option = _input_option(query)
    sheet, area = locate(edit.view(), text)
    if (area.r0 or 0) >= sheet.rows or (area.c0 or 0) >= sheet.columns:
        raise beyond_grid(sheet, Box(area.r0 or 0, area.r1 or sheet.rows, area.c0 or 0, area.c1 or sheet.columns))
    box = area.within(sheet.rows, sheet.columns)
    table = find_table(sheet, box)
    r0, c0 = (table.r1, table.c0) if table else (box.r0, box.c0)
    values = rows_of(body)
    width = max(map(len, values), default=0)
    if query.get("insertDataOption") == "INSERT_ROWS" and values and r0 < sheet.rows:
        from standins.sheets.dimensions import insert_rows

        insert_rows(edit, sheet.id, r0, len(values), inherit_from_before=r0 > 0)
    updates = _write(edit, edit.find(sheet.id), r0, c0, values, option, query, width)
    answer: Json = {"spreadsheetId": edit.base.id, "updates": updates}
    if table:
        answer["tableRange"] = format_range(sheet.title, table)
    return answer


def find_table(sheet: Sheet, box: Box) -> Box | None:
    """The last block of touching filled cells that has a cell in ``box``."""
    grid = sheet.grid
    seed: tuple[int, int] | None = None
    for at in range(min(box.r1, len(grid)) - 1, box.r0 - 1, -1):
        row = grid.row(at)
        seed = next(((at, column) for column in range(box.c0, min(box.c1, len(row))) if row[column] is not None), None)
        if seed:
            break
    if seed is None:
        return None
    r0, r1, c0, c1 = seed[0], seed[0] + 1, seed[1], seed[1] + 1
    size = len(grid)
    moved = True
    while moved:
        moved = False
        while r0 > 0 and _filled(grid.row(r0 - 1), c0 - 1, c1 + 1):
            r0, moved = r0 - 1, True
        while r1 < size and _filled(grid.row(r1), c0 - 1, c1 + 1):
            r1, moved = r1 + 1, True
        low, high = _reach(sheet, r0 - 1, r1 + 1, c0, c1)
        if (low, high) != (c0, c1):
            c0, c1, moved = low, high, True
    return Box(r0, r1, c0, c1)


def _filled(row: Row, c0: int, c1: int) -> bool:
    return any(value is not None for value in row[max(c0, 0) : c1])


def _reach(sheet: Sheet, r0: int, r1: int, c0: int, c1: int) -> tuple[int, int]:
    """How far the filled cells of these rows reach to the left of c0 and to the right of c1, without a gap."""
    low, high = c0, c1
    for _, row, _ in sheet.grid.scan(max(r0, 0), r1):
        while low > 0 and low - 1 < len(row) and row[low - 1] is not None:
            low -= 1
        while high < len(row) and row[high] is not None:
            high += 1
    return low, high
