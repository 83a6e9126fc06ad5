"""How cell values look in an answer: ValueRenderOption and DateTimeRenderOption."""

from __future__ import annotations

from typing import Any

from standins.sheets.a1 import Box, format_range
from standins.sheets.cells import ERROR_TEXT
from standins.sheets.formats import is_date, show
from standins.sheets.formulas import Evaluator
from standins.sheets.grid import ErrorValue, Formula, Row, Styles
from standins.sheets.workbook import Sheet, State, StyleTable

_READY = {str, int, float, bool}
_TEXT = {str}
_TEXT_OR_EMPTY = {str, type(None)}
_NO_OBJECTS = {str, int, float, bool, type(None)}


class Renderer:
    """Renders the cells of one state with one pair of options."""

    def __init__(self, state: State, styles: StyleTable, value_option: str, date_option: str = "SERIAL_NUMBER") -> None:
        self._evaluator = Evaluator(state)
        self._styles = styles
        self._option = value_option
        self._dates_as_text = date_option == "FORMATTED_STRING" and value_option != "FORMATTED_VALUE"
        self._formats: dict[Styles, list[dict[str, Any] | None] | None] = {}

    def formats(self, styles: Styles) -> list[dict[str, Any] | None] | None:
        """The number formats along a row; None if all are automatic."""
        if styles not in self._formats:
            found = [self._styles.number_format(mark) for mark in styles]
            self._formats[styles] = found if any(found) else None
        return self._formats[styles]

    def row(self, sheet: Sheet, index: int, row: Row, styles: Styles, c0: int, c1: int) -> list[Any]:
        """A row's cells as they are sent, trailing empty cells cut off."""
        stop = min(c1, len(row))
        while stop > c0 and row[stop - 1] is None:
            stop -= 1
        cells = row if c0 == 0 and stop == len(row) else row[c0:stop]
        kinds = set(map(type, cells))
        if self._option == "FORMATTED_VALUE":
            if kinds == _TEXT:
                return cells
            formats = self.formats(styles) if styles else None
            if formats is None and kinds <= _NO_OBJECTS:
                return [
                    cell
                    if type(cell) is str
                    else str(cell)
                    if type(cell) is int and -(10**15) < cell < 10**15
                    else show(cell, None)
                    for cell in cells
                ]
            return [
                show(self._computed(sheet, index, c0 + at, cell), self._format_at(formats, c0 + at))
                for at, cell in enumerate(cells)
            ]
        if kinds <= _NO_OBJECTS and not self._dates_as_text:
            return ["" if cell is None else cell for cell in cells] if type(None) in kinds else cells
        formats = self.formats(styles) if self._dates_as_text and styles else None
        return [self._plain(sheet, index, c0 + at, cell, formats) for at, cell in enumerate(cells)]

    def _plain(
        self, sheet: Sheet, index: int, column: int, cell: Any, formats: list[dict[str, Any] | None] | None
    ) -> Any:
        if type(cell) is Formula and self._option == "FORMULA":
            return cell.text
        value = self._computed(sheet, index, column, cell)
        if value is None:
            return ""
        if type(value) is ErrorValue:
            return ERROR_TEXT[value.type]
        if formats and type(value) in (int, float):
            number_format = self._format_at(formats, column)
            if is_date(number_format):
                return show(value, number_format)
        return value

    def _computed(self, sheet: Sheet, index: int, column: int, cell: Any) -> Any:
        return self._evaluator.cell(sheet, index, column) if type(cell) is Formula else cell

    @staticmethod
    def _format_at(formats: list[dict[str, Any] | None] | None, column: int) -> dict[str, Any] | None:
        return formats[column] if formats is not None and column < len(formats) else None

    def rows(self, sheet: Sheet, box: Box) -> list[list[Any]]:
        """The rectangle's rows, trailing empty rows cut off."""
        found: list[list[Any]] = []
        filled = 0
        for index, row, styles in sheet.grid.scan(box.r0, box.r1):
            cells = self.row(sheet, index, row, styles, box.c0, box.c1) if row else []
            found.append(cells)
            if cells:
                filled = len(found)
        del found[filled:]
        return found

    def value_range(self, sheet: Sheet, box: Box, major: str) -> dict[str, Any]:
        """A ValueRange; ``values`` is left out when the rectangle is empty, as Google does."""
        answer: dict[str, Any] = {"range": format_range(sheet.title, box), "majorDimension": major}
        values = self.rows(sheet, box)
        if major == "COLUMNS":
            values = _transpose(values)
        if values:
            answer["values"] = values
        return answer


def _transpose(rows: list[list[Any]]) -> list[list[Any]]:
    width = max(map(len, rows), default=0)
    columns = [[row[at] if at < len(row) else "" for row in rows] for at in range(width)]
    for column in columns:
        while column and column[-1] == "":
            column.pop()
    while columns and not columns[-1]:
        columns.pop()
    return columns
