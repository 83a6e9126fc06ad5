"""Plans as Google's requests: https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/request.

Everything that readers can see changes in ONE spreadsheets.batchUpdate, which Google applies as a whole or not at
all. What does not fit into one request of the advised size is first written into a hidden staging tab, where nobody
looks, and the one batch copies it into place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from drivetrain.sheets.cells import Cell, number_format
from drivetrain.sheets.observe import STAGE_PREFIX, Marker, marker_id, marker_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drivetrain.sheets.plan import RowPlan, Segment
    from drivetrain.sheets.spec import Column
    from drivetrain.sheets.spool import RowSpool

Request = dict[str, Any]

_VALUE = "userEnteredValue"
_FORMAT = "userEnteredFormat.numberFormat"


@dataclass(frozen=True)
class Region:
    """Where a sync's rows stand: the header in `row`, the data below, `width` columns from `column`.

    Attributes:
        gid: the tab's sheetId.
        title: the tab's title.
        row: the header's row, zero-based.
        column: the first column, zero-based.
        width: columns.
        grid_rows: rows that the tab's grid has (0: the tab has to be created).
        grid_columns: columns that it has.
        frozen_rows: rows that stay in view.
    """

    gid: int
    title: str
    row: int
    column: int
    width: int
    grid_rows: int
    grid_columns: int
    frozen_rows: int = 0

    @property
    def first_data_row(self) -> int:
        """The grid row of data row 0."""
        return self.row + 1

    @property
    def is_new(self) -> bool:
        """The tab does not exist yet."""
        return self.grid_rows == 0

    def growth(self, plan: RowPlan) -> tuple[int, int]:
        """(rows, columns) that the grid lacks for the plan.

        Google refuses to delete every row below the frozen ones, so one data row stays, blank if need be.
        """
        deleted = sum(stop - start for start, stop in plan.deletes)
        rows = max(
            self.first_data_row + plan.last_row_written,
            max(self.first_data_row, self.frozen_rows) + 1 + deleted,
        )
        return max(rows - self.grid_rows, 0), max(self.column + self.width - self.grid_columns, 0)

    def grown(self, plan: RowPlan) -> Region:
        """The region once the grid is large enough."""
        rows, columns = self.growth(plan)
        return replace(self, grid_rows=self.grid_rows + rows, grid_columns=self.grid_columns + columns)


def stage_title(sync: str, gid: int) -> str:
    """A staging tab's title says whose it is, so that the sync's next run finds what an interrupted one left."""
    return f"{STAGE_PREFIX}{sync}.{gid}"


def add_tab(gid: int, title: str, *, rows: int, columns: int, frozen_rows: int = 0, hidden: bool = False) -> Request:
    """A new tab under a sheetId of our choice: sent twice, the second is refused."""
    grid = {"rowCount": rows, "columnCount": columns, "frozenRowCount": frozen_rows}
    return {"addSheet": {"properties": {"sheetId": gid, "title": title, "hidden": hidden, "gridProperties": grid}}}


def delete_tab(gid: int) -> Request:
    """Remove a tab."""
    return {"deleteSheet": {"sheetId": gid}}


def reveal_tab(gid: int, title: str) -> Request:
    """Turn a staging tab into the tab itself."""
    properties = {"sheetId": gid, "title": title, "hidden": False}
    return {"updateSheetProperties": {"properties": properties, "fields": "title,hidden"}}


def grow(region: Region, plan: RowPlan) -> list[Request]:
    """Rows and columns that are lacking."""
    rows, columns = region.growth(plan)
    return [
        {"appendDimension": {"sheetId": region.gid, "dimension": dimension, "length": length}}
        for dimension, length in (("ROWS", rows), ("COLUMNS", columns))
        if length
    ]


def write_header(region: Region, titles: Sequence[str]) -> Request:
    """The header row, blank to the region's end."""
    padded = (*titles, *(None for _ in range(region.width - len(titles))))
    return _update_cells(region, region.row, [padded])


def embolden_header(region: Region) -> Request:
    """Bold type, for a tab that we create; in others the header's look is people's own."""
    return {
        "repeatCell": {
            "range": _range(region, region.row, region.row + 1, region.column, region.column + region.width),
            "cell": {"userEnteredFormat": {"textFormat": {"bold": True}}},
            "fields": "userEnteredFormat.textFormat.bold",
        }
    }


def write_rows(region: Region, segments: Iterable[Segment], spool: RowSpool) -> list[Request]:
    """The rows themselves, typed."""
    return [
        _update_cells(
            region,
            region.first_data_row + segment.target,
            spool.rows(segment.source, segment.source + segment.count),
        )
        for segment in segments
    ]


def copy_rows(region: Region, stage: int, segments: Iterable[Segment]) -> list[Request]:
    """Rows from a staging tab, where the segments stand one below the other, into place."""
    requests, at = [], 0
    for segment in segments:
        start = region.first_data_row + segment.target
        source = {
            "sheetId": stage,
            "startRowIndex": at,
            "endRowIndex": at + segment.count,
            "startColumnIndex": 0,
            "endColumnIndex": region.width,
        }
        target = _range(region, start, start + segment.count, region.column, region.column + region.width)
        requests.append({"copyPaste": {"source": source, "destination": target, "pasteType": "PASTE_VALUES"}})
        at += segment.count
    return requests


def clear_rows(region: Region, rows: tuple[int, int] | None) -> list[Request]:
    """Blank data rows in our columns; their formats stay."""
    if rows is None:
        return []
    start, stop = (region.first_data_row + row for row in rows)
    where = _range(region, start, stop, region.column, region.column + region.width)
    return [{"updateCells": {"range": where, "fields": _VALUE}}]


def delete_rows(region: Region, ranges: Sequence[tuple[int, int]]) -> list[Request]:
    """Remove whole rows, from the bottom up, so that each request's numbers are those of the plan."""
    return [
        {
            "deleteDimension": {
                "range": {
                    "sheetId": region.gid,
                    "dimension": "ROWS",
                    "startIndex": region.first_data_row + start,
                    "endIndex": region.first_data_row + stop,
                }
            }
        }
        for start, stop in reversed(ranges)
    ]


def format_columns(region: Region, columns: Sequence[Column], *, from_row: int) -> list[Request]:
    """Number formats from a grid row to the grid's end, for the columns that have one."""
    if from_row >= region.grid_rows:
        return []
    requests = []
    for offset, column in enumerate(columns):
        if wanted := number_format(column):
            at = region.column + offset
            requests.append(
                {
                    "repeatCell": {
                        "range": _range(region, from_row, region.grid_rows, at, at + 1),
                        "cell": {"userEnteredFormat": {"numberFormat": wanted}},
                        "fields": _FORMAT,
                    }
                }
            )
    return requests


def set_marker(sync: str, marker: Marker, *, exists: bool) -> Request:
    """Leave the marker, in the same batch as the rows it speaks of."""
    value = marker.model_dump_json()
    metadata = {"metadataId": marker_id(sync), "metadataKey": marker_key(sync), "metadataValue": value}
    if not exists:
        return {
            "createDeveloperMetadata": {
                "developerMetadata": metadata | {"location": {"spreadsheet": True}, "visibility": "DOCUMENT"}
            }
        }
    return {
        "updateDeveloperMetadata": {
            "dataFilters": [{"developerMetadataLookup": {"metadataId": marker_id(sync)}}],
            "developerMetadata": metadata,
            "fields": "metadataKey,metadataValue",
        }
    }


def _update_cells(region: Region, row: int, rows: Iterable[Sequence[Cell]]) -> Request:
    start = {"sheetId": region.gid, "rowIndex": row, "columnIndex": region.column}
    data = [{"values": [_cell(cell) for cell in cells]} for cells in rows]
    return {"updateCells": {"start": start, "rows": data, "fields": _VALUE}}


def _cell(cell: Cell) -> dict[str, Any]:
    if cell is None:
        return {}
    if isinstance(cell, bool):
        return {_VALUE: {"boolValue": cell}}
    if isinstance(cell, str):
        # A stringValue is never parsed: "007", "=1+1" and "TRUE" stay what they are.
        return {_VALUE: {"stringValue": cell}}
    return {_VALUE: {"numberValue": cell}}


def _range(region: Region, start_row: int, end_row: int, start_column: int, end_column: int) -> dict[str, int]:
    return {
        "sheetId": region.gid,
        "startRowIndex": start_row,
        "endRowIndex": end_row,
        "startColumnIndex": start_column,
        "endColumnIndex": end_column,
    }
