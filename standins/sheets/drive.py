"""The parts of Drive v3 that Sheets clients call: https://developers.google.com/workspace/drive/api/reference/rest/v3."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from standins.sheets import values
from standins.sheets.a1 import Box
from standins.sheets.core import RANK, Core, permission
from standins.sheets.discovery import drive
from standins.sheets.drive_query import matches
from standins.sheets.errors import DriveError
from standins.sheets.fields import apply, resolve
from standins.sheets.grid import Grid
from standins.sheets.methods import READ_SCOPES, Request
from standins.sheets.render import Renderer
from standins.sheets.workbook import Edit, Json, Sheet, State, StyleTable, Workbook, new_props, now_text

MIME = "application/vnd.google-apps.spreadsheet"
_CSV = {"text/csv": ",", "text/tab-separated-values": "\t"}
Answer = tuple[int, bytes, str, dict[str, str]]

_FILE = r"/files/(?P<file_id>[^/]+)"
_ROUTES = [
    ("GET", re.compile(r"/about"), "drive.about.get"),
    ("GET", re.compile(r"/files"), "drive.files.list"),
    ("POST", re.compile(r"/files"), "drive.files.create"),
    ("GET", re.compile(_FILE), "drive.files.get"),
    ("PATCH", re.compile(_FILE), "drive.files.update"),
    ("DELETE", re.compile(_FILE), "drive.files.delete"),
    ("POST", re.compile(_FILE + "/copy"), "drive.files.copy"),
    ("GET", re.compile(_FILE + "/export"), "drive.files.export"),
    ("GET", re.compile(_FILE + "/comments"), "drive.comments.list"),
    ("GET", re.compile(_FILE + "/permissions"), "drive.permissions.list"),
    ("POST", re.compile(_FILE + "/permissions"), "drive.permissions.create"),
    ("GET", re.compile(_FILE + "/permissions/(?P<permission_id>[^/]+)"), "drive.permissions.get"),
    ("PATCH", re.compile(_FILE + "/permissions/(?P<permission_id>[^/]+)"), "drive.permissions.update"),
    ("DELETE", re.compile(_FILE + "/permissions/(?P<permission_id>[^/]+)"), "drive.permissions.delete"),
]
_UPLOAD = re.compile(r"/upload/drive/v2/files/(?P<file_id>[^/]+)")
_READING = {
    "drive.about.get",
    "drive.files.list",
    "drive.files.get",
    "drive.files.export",
    "drive.permissions.list",
    "drive.permissions.get",
    "drive.comments.list",
}


def match(verb: str, path: str) -> Request | None:
    """The method behind a path, None if there is none."""
    upload = _UPLOAD.fullmatch(path)
    if upload and verb == "PUT":
        file_id = unquote(upload["file_id"])
        return Request("drive.files.import", "drive", file_id, {"file_id": file_id})
    if not path.startswith("/drive/v3"):
        return None
    for wanted, pattern, name in _ROUTES:
        found = pattern.fullmatch(path[len("/drive/v3") :]) if wanted == verb else None
        if found:
            params = {key: unquote(value) for key, value in found.groupdict().items()}
            return Request(name, "drive", params.get("file_id"), params)
    return None


def scopes(method: str) -> frozenset[str]:
    """The scopes of which a token needs one."""
    base = "https://www.googleapis.com/auth/"
    writing = frozenset({base + "drive", base + "drive.file"})
    if method not in _READING:
        return writing
    return (
        writing
        | {name for name in READ_SCOPES if "drive" in name}
        | {base + "drive.metadata.readonly", base + "drive.metadata"}
    )


def run(core: Core, request: Request, query_string: str, body: bytes) -> Answer:
    """Run a Drive method; unknown query parameters are ignored, as Drive does."""
    request.query = dict(parse_qsl(query_string, keep_blank_values=True))
    if request.method == "drive.files.import":
        return _json(_import(core, request, body))
    if request.method == "drive.files.export":
        return _export(core, request)
    name, response, default = _SHAPES[request.method]
    given: Json = {}
    if body.strip():
        try:
            given = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise DriveError(400, "parseError", "Parse Error") from error
    if name == "Permission":
        # gspread still sends v2's withLink, which the server ignores.
        given.pop("withLink", None)
    if name is not None:
        given = {key: value for key, value in given.items() if value is not None}
        drive().check_request(name, given)
    request.body = given
    answer = _HANDLERS[request.method](core, request)
    if answer is None:
        return 204, b"", "application/json; charset=UTF-8", {}
    mask = resolve(request.query.get("fields") or default, drive(), response)
    content = apply(mask, answer)
    if core.config.check_responses:
        wrong = drive().check_response(response, content)
        if wrong:
            raise DriveError(500, "internalError", f"The stand-in made an answer off Drive's schema: {wrong[:5]}")
    return _json(content)


def _json(content: Any) -> Answer:
    return 200, orjson.dumps(content), "application/json; charset=UTF-8", {}


def _missing(file_id: str) -> DriveError:
    return DriveError(404, "notFound", f"File not found: {file_id}.", "fileId")


def _open(core: Core, request: Request, need: str = "reader") -> Workbook:
    """Drive says 404 where the account has no access at all, and 403 where its role is too small."""
    file_id = request.params["file_id"]
    workbook = core.workbooks.get(file_id)
    role = core.role(workbook.state, request.email) if workbook else None
    if workbook is None or role is None:
        raise _missing(file_id)
    if RANK[role] < RANK[need]:
        raise DriveError(
            403,
            "insufficientFilePermissions",
            f"The user does not have sufficient permissions for file {file_id}.",
        )
    return workbook


def _file(core: Core, workbook: Workbook, email: str) -> Json:
    state = workbook.state
    owner = next((item for item in state.permissions if item["role"] == "owner"), None)
    role = core.role(state, email) or "reader"
    answer: Json = {
        "kind": "drive#file",
        "id": state.id,
        "name": state.title,
        "mimeType": MIME,
        "createdTime": state.created,
        "modifiedTime": state.modified,
        "version": str(state.revision),
        "trashed": False,
        "starred": False,
        "explicitlyTrashed": False,
        "parents": ["root"],
        "spaces": ["drive"],
        "shared": len(state.permissions) > 1,
        "ownedByMe": role == "owner",
        "webViewLink": f"{core.base_url}/spreadsheets/d/{state.id}/edit",
        "permissions": list(state.permissions),
        "permissionIds": [item["id"] for item in state.permissions],
        "capabilities": {"canEdit": RANK[role] >= RANK["writer"], "canDelete": role == "owner"},
    }
    if owner and "emailAddress" in owner:
        answer["owners"] = [
            {
                "kind": "drive#user",
                "displayName": owner["displayName"],
                "emailAddress": owner["emailAddress"],
                "permissionId": owner["id"],
                "me": owner["emailAddress"] == email,
            }
        ]
    return answer


def _about(_: Core, request: Request) -> Json:
    if not request.query.get("fields"):
        raise DriveError(400, "required", "The 'fields' parameter is required for this method.", "fields")
    name = request.email.partition("@")[0]
    user = {"kind": "drive#user", "displayName": name, "emailAddress": request.email, "me": True}
    return {"kind": "drive#about", "user": user}


def _list(core: Core, request: Request) -> Json:
    query = request.query.get("q", "")
    try:
        size = min(max(int(request.query.get("pageSize", 100)), 1), 1000)
        start = int(request.query.get("pageToken") or 0)
    except ValueError as error:
        raise DriveError(400, "invalid", "Invalid Value", "pageToken") from error
    found = []
    for workbook in list(core.workbooks.values()):
        if core.role(workbook.state, request.email) is not None:
            file = _file(core, workbook, request.email)
            if matches(file, query):
                found.append(file)
    found.sort(key=lambda file: (file["modifiedTime"], file["id"]), reverse=True)
    if request.query.get("orderBy", "").split(",")[0].split(" ")[0] in ("name", "name_natural"):
        found.sort(key=lambda file: file["name"].casefold(), reverse="desc" in request.query["orderBy"])
    answer: Json = {"kind": "drive#fileList", "incompleteSearch": False, "files": found[start : start + size]}
    if start + size < len(found):
        answer["nextPageToken"] = str(start + size)
    return answer


def _create(core: Core, request: Request) -> Json:
    if request.body.get("mimeType") != MIME:
        raise DriveError(501, "notImplemented", f"The Sheets stand-in holds files of type {MIME} only.")
    workbook = core.create(request.body.get("name") or "Untitled", request.email)
    request.spreadsheet_id = workbook.state.id
    return _file(core, workbook, request.email)


def _get(core: Core, request: Request) -> Json:
    return _file(core, _open(core, request), request.email)


def _update(core: Core, request: Request) -> Json:
    workbook = _open(core, request, "writer")
    if request.body.get("trashed"):
        _delete(core, request)
        return {**_file(core, workbook, request.email), "trashed": True, "explicitlyTrashed": True}
    title = request.body.get("name")
    if title:
        core.write(workbook, request.email, request.method, lambda edit: _rename(edit, title))
    return _file(core, workbook, request.email)


def _rename(edit: Edit, title: str) -> None:
    edit.properties = {**edit.properties, "title": title}


def _delete(core: Core, request: Request) -> None:
    core.delete(_open(core, request, "owner"))


def _copy(core: Core, request: Request) -> Json:
    source = _open(core, request)
    state = source.state
    title = request.body.get("name") or f"Copy of {state.title}"
    made = core.create(title, request.email)
    # Blocks are kept per workbook, so the copy may hold the same ones under the same numbers.
    with source.lock:
        styles = StyleTable([dict(item) for item in source.styles.items])
        next_block = source.next_block()
    styles.saved = 0
    tabs = tuple(_copied(sheet) for sheet in state.sheets)
    new = replace(made.state, sheets=tabs, named=state.named, metadata=state.metadata, modified=now_text())
    workbook = Workbook(new, styles, next_block)
    core.delete(made)
    core.register(workbook)
    request.spreadsheet_id = new.id
    return _file(core, workbook, request.email)


def _copied(sheet: Sheet) -> Sheet:
    new = Sheet(sheet.props, Grid(list(sheet.grid.blocks)))
    new.merges, new.basic_filter = sheet.merges, sheet.basic_filter
    new.row_props, new.column_props = sheet.row_props, sheet.column_props
    return new


def _export(core: Core, request: Request) -> Answer:
    """CSV and TSV of the first tab; the other formats are not made."""
    workbook = _open(core, request)
    mime = request.query.get("mimeType", "")
    if mime not in _CSV:
        raise DriveError(501, "notImplemented", f"The Sheets stand-in exports {' and '.join(_CSV)} only, not {mime}.")
    state: State = workbook.state
    sheet = state.sheets[0]
    rows = Renderer(state, workbook.styles, "FORMATTED_VALUE").rows(sheet, Box(0, sheet.rows, 0, sheet.columns))
    width = max(map(len, rows), default=0)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=_CSV[mime], lineterminator="\r\n")
    writer.writerows(row + [""] * (width - len(row)) for row in rows)
    return 200, out.getvalue().encode(), mime, {}


def _import(core: Core, request: Request, body: bytes) -> Json:
    """Gspread's import_csv: a Drive v2 upload with convert=true puts the CSV into one tab and drops the others."""
    workbook = _open(core, request, "writer")
    rows: list[list[Any]] = list(csv.reader(io.StringIO(body.decode("utf-8"))))

    def fill(edit: Edit) -> None:
        width = max(map(len, rows), default=1)
        first = edit.sheets[0]
        props = new_props(first.id, first.title, 0, max(len(rows), 1), max(width, 1))
        edit.sheets = [Sheet(props, Grid())]
        edit.named, edit.metadata = [], []
        values.update(edit, f"'{first.title}'!A1", {"values": rows}, {"valueInputOption": "USER_ENTERED"})

    core.write(workbook, request.email, request.method, fill)
    return {"kind": "drive#file", "id": workbook.state.id, "title": workbook.state.title, "mimeType": MIME}


# Permissions ---------------------------------------------------------------------------------------------------------


def _permissions_list(core: Core, request: Request) -> Json:
    state = _open(core, request, "writer").state
    return {"kind": "drive#permissionList", "permissions": list(state.permissions)}


def _permission(state: State, permission_id: str) -> Json:
    for item in state.permissions:
        if item["id"] == permission_id:
            return item
    raise DriveError(404, "notFound", f"Permission not found: {permission_id}.", "permissionId")


def _permissions_get(core: Core, request: Request) -> Json:
    return _permission(_open(core, request).state, request.params["permission_id"])


def _permissions_create(core: Core, request: Request) -> Json:
    workbook = _open(core, request, "writer")
    given = request.body
    kind, role = given.get("type"), given.get("role")
    if kind not in ("user", "group", "domain", "anyone"):
        raise DriveError(400, "required", "The permission type field is required.", "permission.type")
    if role not in RANK:
        raise DriveError(400, "required", "The permission role field is required.", "permission.role")
    target = given.get("domain") if kind == "domain" else given.get("emailAddress")
    if kind != "anyone" and not target:
        raise DriveError(400, "invalid", "The permission type requires an e-mail address or a domain.", "permission")
    item = permission(kind, role, target)
    core.write(workbook, request.email, request.method, lambda edit: _grant(edit, item))
    return item


def _grant(edit: Edit, item: Json) -> None:
    edit.permissions = [each for each in edit.permissions if each["id"] != item["id"]] + [item]
    if item["role"] == "owner":
        edit.permissions = [
            {**each, "role": "writer"} if each["role"] == "owner" and each["id"] != item["id"] else each
            for each in edit.permissions
        ]


def _permissions_update(core: Core, request: Request) -> Json:
    workbook = _open(core, request, "writer")
    item = {**_permission(workbook.state, request.params["permission_id"]), "role": request.body.get("role", "reader")}
    core.write(workbook, request.email, request.method, lambda edit: _grant(edit, item))
    return item


def _permissions_delete(core: Core, request: Request) -> None:
    workbook = _open(core, request, "writer")
    item = _permission(workbook.state, request.params["permission_id"])
    if item["role"] == "owner":
        raise DriveError(403, "insufficientFilePermissions", "The owner of a file cannot be removed.")

    def remove(edit: Edit) -> None:
        edit.permissions = [each for each in edit.permissions if each["id"] != item["id"]]

    core.write(workbook, request.email, request.method, remove)


def _comments(core: Core, request: Request) -> Json:
    _open(core, request)
    return {"kind": "drive#commentList", "comments": []}


_HANDLERS = {
    "drive.about.get": _about,
    "drive.files.list": _list,
    "drive.files.create": _create,
    "drive.files.get": _get,
    "drive.files.update": _update,
    "drive.files.delete": _delete,
    "drive.files.copy": _copy,
    "drive.comments.list": _comments,
    "drive.permissions.list": _permissions_list,
    "drive.permissions.get": _permissions_get,
    "drive.permissions.create": _permissions_create,
    "drive.permissions.update": _permissions_update,
    "drive.permissions.delete": _permissions_delete,
}

# method -> (message of the request, message of the response, what is sent without a ``fields`` parameter)
_BRIEF = "kind,id,name,mimeType"
_BRIEF_PERMISSION = "kind,id,type,role,domain,allowFileDiscovery"
_SHAPES: dict[str, tuple[str | None, str, str]] = {
    "drive.about.get": (None, "About", "*"),
    "drive.files.list": (None, "FileList", f"kind,nextPageToken,incompleteSearch,files({_BRIEF})"),
    "drive.files.create": ("File", "File", _BRIEF),
    "drive.files.get": (None, "File", _BRIEF),
    "drive.files.update": ("File", "File", _BRIEF),
    "drive.files.delete": (None, "File", _BRIEF),
    "drive.files.copy": ("File", "File", _BRIEF),
    "drive.comments.list": (None, "CommentList", "*"),
    "drive.permissions.list": (None, "PermissionList", f"kind,nextPageToken,permissions({_BRIEF_PERMISSION})"),
    "drive.permissions.get": (None, "Permission", _BRIEF_PERMISSION),
    "drive.permissions.create": ("Permission", "Permission", _BRIEF_PERMISSION),
    "drive.permissions.update": ("Permission", "Permission", _BRIEF_PERMISSION),
    "drive.permissions.delete": (None, "Permission", _BRIEF_PERMISSION),
}
