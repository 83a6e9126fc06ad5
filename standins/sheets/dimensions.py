"""Rows and columns that come and go, and all that has to move with them: named ranges, metadata, merges, filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from standins.sheets.errors import invalid
from standins.sheets.grid import NO_STYLES
from standins.sheets.workbook import Edit, Json, Sheet

_ENDS = {"ROWS": ("startRowIndex", "endRowIndex"), "COLUMNS": ("startColumnIndex", "endColumnIndex")}


def insert_rows(edit: Edit, sheet_id: int, at: int, count: int, inherit_from_before: bool) -> None:
    """Insert empty rows; they look like the row before, or like the one after."""
    sheet = edit.edit(sheet_id)
    grid = sheet.grid
    model = at - 1 if inherit_from_before else at
    styles = grid.row_styles(model) if 0 <= model < len(grid) else NO_STYLES
    sheet.props["gridProperties"]["rowCount"] += count
    edit.check_size()
    grid.insert_rows(at, count, styles)
    sheet.moves.append((at, count))
    sheet.row_props = _shift_keys(sheet.row_props, at, count)
    shift_all(edit, sheet, "ROWS", at, count)


def delete_rows(edit: Edit, sheet_id: int, start: int, stop: int) -> None:
    """Remove rows; what is below moves up."""
    sheet = edit.edit(sheet_id)
    sheet.grid.delete_rows(start, stop)
    sheet.props["gridProperties"]["rowCount"] -= stop - start
    sheet.moves.append((start, start - stop))
    sheet.row_props = _shift_keys(sheet.row_props, start, start - stop)
    shift_all(edit, sheet, "ROWS", start, start - stop)


def insert_columns(edit: Edit, sheet_id: int, at: int, count: int, inherit_from_before: bool) -> None:
    """Insert empty columns."""
    sheet = edit.edit(sheet_id)
    sheet.props["gridProperties"]["columnCount"] += count
    edit.check_size()
    sheet.grid.insert_columns(at, count, at - 1 if inherit_from_before else at)
    sheet.column_props = _shift_keys(sheet.column_props, at, count)
    shift_all(edit, sheet, "COLUMNS", at, count)


def delete_columns(edit: Edit, sheet_id: int, start: int, stop: int) -> None:
    """Remove columns."""
    sheet = edit.edit(sheet_id)
    sheet.grid.delete_columns(start, stop)
    sheet.props["gridProperties"]["columnCount"] -= stop - start
    sheet.column_props = _shift_keys(sheet.column_props, start, start - stop)
    shift_all(edit, sheet, "COLUMNS", start, start - stop)


def resize(edit: Edit, sheet: Sheet, rows: int | None, columns: int | None) -> None:
    """Set the grid's size at its end, as updateSheetProperties does."""
    if rows is not None and rows != sheet.rows:
        if rows < 1:
            raise invalid("A sheet must have at least one row.")
        if rows < sheet.rows:
            _check_frozen(sheet, "frozenRowCount", rows, "rows")
            delete_rows(edit, sheet.id, rows, sheet.rows)
        else:
            sheet.props["gridProperties"]["rowCount"] = rows
    if columns is not None and columns != sheet.columns:
        if columns < 1:
            raise invalid("A sheet must have at least one column.")
        if columns < sheet.columns:
            _check_frozen(sheet, "frozenColumnCount", columns, "columns")
            delete_columns(edit, sheet.id, columns, sheet.columns)
        else:
            sheet.props["gridProperties"]["columnCount"] = columns


def _check_frozen(sheet: Sheet, name: str, left: int, word: str) -> None:
    if 0 < left <= sheet.props["gridProperties"].get(name, 0):
        raise invalid(f"Sorry, it is not possible to delete all non-frozen {word}.")


def insert_dimension(edit: Edit, body: Json) -> None:
    """InsertDimensionRequest."""
    span, sheet, rows = _span(edit, body.get("range"))
    start, stop = span.get("startIndex", 0), span.get("endIndex")
    size = sheet.rows if rows else sheet.columns
    before = body.get("inheritFromBefore", False)
    if stop is None or stop <= start or start < 0:
        raise invalid(f"range.endIndex must be greater than range.startIndex. Got startIndex {start}, endIndex {stop}.")
    if start > size:
        raise invalid(f"range.startIndex[{start}] is past the last {'row' if rows else 'column'} of the sheet[{size}].")
    if start == 0 and before:
        raise invalid("inheritFromBefore cannot be true when the start index is 0.")
    if start == size and not before:
        raise invalid(
            f"range.startIndex[{start}] must be less than the grid size[{size}] if inheritFromBefore is false."
        )
    (insert_rows if rows else insert_columns)(edit, sheet.id, start, stop - start, before)


def append_dimension(edit: Edit, body: Json) -> None:
    """AppendDimensionRequest."""
    sheet = edit.edit(body.get("sheetId", 0))
    length = body.get("length", 0)
    if length < 1:
        raise invalid("length must be greater than 0.")
    rows = _is_rows(body.get("dimension"))
    sheet.props["gridProperties"]["rowCount" if rows else "columnCount"] += length
    edit.check_size()


def delete_dimension(edit: Edit, body: Json) -> None:
    """DeleteDimensionRequest."""
    span, sheet, rows = _span(edit, body.get("range"))
    size, word = (sheet.rows, "row") if rows else (sheet.columns, "column")
    start = span.get("startIndex", 0)
    stop = span.get("endIndex", size)
    if start >= size or stop > size:
        missing = start if start >= size else size
        raise invalid(
            f"Cannot delete a {word} that doesn't exist. Tried to delete {word} index {missing} but there are only "
            f"{size} {word}s."
        )
    if stop <= start or start < 0:
        raise invalid(f"range.endIndex must be greater than range.startIndex. Got startIndex {start}, endIndex {stop}.")
    if stop - start == size:
        raise invalid(f"You can't delete all the {word}s on the sheet.")
    frozen = sheet.props["gridProperties"].get("frozenRowCount" if rows else "frozenColumnCount", 0)
    if frozen and start <= frozen and stop == size:
        raise invalid(f"Sorry, it is not possible to delete all non-frozen {word}s.")
    gone = max(min(stop, frozen) - start, 0)
    (delete_rows if rows else delete_columns)(edit, sheet.id, start, stop)
    if gone:
        name = "frozenRowCount" if rows else "frozenColumnCount"
        edit.edit(sheet.id).props["gridProperties"][name] = frozen - gone


def update_dimension_properties(edit: Edit, body: Json, names: Sequence[str]) -> None:
    """UpdateDimensionPropertiesRequest: pixelSize, hiddenByUser."""
    span, sheet, rows = _span(edit, body.get("range"))
    sheet = edit.edit(sheet.id)
    stop = span.get("endIndex", sheet.rows if rows else sheet.columns)
    kept = sheet.row_props if rows else sheet.column_props
    given = body.get("properties", {})
    wanted = ("pixelSize", "hiddenByUser") if "*" in names else names
    made: dict[int, Json] = {}
    for index in range(span.get("startIndex", 0), stop):
        old = kept.get(index)
        # One dictionary for all rows that had the same one before.
        new = made.get(id(old))
        if new is None:
            new = {name: value for name, value in (old or {}).items() if name not in wanted}
            new |= {name: given[name] for name in wanted if name in given}
            made[id(old)] = new
        if new:
            kept[index] = new
        else:
            kept.pop(index, None)


def _span(edit: Edit, span: Json | None) -> tuple[Json, Sheet, bool]:
    if not span:
        raise invalid("range is required.")
    sheet = edit.find(span.get("sheetId", 0))
    return span, sheet, _is_rows(span.get("dimension"))


def _is_rows(dimension: str | None) -> bool:
    if dimension not in ("ROWS", "COLUMNS"):
        raise invalid("dimension must be ROWS or COLUMNS.")
    return dimension == "ROWS"


# What moves along ----------------------------------------------------------------------------------------------------


def shift_all(edit: Edit, sheet: Sheet, dimension: str, at: int, count: int) -> None:
    """Move named ranges, metadata, merges and the filter of a tab by an insertion (count > 0) or a deletion."""
    edit.named = [
        _shift_named(named, dimension, at, count) if named.get("range", {}).get("sheetId") == sheet.id else named
        for named in edit.named
    ]
    kept = []
    for item in edit.metadata:
        span = item["location"].get("dimensionRange")
        if span is None or span["sheetId"] != sheet.id or span["dimension"] != dimension:
            kept.append(item)
            continue
        moved = shift_interval(span["startIndex"], span["endIndex"], at, count)
        if moved is not None:
            new_span = {**span, "startIndex": moved[0], "endIndex": moved[1]}
            kept.append({**item, "location": {**item["location"], "dimensionRange": new_span}})
    edit.metadata = kept
    merges = [shift_range(merge, dimension, at, count) for merge in sheet.merges]
    sheet.merges = [merge for merge in merges if merge is not None and _cells(merge) > 1]
    if sheet.basic_filter and sheet.basic_filter.get("range"):
        moved_range = shift_range(sheet.basic_filter["range"], dimension, at, count)
        sheet.basic_filter = {**sheet.basic_filter, "range": moved_range} if moved_range else None


def _shift_named(named: Json, dimension: str, at: int, count: int) -> Json:
    moved = shift_range(named["range"], dimension, at, count)
    if moved is None:
        # All of it is deleted: Sheets keeps the name and shows #REF!; the API gives it without a range.
        return {name: value for name, value in named.items() if name != "range"}
    return {**named, "range": moved}


def shift_range(target: Json, dimension: str, at: int, count: int) -> Json | None:
    """A GridRange after the move; None if nothing is left of it."""
    first, last = _ENDS[dimension]
    moved = shift_interval(target.get(first), target.get(last), at, count)
    if moved is None:
        return None
    ends = {first: moved[0], last: moved[1]}
    return target | {name: value for name, value in ends.items() if value is not None}


def shift_interval(start: int | None, stop: int | None, at: int, count: int) -> tuple[Any, Any] | None:
    """A half-open interval after ``count`` indexes came (or, negative, went) at ``at``."""
    if count >= 0:
        return (
            start + count if start is not None and start >= at else start,
            stop + count if stop is not None and stop > at else stop,
        )
    end = at - count

    def move(index: int) -> int:
        return index if index <= at else max(at, index + count) if index >= end else at

    new_start = None if start is None else move(start)
    new_stop = None if stop is None else move(stop)
    if new_stop is not None and new_stop <= (new_start or 0):
        return None
    return new_start, new_stop


def _shift_keys(props: dict[int, Json], at: int, count: int) -> dict[int, Json]:
    if not props:
        return props
    end = at if count >= 0 else at - count
    return {
        index if index < at else index + count: value for index, value in props.items() if index < at or index >= end
    }


def _cells(target: Json) -> int:
    return (target["endRowIndex"] - target["startRowIndex"]) * (target["endColumnIndex"] - target["startColumnIndex"])
