"""The batchUpdate requests that write cells."""

from __future__ import annotations

from typing import Any

from standins.sheets.a1 import Box
from standins.sheets.cells import from_extended
from standins.sheets.dimensions import shift_all
from standins.sheets.errors import invalid, not_implemented
from standins.sheets.formulas import Evaluator, shift
from standins.sheets.grid import NO_STYLES, Formula, Row, Styles, splice, splice_styles
from standins.sheets.masks import CellMask
from standins.sheets.ranges import beyond_grid, check_grid_range, to_grid_range
from standins.sheets.values import clear_box
from standins.sheets.workbook import Edit, Json, Sheet

Cells = list[tuple[Row, Styles]]


def update_cells(edit: Edit, body: Json) -> None:
    """UpdateCellsRequest. With ``range`` the whole range is written, and what ``rows`` leave out is cleared."""
    mask = CellMask(body.get("fields"), edit.styles)
    rows = [row.get("values", []) for row in body.get("rows", [])]
    if "range" in body:
        sheet = edit.find(body["range"].get("sheetId", 0))
        box = check_grid_range(sheet, body["range"])
        _check_rows_fit(rows, box)
        width = box.c1 - box.c0
    elif "start" in body:
        start = body["start"]
        sheet = edit.find(start.get("sheetId", 0))
        r0, c0 = start.get("rowIndex", 0), start.get("columnIndex", 0)
        box = Box(r0, r0 + len(rows), c0, c0 + max(map(len, rows), default=0))
        if r0 < 0 or c0 < 0:
            raise invalid(f"start must not be negative: row {r0}, column {c0}.")
        if rows and (box.r1 > sheet.rows or box.c1 > sheet.columns):
            raise beyond_grid(sheet, Box(r0, max(box.r1, r0 + 1), c0, max(box.c1, c0 + 1)))
        width = 0
    else:
        raise invalid("One of 'start' or 'range' is required.")
    _write_rows(edit, edit.edit(sheet.id), box, rows, width, mask)


def _check_rows_fit(rows: list[list[Json]], box: Box) -> None:
    if len(rows) > box.r1 - box.r0:
        raise invalid(f"Attempting to write row: {box.r1}, beyond the last requested row of: {box.r1 - 1}")
    if rows and max(map(len, rows)) > box.c1 - box.c0:
        raise invalid(f"Attempting to write column: {box.c1}, beyond the last requested column of: {box.c1 - 1}")


def _write_rows(edit: Edit, sheet: Sheet, box: Box, rows: list[list[Json]], width: int, mask: CellMask) -> None:
    """Write ``rows`` at the box's corner; each row is padded to ``width`` with cells to clear."""
    limits, at, stored = edit.limits, box.c0, len(sheet.grid)

    def change(index: int, row: Row, styles: Styles) -> tuple[Row, Styles]:
        place = index - box.r0
        cells = rows[place] if place < len(rows) else []
        size = max(len(cells), width)
        if mask.values:
            values = [from_extended(cell.get("userEnteredValue"), limits) for cell in cells]
            missing = min(size, max(len(row) - at, 0)) - len(values)
            if missing > 0:
                values += [None] * missing
            if values:
                row = splice(row, at, values)
        if mask.looks and size:
            held = styles[at : at + size]
            held += (0,) * (size - len(held))
            marks = tuple(
                mask.look(mark, cells[offset] if offset < len(cells) else {}) for offset, mark in enumerate(held)
            )
            if marks != held:
                styles = splice_styles(styles, at, marks)
        return row, styles

    stop = box.r1 if rows or mask.looks else min(box.r1, stored)
    # Rows that are not stored are empty already: they need not be cleared.
    sheet.grid.edit(box.r0, max(min(stop, max(stored, box.r0 + len(rows))), box.r0), change)


def append_cells(edit: Edit, body: Json) -> None:
    """AppendCellsRequest: after the last row with data; rows are added as needed, columns are not (OpenRefine#2760)."""
    mask = CellMask(body.get("fields"), edit.styles)
    sheet = edit.edit(body.get("sheetId", 0))
    rows = [row.get("values", []) for row in body.get("rows", [])]
    widest = max(map(len, rows), default=0)
    if widest > sheet.columns:
        raise invalid(
            f"Attempting to write column: {sheet.columns}, beyond the last requested column of: {sheet.columns - 1}"
        )
    start = sheet.grid.last_filled_row()
    edit.grow(sheet, start + len(rows), 1)
    _write_rows(edit, sheet, Box(start, start + len(rows), 0, widest), rows, 0, mask)


def repeat_cell(edit: Edit, body: Json) -> None:
    """RepeatCellRequest: one cell over a range; relative references of a formula move along."""
    mask = CellMask(body.get("fields"), edit.styles)
    if "range" not in body:
        raise invalid("range is required.")
    sheet = edit.edit(body["range"].get("sheetId", 0))
    box = check_grid_range(sheet, body["range"])
    cell = body.get("cell", {})
    value = from_extended(cell.get("userEnteredValue"), edit.limits)
    width = box.c1 - box.c0
    made: dict[Styles, Styles] = {}

    def change(index: int, row: Row, styles: Styles) -> tuple[Row, Styles]:
        if mask.values and (value is not None or len(row) > box.c0):
            if type(value) is Formula:
                down = index - box.r0
                row = splice(row, box.c0, [Formula(shift(value.text, down, right)) for right in range(width)])
            else:
                row = splice(row, box.c0, [value] * width)
        if mask.looks:
            new = made.get(styles)
            if new is None:
                held = styles[box.c0 : box.c1]
                held += (0,) * (width - len(held))
                new = made[styles] = splice_styles(styles, box.c0, tuple(mask.look(mark, cell) for mark in held))
            styles = new if new != styles else styles
        return row, styles

    sheet.grid.edit(box.r0, box.r1, change)


def copy_paste(edit: Edit, body: Json) -> None:
    """CopyPasteRequest.

    The source is repeated where the destination is a multiple of it, and pasted whole where the destination is smaller.
    """
    kind = body.get("pasteType", "PASTE_NORMAL")
    if body.get("pasteOrientation", "NORMAL") != "NORMAL":
        raise not_implemented("copyPaste with pasteOrientation TRANSPOSE")
    if kind not in ("PASTE_NORMAL", "PASTE_VALUES", "PASTE_FORMAT", "PASTE_NO_BORDERS", "PASTE_FORMULA"):
        raise not_implemented(f"copyPaste with pasteType {kind}")
    if "source" not in body or "destination" not in body:
        raise invalid("source and destination are required.")
    source = edit.find(body["source"].get("sheetId", 0))
    box = check_grid_range(source, body["source"])
    cells = _copy(edit, source, box, kind == "PASTE_VALUES")
    sheet = edit.edit(body["destination"].get("sheetId", 0))
    target = check_grid_range(sheet, body["destination"])
    height, width = box.r1 - box.r0, box.c1 - box.c0
    down = (target.r1 - target.r0) // height if (target.r1 - target.r0) % height == 0 else 1
    right = (target.c1 - target.c0) // width if (target.c1 - target.c0) % width == 0 else 1
    down, right = max(down, 1), max(right, 1)
    place = Box(target.r0, target.r0 + height * down, target.c0, target.c0 + width * right)
    if place.r1 > sheet.rows or place.c1 > sheet.columns:
        raise beyond_grid(sheet, place)
    _paste(sheet, place, box, cells, kind)


def _copy(edit: Edit, sheet: Sheet, box: Box, computed: bool) -> Cells:
    evaluator = Evaluator(edit.view()) if computed else None
    found: Cells = []
    for index, row, styles in sheet.grid.scan(box.r0, box.r1):
        cells = row[box.c0 : box.c1]
        if evaluator is not None and Formula in set(map(type, cells)):
            cells = [evaluator.cell(sheet, index, box.c0 + at) for at in range(len(cells))]
        found.append((cells, styles[box.c0 : box.c1]))
    found += [([], NO_STYLES)] * (box.r1 - box.r0 - len(found))
    return found


def _paste(sheet: Sheet, place: Box, source: Box, cells: Cells, kind: str) -> None:
    height, width = source.r1 - source.r0, source.c1 - source.c0
    repeats = (place.c1 - place.c0) // width
    values_too = kind != "PASTE_FORMAT"
    looks_too = kind in ("PASTE_NORMAL", "PASTE_FORMAT", "PASTE_NO_BORDERS")
    made: dict[tuple[Styles, Styles], Styles] = {}

    def change(index: int, row: Row, styles: Styles) -> tuple[Row, Styles]:
        values, marks = cells[(index - place.r0) % height]
        if values_too and (values or len(row) > place.c0):
            row = splice(row, place.c0, _tiled(values, width, repeats, index, place, source))
        if looks_too and (marks or len(styles) > place.c0):
            new = made.get((styles, marks))
            if new is None:
                padded = (marks + (0,) * (width - len(marks))) * repeats
                new = made[styles, marks] = splice_styles(styles, place.c0, padded)
            styles = new if new != styles else styles
        return row, styles

    sheet.grid.edit(place.r0, place.r1, change)


def _tiled(values: Row, width: int, repeats: int, index: int, place: Box, source: Box) -> Row:
    padded = values + [None] * (width - len(values)) if len(values) < width else values
    if Formula not in set(map(type, padded)):
        return padded * repeats if repeats > 1 else padded
    down = index - source.r0 - (index - place.r0) % (source.r1 - source.r0)
    tiled: Row = []
    for repeat in range(repeats):
        right = place.c0 - source.c0 + repeat * width
        tiled += [Formula(shift(cell.text, down, right)) if type(cell) is Formula else cell for cell in padded]
    return tiled


def cut_paste(edit: Edit, body: Json) -> None:
    """CutPasteRequest: like a copy, and the source is left empty. References to the moved cells are not rewritten."""
    destination = body.get("destination", {})
    source = edit.find(body.get("source", {}).get("sheetId", 0))
    box = check_grid_range(source, body.get("source", {}))
    cells = _copy(edit, source, box, computed=False)
    writable = edit.edit(source.id)
    clear_box(writable, box)
    kind = body.get("pasteType", "PASTE_NORMAL")
    if kind in ("PASTE_NORMAL", "PASTE_NO_BORDERS"):
        _paste(writable, box, box, [([], NO_STYLES)] * len(cells), "PASTE_FORMAT")
    sheet = edit.edit(destination.get("sheetId", 0))
    r0, c0 = destination.get("rowIndex", 0), destination.get("columnIndex", 0)
    place = Box(r0, r0 + box.r1 - box.r0, c0, c0 + box.c1 - box.c0)
    if place.r1 > sheet.rows or place.c1 > sheet.columns:
        raise beyond_grid(sheet, place)
    # A cut keeps formulas as they are: it is pasted as if the source stood where the destination is.
    _paste(sheet, place, place, cells, kind)


def set_data_validation(edit: Edit, body: Json) -> None:
    """SetDataValidationRequest: the rule is kept and given back; values are not checked against it."""
    cell: Json = {"dataValidation": body["rule"]} if body.get("rule") else {}
    repeat_cell(edit, {"range": body.get("range", {}), "cell": cell, "fields": "dataValidation"})


def sort_range(edit: Edit, body: Json) -> None:
    """SortRangeRequest by values: numbers, then text, then booleans; empty cells last."""
    sheet = edit.edit(body.get("range", {}).get("sheetId", 0))
    box = check_grid_range(sheet, body.get("range", {}))
    evaluator = Evaluator(edit.view())
    rows = _copy(edit, sheet, box, computed=False)
    order = list(range(len(rows)))
    for spec in reversed(body.get("sortSpecs", [])):
        column = spec.get("dimensionIndex", 0)
        down = spec.get("sortOrder") == "DESCENDING"
        keys = [_sort_key(evaluator.cell(sheet, box.r0 + at, column)) for at in range(len(rows))]
        filled = sorted((at for at in order if keys[at][0] < 9), key=keys.__getitem__, reverse=down)
        order = filled + [at for at in order if keys[at][0] == 9]
    _paste(sheet, box, box, [rows[at] for at in order], "PASTE_NORMAL")


def _sort_key(value: Any) -> tuple[int, Any]:
    if value is None:
        return 9, 0
    if type(value) is bool:
        return 2, value
    return (1, value.casefold()) if type(value) is str else (0, value) if type(value) in (int, float) else (3, 0)


def insert_range(edit: Edit, body: Json) -> None:
    """InsertRangeRequest: cells move down (ROWS) or to the right (COLUMNS)."""
    sheet = edit.edit(body.get("range", {}).get("sheetId", 0))
    box = check_grid_range(sheet, body.get("range", {}))
    height, width = box.r1 - box.r0, box.c1 - box.c0
    if body.get("shiftDimension") == "ROWS":
        size = len(sheet.grid)
        filled = sheet.grid.last_filled_row(box.c0, box.c1)
        edit.grow(sheet, filled + height if filled > box.r0 else 1, 1)
        moved = _copy(edit, sheet, Box(box.r0, max(size, box.r0), box.c0, box.c1), computed=False)
        moved = [([], NO_STYLES)] * height + moved
        moved = moved[: sheet.rows - box.r0]
        place = Box(box.r0, box.r0 + len(moved), box.c0, box.c1)
        _paste(sheet, place, place, moved, "PASTE_NORMAL")
        return
    widest = max((len(row) for _, row, _ in sheet.grid.scan(box.r0, box.r1)), default=0)
    edit.grow(sheet, 1, widest + width if widest > box.c0 else 1)
    place = Box(box.r0, box.r1, box.c0, sheet.columns)
    rows = _copy(edit, sheet, place, computed=False)
    keep = place.c1 - place.c0
    moved = [(([None] * width + row)[:keep], ((0,) * width + marks)[:keep]) for row, marks in rows]
    _paste(sheet, place, place, moved, "PASTE_NORMAL")


def delete_range(edit: Edit, body: Json) -> None:
    """DeleteRangeRequest: the cells below move up (ROWS), or those to the right move left (COLUMNS)."""
    sheet = edit.edit(body.get("range", {}).get("sheetId", 0))
    box = check_grid_range(sheet, body.get("range", {}))
    height, width = box.r1 - box.r0, box.c1 - box.c0
    if body.get("shiftDimension") == "ROWS":
        size = max(len(sheet.grid), box.r1)
        moved = _copy(edit, sheet, Box(box.r1, size, box.c0, box.c1), computed=False) + [([], NO_STYLES)] * height
        place = Box(box.r0, size, box.c0, box.c1)
        _paste(sheet, place, place, moved, "PASTE_NORMAL")
        if (box.c0, box.c1) == (0, sheet.columns):
            shift_all(edit, sheet, "ROWS", box.r0, -height)
        return
    place = Box(box.r0, box.r1, box.c0, sheet.columns)
    rows = _copy(edit, sheet, place, computed=False)
    moved = [(row[width:], marks[width:]) for row, marks in rows]
    _paste(sheet, place, place, moved, "PASTE_NORMAL")


def merge_cells(edit: Edit, body: Json) -> None:
    """MergeCellsRequest: the merges are kept, and only the top left cell of each keeps its value."""
    sheet = edit.edit(body.get("range", {}).get("sheetId", 0))
    box = check_grid_range(sheet, body.get("range", {}))
    kind = body.get("mergeType", "MERGE_ALL")
    boxes = [box]
    if kind == "MERGE_ROWS":
        boxes = [Box(at, at + 1, box.c0, box.c1) for at in range(box.r0, box.r1)]
    elif kind == "MERGE_COLUMNS":
        boxes = [Box(box.r0, box.r1, at, at + 1) for at in range(box.c0, box.c1)]
    sheet.merges = [merge for merge in sheet.merges if not _overlaps(merge, box)]
    for one in boxes:
        if (one.r1 - one.r0) * (one.c1 - one.c0) > 1:
            kept = sheet.grid.row(one.r0)
            value = kept[one.c0] if one.c0 < len(kept) else None
            clear_box(sheet, one)
            if value is not None:
                sheet.grid.edit(
                    one.r0, one.r0 + 1, lambda _, row, styles, at=one.c0, v=value: (splice(row, at, [v]), styles)
                )
            sheet.merges.append(to_grid_range(sheet.id, one))


def unmerge_cells(edit: Edit, body: Json) -> None:
    """UnmergeCellsRequest."""
    sheet = edit.edit(body.get("range", {}).get("sheetId", 0))
    box = check_grid_range(sheet, body.get("range", {}))
    sheet.merges = [merge for merge in sheet.merges if not _overlaps(merge, box)]


def _overlaps(merge: Json, box: Box) -> bool:
    return (
        merge["startRowIndex"] < box.r1
        and merge["endRowIndex"] > box.r0
        and merge["startColumnIndex"] < box.c1
        and merge["endColumnIndex"] > box.c0
    )
