"""The Spreadsheet resource, as spreadsheets.get gives it; only the parts that the field mask asks for are built."""

from __future__ import annotations

from typing import Any

from standins.sheets.a1 import Box
from standins.sheets.cells import to_extended
from standins.sheets.fields import Mask, selects, sub
from standins.sheets.formats import show
from standins.sheets.formulas import Evaluator
from standins.sheets.grid import Formula, Row, Styles
from standins.sheets.metadata import metadata_sheet
from standins.sheets.ranges import read_box
from standins.sheets.workbook import Json, Sheet, State, StyleTable

# What a new workbook has as its defaultFormat:
# https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/cells#cellformat
_WHITE = {"red": 1, "green": 1, "blue": 1}
DEFAULT_FORMAT: Json = {
    "backgroundColor": _WHITE,
    "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
    "verticalAlignment": "BOTTOM",
    "wrapStrategy": "OVERFLOW_CELL",
    "textFormat": {
        "foregroundColor": {},
        "fontFamily": "arial,sans,sans-serif",
        "fontSize": 10,
        "bold": False,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "foregroundColorStyle": {"rgbColor": {}},
    },
    "backgroundColorStyle": {"rgbColor": _WHITE},
}


def spreadsheet(
    state: State, styles: StyleTable, base_url: str, mask: Mask | None, ranges: list[str], data: bool
) -> Json:
    """The resource. A field mask decides on ``sheets.data`` by itself; without one, ``data`` (includeGridData) does."""
    data = selects(mask, "sheets", "data") if mask is not None else data
    boxes: dict[int, list[Box]] | None = None
    if ranges:
        boxes = {}
        for text in ranges:
            sheet, box = read_box(state, text)
            boxes.setdefault(sheet.id, []).append(box)
    answer: Json = {
        "spreadsheetId": state.id,
        "properties": {**state.properties, "defaultFormat": DEFAULT_FORMAT},
        "sheets": [
            _sheet(state, styles, sheet, sub(mask, "sheets"), data, boxes[sheet.id] if boxes else None)
            for sheet in state.sheets
            if boxes is None or sheet.id in boxes
        ],
    }
    if state.named:
        answer["namedRanges"] = list(state.named)
    answer["spreadsheetUrl"] = f"{base_url}/spreadsheets/d/{state.id}/edit"
    if selects(mask, "developerMetadata"):
        own = [item for item in state.metadata if metadata_sheet(item) is None]
        if own:
            answer["developerMetadata"] = own
    return answer


def _sheet(
    state: State, styles: StyleTable, sheet: Sheet, mask: Mask | None, data: bool, boxes: list[Box] | None
) -> Json:
    answer: Json = {"properties": sheet.props}
    if selects(mask, "developerMetadata") and state.metadata:
        own = [item for item in state.metadata if item["location"].get("sheetId") == sheet.id]
        if own:
            answer["developerMetadata"] = own
    if sheet.merges:
        answer["merges"] = sheet.merges
    if sheet.basic_filter:
        answer["basicFilter"] = sheet.basic_filter
    if data:
        whole = [Box(0, sheet.rows, 0, sheet.columns)]
        cell_mask = sub(mask, "data", "rowData", "values")
        answer["data"] = [_grid_data(state, styles, sheet, box, sub(mask, "data"), cell_mask) for box in boxes or whole]
    return answer


def _grid_data(
    state: State, styles: StyleTable, sheet: Sheet, box: Box, mask: Mask | None, cell_mask: Mask | None
) -> Json:
    answer: Json = {}
    if box.r0:
        answer["startRow"] = box.r0
    if box.c0:
        answer["startColumn"] = box.c0
    if selects(mask, "rowData"):
        cells = _CellBuilder(state, styles, cell_mask)
        rows: list[Json] = []
        for index, row, marks in sheet.grid.scan(box.r0, box.r1):
            built = cells.row(sheet, index, row, marks, box.c0, box.c1)
            rows.append({"values": built} if built else {})
        while rows and not rows[-1]:
            rows.pop()
        if rows:
            answer["rowData"] = rows
    if selects(mask, "rowMetadata"):
        answer["rowMetadata"] = [{"pixelSize": 21, **sheet.row_props.get(at, {})} for at in range(box.r0, box.r1)]
    if selects(mask, "columnMetadata"):
        answer["columnMetadata"] = [
            {"pixelSize": 100, **sheet.column_props.get(at, {})} for at in range(box.c0, box.c1)
        ]
    return answer


class _CellBuilder:
    def __init__(self, state: State, styles: StyleTable, mask: Mask | None) -> None:
        self._evaluator = Evaluator(state)
        self._styles = styles
        self._entered = selects(mask, "userEnteredValue")
        self._effective = selects(mask, "effectiveValue")
        self._shown = selects(mask, "formattedValue")
        self._format = selects(mask, "effectiveFormat")

    def row(self, sheet: Sheet, index: int, row: Row, marks: Styles, c0: int, c1: int) -> list[Json]:
        built = [
            self._cell(
                sheet,
                index,
                column,
                row[column] if column < len(row) else None,
                marks[column] if column < len(marks) else 0,
            )
            for column in range(c0, min(c1, max(len(row), len(marks))))
        ]
        while built and not built[-1]:
            built.pop()
        return built

    def _cell(self, sheet: Sheet, index: int, column: int, value: Any, mark: int) -> Json:
        answer: Json = {}
        item = self._styles.items[mark]
        if value is not None:
            computed = self._evaluator.cell(sheet, index, column) if type(value) is Formula else value
            if self._entered:
                answer["userEnteredValue"] = to_extended(value)
            if self._effective and computed is not None:
                answer["effectiveValue"] = to_extended(computed)
            if self._shown and computed is not None:
                answer["formattedValue"] = show(computed, self._styles.number_format(mark))
        answer |= item
        if self._format and answer:
            answer["effectiveFormat"] = _merge(DEFAULT_FORMAT, item.get("userEnteredFormat", {}))
        return answer


def _merge(base: Json, over: Json) -> Json:
    merged = dict(base)
    for name, value in over.items():
        merged[name] = _merge(base[name], value) if type(value) is dict and type(base.get(name)) is dict else value
    return merged
