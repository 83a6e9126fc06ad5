"""The Sheets v4 methods: from a matched request to an answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from standins.sheets import batch, batch_cells, batch_sheets, metadata, values
from standins.sheets.core import Core
from standins.sheets.discovery import sheets, snake
from standins.sheets.errors import ApiError, bad_request, invalid, not_implemented
from standins.sheets.fields import Mask, resolve
from standins.sheets.grid import Grid
from standins.sheets.resource import spreadsheet
from standins.sheets.workbook import Edit, Json, Sheet, Workbook, new_props

READ_SCOPES = frozenset(
    f"https://www.googleapis.com/auth/{name}"
    for name in ("spreadsheets", "spreadsheets.readonly", "drive", "drive.readonly", "drive.file")
)
WRITE_SCOPES = frozenset(f"https://www.googleapis.com/auth/{name}" for name in ("spreadsheets", "drive", "drive.file"))


@dataclass
class Request:
    """A request that matched a method. ``method`` is its name without ``sheets.`` in front."""

    method: str
    kind: str
    spreadsheet_id: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    query: Json = field(default_factory=dict)
    body: Any = None
    email: str = ""
    mask: Mask | None = None


@dataclass(frozen=True)
class Method:
    """How a method reads its request and what runs it."""

    kind: str
    run: Callable[[Core, Request], Json]
    request: str | None
    response: str
    root: str = ""


_ID = r"(?P<spreadsheet_id>[^/:]+)"
_ROUTES = [
    ("POST", re.compile(r"/spreadsheets"), "spreadsheets.create"),
    ("GET", re.compile(f"/spreadsheets/{_ID}"), "spreadsheets.get"),
    ("POST", re.compile(f"/spreadsheets/{_ID}:batchUpdate"), "spreadsheets.batchUpdate"),
    ("POST", re.compile(f"/spreadsheets/{_ID}:getByDataFilter"), "spreadsheets.getByDataFilter"),
    (
        "GET",
        re.compile(f"/spreadsheets/{_ID}/developerMetadata/(?P<metadata_id>[^/:]+)"),
        "spreadsheets.developerMetadata.get",
    ),
    ("POST", re.compile(f"/spreadsheets/{_ID}/developerMetadata:search"), "spreadsheets.developerMetadata.search"),
    ("POST", re.compile(f"/spreadsheets/{_ID}/sheets/(?P<sheet_id>[^/:]+):copyTo"), "spreadsheets.sheets.copyTo"),
    ("GET", re.compile(f"/spreadsheets/{_ID}/values:batchGet"), "spreadsheets.values.batchGet"),
    ("POST", re.compile(f"/spreadsheets/{_ID}/values:batchUpdate"), "spreadsheets.values.batchUpdate"),
    ("POST", re.compile(f"/spreadsheets/{_ID}/values:batchClear"), "spreadsheets.values.batchClear"),
    (
        "POST",
        re.compile(f"/spreadsheets/{_ID}/values:(?P<verb>batch[A-Za-z]+ByDataFilter)"),
        "spreadsheets.values.byDataFilter",
    ),
    ("POST", re.compile(f"/spreadsheets/{_ID}/values/(?P<range>.+):append"), "spreadsheets.values.append"),
    ("POST", re.compile(f"/spreadsheets/{_ID}/values/(?P<range>.+):clear"), "spreadsheets.values.clear"),
    ("GET", re.compile(f"/spreadsheets/{_ID}/values/(?P<range>.+)"), "spreadsheets.values.get"),
    ("PUT", re.compile(f"/spreadsheets/{_ID}/values/(?P<range>.+)"), "spreadsheets.values.update"),
]


def match(verb: str, path: str) -> Request | None:
    """The method behind a still percent-encoded path below /v4; None if there is none."""
    for wanted, pattern, name in _ROUTES:
        found = pattern.fullmatch(path) if wanted == verb else None
        if found:
            params = {key: unquote(value) for key, value in found.groupdict().items()}
            spec = METHODS.get(name)
            return Request(name, spec.kind if spec else "read", params.pop("spreadsheet_id", None), params)
    return None


def run(core: Core, request: Request, query_string: str) -> Json:
    """Check the request against the discovery document and run it."""
    method = METHODS.get(request.method)
    if method is None:
        raise not_implemented(request.method)
    request.query = _query(request.method, query_string)
    if "fields" in request.query:
        request.mask = resolve(request.query["fields"], sheets(), method.response)
    if method.request is not None:
        request.body = {} if request.body is None else request.body
        if type(request.body) is not dict:
            raise invalid("Invalid JSON payload received. Unexpected token: the root element must be a message.")
        sheets().check_request(method.request, request.body, method.root)
    return method.run(core, request)


_SYSTEM = {
    "fields",
    "alt",
    "key",
    "prettyPrint",
    "quotaUser",
    "access_token",
    "oauth_token",
    "$.xgafv",
    "callback",
    "uploadType",
    "upload_protocol",
    "userIp",
}


def _query(method: str, query_string: str) -> Json:
    """Query parameters, typed and checked as the discovery document says."""
    known = _parameters(method)
    found: Json = {}
    for name, value in parse_qsl(query_string, keep_blank_values=True):
        spec = known.get(name) or known.get(_camel(name))
        if spec is None:
            if name in _SYSTEM:
                found[name] = value
                continue
            text = (
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
                f"Field '{name}' could not be found in request message."
            )
            raise bad_request([("", text)])
        name = spec["name"]
        typed = _typed(name, value, spec)
        if spec.get("repeated"):
            found.setdefault(name, []).append(typed)
        else:
            found[name] = typed
    return found


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def _typed(name: str, value: str, spec: Json) -> Any:
    if spec["type"] == "boolean":
        if value.casefold() not in ("true", "false", "1", "0"):
            path = snake(name)
            raise bad_request([(path, f"Invalid value at '{path}' (TYPE_BOOL), \"{value}\"")])
        return value.casefold() in ("true", "1")
    if "enum" in spec and value not in spec["enum"]:
        path = snake(name)
        kind = f"type.googleapis.com/{sheets().package}.{name[0].upper()}{name[1:]}"
        raise bad_request([(path, f"Invalid value at '{path}' ({kind}), \"{value}\"")])
    return value


def _parameters(method: str) -> dict[str, Json]:
    resources, (*path, name) = sheets().raw, method.split(".")
    for part in path:
        resources = resources["resources"][part]
    parameters = resources["methods"][name].get("parameters", {})
    return {key: {**spec, "name": key} for key, spec in parameters.items() if spec["location"] == "query"}


# Spreadsheets --------------------------------------------------------------------------------------------------------


def _open(core: Core, request: Request, need: str = "reader") -> Workbook:
    return core.workbook(request.spreadsheet_id or "", request.email, need)


def _resource(core: Core, workbook: Workbook, mask: Mask | None, ranges: list[str], data: bool) -> Json:
    return spreadsheet(workbook.state, workbook.styles, core.base_url, mask, ranges, data)


def _get(core: Core, request: Request) -> Json:
    query = request.query
    workbook = _open(core, request)
    return _resource(core, workbook, request.mask, query.get("ranges", []), query.get("includeGridData", False))


def _create(core: Core, request: Request) -> Json:
    given = request.body
    title = given.get("properties", {}).get("title") or "Untitled spreadsheet"
    workbook = core.create(title, request.email)
    request.spreadsheet_id = workbook.state.id
    try:
        core.write(workbook, request.email, request.method, lambda edit: _fill_new(edit, given))
    except ApiError:
        core.delete(workbook)
        raise
    return _resource(core, workbook, request.mask, [], False)


def _fill_new(edit: Edit, given: Json) -> None:
    properties = {name: value for name, value in given.get("properties", {}).items() if name != "defaultFormat"}
    edit.properties = {**edit.properties, **properties, "title": edit.properties["title"]}
    tabs = given.get("sheets") or []
    if tabs:
        # The default tab makes room: it gets a name and an id that no tab can have asked for.
        default = edit.sheets[0]
        edit.sheets = [Sheet({**new_props(-1, "\0", 0)}, Grid())]
        for place, tab in enumerate(tabs):
            wanted = dict(tab.get("properties", {}))
            wanted.setdefault("sheetId", default.id if place == 0 else edit.new_sheet_id())
            wanted["title"] = wanted.get("title") or f"Sheet{place + 1}"
            wanted.pop("index", None)
            made = batch_sheets.add_sheet(edit, {"properties": wanted})
            for part in tab.get("data", []):
                start = {"rowIndex": part.get("startRow", 0), "columnIndex": part.get("startColumn", 0)}
                start["sheetId"] = made["addSheet"]["properties"]["sheetId"]
                batch_cells.update_cells(edit, {"start": start, "rows": part.get("rowData", []), "fields": "*"})
        edit.sheets = [sheet for sheet in edit.sheets if sheet.id != -1]
        edit.renumber()
    for named in given.get("namedRanges", []):
        batch_sheets.add_named_range(edit, {"namedRange": named})
    for item in given.get("developerMetadata", []):
        metadata.create_metadata(edit, {"developerMetadata": item})


def _batch_update(core: Core, request: Request) -> Json:
    workbook = _open(core, request, "writer")
    replies = core.write(workbook, request.email, request.method, lambda edit: batch.run(edit, request.body))
    answer: Json = {"spreadsheetId": request.spreadsheet_id, "replies": replies}
    if request.body.get("includeSpreadsheetInResponse"):
        ranges, data = request.body.get("responseRanges", []), request.body.get("responseIncludeGridData", False)
        answer["updatedSpreadsheet"] = _resource(core, workbook, None, ranges, data)
    return answer


def _metadata_get(core: Core, request: Request) -> Json:
    text = request.params["metadata_id"]
    if not text.lstrip("-").isdigit():
        raise bad_request([("metadata_id", f"Invalid value at 'metadata_id' (TYPE_INT32), \"{text}\"")])
    return metadata.find_metadata(_open(core, request).state.metadata, int(text))


def _metadata_search(core: Core, request: Request) -> Json:
    state = _open(core, request).state
    return metadata.search_metadata(state.metadata, request.body.get("dataFilters", []))


def _copy_to(core: Core, request: Request) -> Json:
    source = _open(core, request)
    sheet_id = request.params["sheet_id"]
    target = core.workbook(request.body.get("destinationSpreadsheetId", ""), request.email, "writer")
    tab = next((sheet for sheet in source.state.sheets if str(sheet.id) == sheet_id), None)
    if tab is None:
        raise invalid(f"No sheet with id: {sheet_id}")

    def copy(edit: Edit) -> Json:
        title, number = f"Copy of {tab.title}", 2
        taken = {sheet.title.casefold() for sheet in edit.sheets}
        while title.casefold() in taken:
            title, number = f"Copy of {tab.title} {number}", number + 1
        new_id = edit.new_sheet_id()
        made = batch_sheets.copy_sheet(edit, tab, new_id, title)
        if target is not source:
            _restyle(made, source, edit)
        edit.add(made, None)
        return edit.find(new_id).props

    return core.write(target, request.email, request.method, copy)


def _restyle(sheet: Sheet, source: Workbook, edit: Edit) -> None:
    """Style numbers mean something in their own workbook only."""
    numbers: dict[int, int] = {}

    def translate(mark: int) -> int:
        if mark not in numbers:
            numbers[mark] = edit.styles.number(source.styles.items[mark])
        return numbers[mark]

    sheet.grid.edit(
        0,
        len(sheet.grid),
        lambda _, row, styles: (row, tuple(translate(mark) for mark in styles) if any(styles) else styles),
    )


# Values --------------------------------------------------------------------------------------------------------------


def _values_get(core: Core, request: Request) -> Json:
    workbook = _open(core, request)
    return values.get(workbook.state, workbook.styles, request.params["range"], request.query)


def _values_batch_get(core: Core, request: Request) -> Json:
    workbook = _open(core, request)
    return values.batch_get(workbook.state, workbook.styles, request.query.get("ranges", []), request.query)


def _writing(change: Callable[[Edit, Request], Json]) -> Callable[[Core, Request], Json]:
    def run_write(core: Core, request: Request) -> Json:
        workbook = _open(core, request, "writer")
        return core.write(workbook, request.email, request.method, lambda edit: change(edit, request))

    return run_write


METHODS: dict[str, Method] = {
    "spreadsheets.get": Method("read", _get, None, "Spreadsheet"),
    "spreadsheets.create": Method("write", _create, "Spreadsheet", "Spreadsheet", "spreadsheet"),
    "spreadsheets.batchUpdate": Method(
        "write", _batch_update, "BatchUpdateSpreadsheetRequest", "BatchUpdateSpreadsheetResponse"
    ),
    "spreadsheets.developerMetadata.get": Method("read", _metadata_get, None, "DeveloperMetadata"),
    "spreadsheets.developerMetadata.search": Method(
        "read", _metadata_search, "SearchDeveloperMetadataRequest", "SearchDeveloperMetadataResponse"
    ),
    "spreadsheets.sheets.copyTo": Method("write", _copy_to, "CopySheetToAnotherSpreadsheetRequest", "SheetProperties"),
    "spreadsheets.values.get": Method("read", _values_get, None, "ValueRange"),
    "spreadsheets.values.batchGet": Method("read", _values_batch_get, None, "BatchGetValuesResponse"),
    "spreadsheets.values.update": Method(
        "write",
        _writing(lambda edit, request: values.update(edit, request.params["range"], request.body, request.query)),
        "ValueRange",
        "UpdateValuesResponse",
        "data",
    ),
    "spreadsheets.values.append": Method(
        "write",
        _writing(lambda edit, request: values.append(edit, request.params["range"], request.body, request.query)),
        "ValueRange",
        "AppendValuesResponse",
        "data",
    ),
    "spreadsheets.values.clear": Method(
        "write",
        _writing(lambda edit, request: values.clear(edit, request.params["range"])),
        "ClearValuesRequest",
        "ClearValuesResponse",
    ),
    "spreadsheets.values.batchUpdate": Method(
        "write",
        _writing(lambda edit, request: values.batch_update(edit, request.body)),
        "BatchUpdateValuesRequest",
        "BatchUpdateValuesResponse",
    ),
    "spreadsheets.values.batchClear": Method(
        "write",
        _writing(lambda edit, request: values.batch_clear(edit, request.body)),
        "BatchClearValuesRequest",
        "BatchClearValuesResponse",
    ),
}
