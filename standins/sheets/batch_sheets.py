"""The batchUpdate requests about tabs and about the workbook: properties, named ranges, metadata, filters."""

from __future__ import annotations

import re
import secrets

import orjson

from standins.sheets.a1 import parse_cells
from standins.sheets.dimensions import resize
from standins.sheets.errors import invalid
from standins.sheets.grid import Grid
from standins.sheets.limits import DEFAULT_COLUMNS, DEFAULT_ROWS
from standins.sheets.masks import paths, pick, put
from standins.sheets.metadata import metadata_sheet
from standins.sheets.ranges import area_of, check_grid_range, to_grid_range
from standins.sheets.workbook import Edit, Json, Sheet, new_props

_RANGE_NAME = re.compile(r"[A-Za-z_\u00c0-\uffff][\w.]{0,249}\Z")
_READ_ONLY_PROPS = ("sheetId", "sheetType", "dataSourceSheetProperties")


# Tabs ----------------------------------------------------------------------------------------------------------------


def add_sheet(edit: Edit, body: Json) -> Json:
    """AddSheetRequest."""
    given = body.get("properties", {})
    sheet_id = given.get("sheetId")
    if sheet_id is None:
        sheet_id = edit.new_sheet_id()
    elif sheet_id < 0:
        raise invalid(f"The sheetId must not be negative: {sheet_id}.")
    elif any(sheet.id == sheet_id for sheet in edit.sheets):
        raise invalid(f"A sheet with the id {sheet_id} already exists.")
    title = given.get("title") or _free_title(edit)
    edit.check_title(title)
    size = given.get("gridProperties", {})
    props = new_props(
        sheet_id, title, 0, size.get("rowCount") or DEFAULT_ROWS, size.get("columnCount") or DEFAULT_COLUMNS
    )
    props["gridProperties"] |= {name: value for name, value in size.items() if value}
    for name in ("hidden", "tabColor", "tabColorStyle", "rightToLeft"):
        if given.get(name):
            props[name] = given[name]
    _both_colors(props)
    sheet = Sheet(props, Grid().fork(edit.workbook.next_block))
    edit.add(sheet, given.get("index"))
    return {"addSheet": {"properties": edit.find(sheet_id).props}}


def _free_title(edit: Edit) -> str:
    taken = {sheet.title.casefold() for sheet in edit.sheets}
    return next(f"Sheet{n}" for n in range(len(edit.sheets) + 1, 10**6) if f"sheet{n}" not in taken)


def delete_sheet(edit: Edit, body: Json) -> None:
    """DeleteSheetRequest: its metadata goes with it, and named ranges in it become #REF!."""
    sheet_id = body.get("sheetId", 0)
    edit.find(sheet_id, "sheet")
    left = [sheet for sheet in edit.sheets if sheet.id != sheet_id]
    if not left:
        raise invalid("You can't remove all the sheets in a document.")
    if all(sheet.props.get("hidden") for sheet in left):
        raise invalid("You can't remove all the visible sheets in a document.")
    edit.sheets = left
    edit.renumber()
    edit.metadata = [item for item in edit.metadata if metadata_sheet(item) != sheet_id]
    edit.named = [
        {name: value for name, value in named.items() if name != "range"}
        if named.get("range", {}).get("sheetId") == sheet_id
        else named
        for named in edit.named
    ]


def duplicate_sheet(edit: Edit, body: Json) -> Json:
    """DuplicateSheetRequest."""
    source = edit.find(body.get("sourceSheetId", 0), "sheet")
    new_id = body.get("newSheetId")
    if new_id is None:
        new_id = edit.new_sheet_id()
    elif any(sheet.id == new_id for sheet in edit.sheets):
        raise invalid(f"A sheet with the id {new_id} already exists.")
    title = body.get("newSheetName")
    if not title:
        taken = {sheet.title.casefold() for sheet in edit.sheets}
        title = f"Copy of {source.title}"
        number = 2
        while title.casefold() in taken:
            title, number = f"Copy of {source.title} {number}", number + 1
    edit.check_title(title)
    index = body.get("insertSheetIndex", 0)
    sheet = copy_sheet(edit, source, new_id, title)
    edit.add(sheet, index)
    return {"duplicateSheet": {"properties": edit.find(new_id).props}}


def copy_sheet(edit: Edit, source: Sheet, new_id: int, title: str) -> Sheet:
    """A tab with the same cells; blocks get numbers of their own, since the store keeps a block under one tab."""
    sheet = source.fork(edit.workbook.next_block)
    grid = Grid().fork(edit.workbook.next_block)
    size = len(source.grid)
    if size:
        rows = list(source.grid.scan(0, size))
        grid.edit(0, size, lambda at, _row, _styles: (rows[at][1], rows[at][2]))
    copied = Sheet({**sheet.props, "sheetId": new_id, "title": title}, grid)
    copied.merges = [{**merge, "sheetId": new_id} for merge in source.merges]
    if source.basic_filter:
        copied.basic_filter = {**source.basic_filter, "range": {**source.basic_filter["range"], "sheetId": new_id}}
    copied.row_props, copied.column_props = dict(source.row_props), dict(source.column_props)
    return copied


def update_sheet_properties(edit: Edit, body: Json) -> None:
    """UpdateSheetPropertiesRequest."""
    given = body.get("properties", {})
    names = list(paths(body.get("fields"), "SheetProperties", "fields"))
    sheet = edit.edit(given.get("sheetId", 0), "sheet")
    if "*" in names:
        names = ["title", "index", "hidden", "rightToLeft", "tabColor", "tabColorStyle", "gridProperties"]
    wanted: list[str] = []
    for name in names:
        if name == "gridProperties":
            wanted += [
                f"gridProperties.{part}"
                for part in ("rowCount", "columnCount", "frozenRowCount", "frozenColumnCount", "hideGridlines")
            ]
        else:
            wanted.append(name)
    if "title" in wanted:
        title = given.get("title", "")
        if not title:
            raise invalid("Sheet name cannot be empty.")
        if len(title) > 100:
            raise invalid("Sheet name must not be longer than 100 characters.")
        edit.check_title(title, but=sheet.id)
    size = given.get("gridProperties", {})
    resize(
        edit,
        sheet,
        size.get("rowCount", 0) if "gridProperties.rowCount" in wanted else None,
        size.get("columnCount", 0) if "gridProperties.columnCount" in wanted else None,
    )
    for name in wanted:
        if name not in ("index", "gridProperties.rowCount", "gridProperties.columnCount", *_READ_ONLY_PROPS):
            put(sheet.props, tuple(name.split(".")), pick(given, tuple(name.split("."))) or None)
    _check_frozen(sheet)
    if "hidden" in wanted and all(each.props.get("hidden") for each in edit.sheets):
        raise invalid("You can't hide all the sheets in a document.")
    changed_style = "tabColorStyle" in wanted
    if "tabColor" in wanted or changed_style:
        _both_colors(sheet.props, prefer_style=changed_style)
    if "index" in wanted:
        _move(edit, sheet, given.get("index", 0))
    edit.check_size()


def _check_frozen(sheet: Sheet) -> None:
    grid = sheet.props["gridProperties"]
    if grid.get("frozenRowCount", 0) >= grid["rowCount"] or grid.get("frozenColumnCount", 0) >= grid["columnCount"]:
        raise invalid("You can't freeze all visible rows or columns on the sheet.")


def _both_colors(props: Json, prefer_style: bool = True) -> None:
    """TabColor is the old name of tabColorStyle.rgbColor; an answer holds both."""
    style, color = props.get("tabColorStyle"), props.get("tabColor")
    if style and "rgbColor" in style and (prefer_style or not color):
        props["tabColor"] = style["rgbColor"]
    elif color and not (prefer_style and style):
        props["tabColorStyle"] = {"rgbColor": color}
    elif prefer_style:
        props.pop("tabColor", None)
    else:
        props.pop("tabColorStyle", None)


def _move(edit: Edit, sheet: Sheet, index: int) -> None:
    """The index counts the bar as it was before the move: moving right past others needs one more (as documented)."""
    old = edit.sheets.index(sheet)
    if not 0 <= index <= len(edit.sheets):
        raise invalid(f"Invalid sheet index: {index}.")
    edit.sheets.pop(old)
    edit.sheets.insert(index - 1 if index > old else index, sheet)
    edit.renumber()


def update_spreadsheet_properties(edit: Edit, body: Json) -> None:
    """UpdateSpreadsheetPropertiesRequest."""
    given = body.get("properties", {})
    names = list(paths(body.get("fields"), "SpreadsheetProperties", "fields"))
    if "*" in names:
        names = list(given)
    properties = orjson.loads(orjson.dumps(edit.properties))
    for name in names:
        put(properties, tuple(name.split(".")), pick(given, tuple(name.split("."))))
    if not properties.get("title"):
        raise invalid("The title must not be empty.")
    edit.properties = properties


# Named ranges --------------------------------------------------------------------------------------------------------


def add_named_range(edit: Edit, body: Json) -> Json:
    """AddNamedRangeRequest."""
    given = body.get("namedRange", {})
    range_id = given.get("namedRangeId") or str(secrets.randbelow(2**31))
    if any(named["namedRangeId"] == range_id for named in edit.named):
        raise invalid(f"A named range with the id {range_id} already exists.")
    named = {
        "namedRangeId": range_id,
        "name": _check_name(edit, given.get("name", ""), None),
        "range": _full_range(edit, given.get("range")),
    }
    edit.named.append(named)
    return {"addNamedRange": {"namedRange": named}}


def _check_name(edit: Edit, name: str, but: str | None) -> str:
    if not _RANGE_NAME.match(name) or parse_cells(name) is not None or name.upper() in ("TRUE", "FALSE"):
        raise invalid(f'The name "{name}" is not a valid name for a named range.')
    for named in edit.named:
        if named["namedRangeId"] != but and named["name"].casefold() == name.casefold():
            raise invalid(f'A named range with the name "{name}" already exists.')
    return name


def _full_range(edit: Edit, given: Json | None) -> Json:
    if not given:
        raise invalid("range is required.")
    sheet = edit.find(given.get("sheetId", 0))
    box = check_grid_range(sheet, given)
    full = to_grid_range(sheet.id, box)
    area = area_of(given)
    # Open ends stay open, so that the range keeps meaning the whole column or row.
    ends = {"startRowIndex": area.r0, "endRowIndex": area.r1, "startColumnIndex": area.c0, "endColumnIndex": area.c1}
    return {name: value for name, value in full.items() if name == "sheetId" or ends[name] is not None}


def update_named_range(edit: Edit, body: Json) -> None:
    """UpdateNamedRangeRequest."""
    given = body.get("namedRange", {})
    names = list(paths(body.get("fields"), "NamedRange", "fields"))
    place = _named_place(edit, given.get("namedRangeId", ""))
    named = dict(edit.named[place])
    if "*" in names or "name" in names:
        named["name"] = _check_name(edit, given.get("name", ""), named["namedRangeId"])
    if "*" in names or any(name.split(".")[0] == "range" for name in names):
        named["range"] = _full_range(edit, given.get("range"))
    edit.named[place] = named


def delete_named_range(edit: Edit, body: Json) -> None:
    """DeleteNamedRangeRequest."""
    del edit.named[_named_place(edit, body.get("namedRangeId", ""))]


def _named_place(edit: Edit, range_id: str) -> int:
    for place, named in enumerate(edit.named):
        if named["namedRangeId"] == range_id:
            return place
    raise invalid(f"No named range with id: {range_id}")


# Filters -------------------------------------------------------------------------------------------------------------


def set_basic_filter(edit: Edit, body: Json) -> None:
    """SetBasicFilterRequest: kept and given back; rows are not hidden by it."""
    given = body.get("filter", {})
    target = given.get("range", {})
    sheet = edit.edit(target.get("sheetId", 0))
    box = check_grid_range(sheet, target)
    sheet.basic_filter = {**given, "range": to_grid_range(sheet.id, box)}


def clear_basic_filter(edit: Edit, body: Json) -> None:
    """ClearBasicFilterRequest."""
    edit.edit(body.get("sheetId", 0)).basic_filter = None
