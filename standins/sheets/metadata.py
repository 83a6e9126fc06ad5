"""Developer metadata: https://developers.google.com/workspace/sheets/api/guides/metadata."""

from __future__ import annotations

import secrets
from typing import Any

from standins.sheets.errors import invalid, not_found
from standins.sheets.masks import paths
from standins.sheets.workbook import Edit, Json


def metadata_sheet(item: Json) -> int | None:
    """The tab that an item is attached to; None for the spreadsheet."""
    location = item["location"]
    span = location.get("dimensionRange")
    return span["sheetId"] if span else location.get("sheetId")


def create_metadata(edit: Edit, body: Json) -> Json:
    """CreateDeveloperMetadataRequest."""
    given = body.get("developerMetadata", {})
    if not given.get("metadataKey"):
        raise invalid("developerMetadata.metadataKey is required.")
    if given.get("visibility") not in ("DOCUMENT", "PROJECT"):
        raise invalid("developerMetadata.visibility must be DOCUMENT or PROJECT.")
    metadata_id = given.get("metadataId")
    if metadata_id is None:
        metadata_id = secrets.randbelow(2**31 - 1) + 1
    elif any(item["metadataId"] == metadata_id for item in edit.metadata):
        raise invalid(f"Metadata with the id {metadata_id} already exists.")
    item: Json = {"metadataId": metadata_id, "metadataKey": given["metadataKey"]}
    if given.get("metadataValue"):
        item["metadataValue"] = given["metadataValue"]
    item |= {"location": _location(edit, given.get("location")), "visibility": given["visibility"]}
    edit.metadata.append(item)
    check_metadata_size(edit)
    return {"createDeveloperMetadata": {"developerMetadata": item}}


def _location(edit: Edit, given: Json | None) -> Json:
    given = given or {}
    if given.get("spreadsheet"):
        return {"locationType": "SPREADSHEET", "spreadsheet": True}
    if "dimensionRange" in given:
        span = given["dimensionRange"]
        sheet = edit.find(span.get("sheetId", 0))
        rows = span.get("dimension") == "ROWS"
        start, stop = span.get("startIndex", 0), span.get("endIndex")
        if span.get("dimension") not in ("ROWS", "COLUMNS") or stop != start + 1:
            raise invalid("The dimension range of metadata must be one single row or column.")
        if stop > (sheet.rows if rows else sheet.columns):
            raise invalid(f"The dimension range of metadata ends beyond the sheet: {stop}.")
        full = {"sheetId": sheet.id, "dimension": span["dimension"], "startIndex": start, "endIndex": stop}
        return {"locationType": "ROW" if rows else "COLUMN", "dimensionRange": full}
    if "sheetId" in given:
        return {"locationType": "SHEET", "sheetId": edit.find(given["sheetId"], "sheet").id}
    raise invalid("developerMetadata.location is required.")


def check_metadata_size(edit: Edit) -> None:
    """Keys and values: 30,000 characters for the spreadsheet, and 30,000 for each sheet with its rows and columns."""
    sizes: dict[int | None, int] = {}
    for item in edit.metadata:
        where = metadata_sheet(item)
        sizes[where] = sizes.get(where, 0) + len(item["metadataKey"]) + len(item.get("metadataValue", ""))
    most = edit.limits.max_metadata_characters
    for where, size in sizes.items():
        if size > most:
            what = "spreadsheet" if where is None else f"sheet {where}"
            raise invalid(f"Developer metadata of the {what} exceeds the limit of {most} characters: {size}.")


def update_metadata(edit: Edit, body: Json) -> Json:
    """UpdateDeveloperMetadataRequest."""
    given = body.get("developerMetadata", {})
    names = list(paths(body.get("fields"), "DeveloperMetadata", "fields"))
    if "*" in names:
        names = ["metadataKey", "metadataValue", "location", "visibility"]
    heads = {name.split(".")[0] for name in names}
    updated = []
    for place, item in enumerate(edit.metadata):
        if not any(matches_filter(item, each) for each in body.get("dataFilters", [])):
            continue
        new = dict(item)
        for name in heads:
            if name == "location":
                new["location"] = _location(edit, given.get("location"))
            elif name == "metadataValue" and not given.get(name):
                new.pop(name, None)
            elif name != "metadataId":
                if not given.get(name):
                    raise invalid(f"developerMetadata.{name} must not be empty.")
                new[name] = given[name]
        edit.metadata[place] = new
        updated.append(new)
    check_metadata_size(edit)
    return {"updateDeveloperMetadata": {"developerMetadata": updated} if updated else {}}


def delete_metadata(edit: Edit, body: Json) -> Json:
    """DeleteDeveloperMetadataRequest."""
    wanted = body.get("dataFilter", {})
    gone = [item for item in edit.metadata if matches_filter(item, wanted)]
    edit.metadata = [item for item in edit.metadata if item not in gone]
    return {"deleteDeveloperMetadata": {"deletedDeveloperMetadata": gone} if gone else {}}


def matches_filter(item: Json, data_filter: Json) -> bool:
    """Whether an item matches a DataFilter's developerMetadataLookup; a filter by range is refused."""
    lookup = data_filter.get("developerMetadataLookup")
    if lookup is None:
        raise invalid("The Sheets stand-in looks metadata up by developerMetadataLookup only.")
    for name in ("metadataId", "metadataKey", "metadataValue", "visibility"):
        if name in lookup and lookup[name] != item.get(name):
            return False
    location: Json = item["location"]
    kind = lookup.get("locationType")
    if kind and kind != location["locationType"]:
        return False
    wanted: Any = lookup.get("metadataLocation")
    if wanted:
        exact = location == {**wanted, "locationType": location["locationType"]}
        if lookup.get("locationMatchingStrategy") == "EXACT_LOCATION" or "dimensionRange" in wanted:
            return exact
        # Intersecting: what is on a sheet also lies in the spreadsheet, and rows and columns also lie on their sheet.
        return bool(wanted.get("spreadsheet")) or wanted.get("sheetId") == metadata_sheet(item)
    return True


def find_metadata(items: tuple[Json, ...], metadata_id: int) -> Json:
    """The item of this id, for developerMetadata.get."""
    for item in items:
        if item["metadataId"] == metadata_id:
            return item
    raise not_found()


def search_metadata(items: tuple[Json, ...], filters: list[Json]) -> Json:
    """The items that match any filter, for developerMetadata.search."""
    if not filters:
        raise invalid("At least one data filter is required.")
    found = []
    for item in items:
        matched = [each for each in filters if matches_filter(item, each)]
        if matched:
            found.append({"developerMetadata": item, "dataFilters": matched})
    return {"matchedDeveloperMetadata": found} if found else {}
