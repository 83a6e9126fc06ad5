"""spreadsheets.batchUpdate: runs the sub-requests in order on one edit; any failure fails the whole of it.

https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/batchUpdate
"""

from __future__ import annotations

from collections.abc import Callable

from standins.sheets import batch_cells as cells
from standins.sheets import batch_sheets as tabs
from standins.sheets import dimensions, metadata
from standins.sheets.errors import ApiError, invalid, not_implemented
from standins.sheets.masks import paths
from standins.sheets.workbook import Edit, Json

Handler = Callable[[Edit, Json], Json | None]


def _update_dimension_properties(edit: Edit, body: Json) -> None:
    dimensions.update_dimension_properties(edit, body, paths(body.get("fields"), "DimensionProperties", "fields"))


def _auto_resize(edit: Edit, body: Json) -> None:
    """Checked, and without effect: the stand-in does not measure text."""
    span = body.get("dimensions") or {}
    edit.find(span.get("sheetId", 0))


HANDLERS: dict[str, Handler] = {
    "addNamedRange": tabs.add_named_range,
    "addSheet": tabs.add_sheet,
    "appendCells": cells.append_cells,
    "appendDimension": dimensions.append_dimension,
    "autoResizeDimensions": _auto_resize,
    "clearBasicFilter": tabs.clear_basic_filter,
    "copyPaste": cells.copy_paste,
    "createDeveloperMetadata": metadata.create_metadata,
    "cutPaste": cells.cut_paste,
    "deleteDeveloperMetadata": metadata.delete_metadata,
    "deleteDimension": dimensions.delete_dimension,
    "deleteNamedRange": tabs.delete_named_range,
    "deleteRange": cells.delete_range,
    "deleteSheet": tabs.delete_sheet,
    "duplicateSheet": tabs.duplicate_sheet,
    "insertDimension": dimensions.insert_dimension,
    "insertRange": cells.insert_range,
    "mergeCells": cells.merge_cells,
    "repeatCell": cells.repeat_cell,
    "setBasicFilter": tabs.set_basic_filter,
    "setDataValidation": cells.set_data_validation,
    "sortRange": cells.sort_range,
    "unmergeCells": cells.unmerge_cells,
    "updateCells": cells.update_cells,
    "updateDeveloperMetadata": metadata.update_metadata,
    "updateDimensionProperties": _update_dimension_properties,
    "updateNamedRange": tabs.update_named_range,
    "updateSheetProperties": tabs.update_sheet_properties,
    "updateSpreadsheetProperties": tabs.update_spreadsheet_properties,
}


def run(edit: Edit, body: Json) -> list[Json]:
    """The replies, one a sub-request, empty where there is nothing to say."""
    requests = body.get("requests") or []
    if not requests:
        raise invalid("Must specify at least one request.")
    if len(requests) > edit.limits.max_batch_requests:
        raise invalid(
            f"The batch holds {len(requests)} requests, more than the limit of {edit.limits.max_batch_requests}."
        )
    for index, request in enumerate(requests):
        if not request:
            raise invalid(f"Invalid requests[{index}]: No request set.")
        (name,) = request
        if name not in HANDLERS:
            raise not_implemented(f"requests[{index}].{name}")
    replies: list[Json] = []
    for index, request in enumerate(requests):
        ((name, content),) = request.items()
        try:
            replies.append(HANDLERS[name](edit, content) or {})
        except ApiError as error:
            if error.code == 400:
                raise ApiError(
                    400, error.status, f"Invalid requests[{index}].{name}: {error.message}", error.details
                ) from error
            raise
    return replies
