"""Checks JSON against Google's own discovery documents (the copies that google-api-python-client ships).

A hand-written checker and not jsonschema: a batch can hold a hundred thousand cells, the messages must read like
Google's, and what the API accepts (snake_case names, numbers in strings, null for "absent") is proto3 JSON and no
JSON Schema: https://protobuf.dev/programming-guides/json/
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from standins.sheets.errors import bad_request

_CAMEL = re.compile(r"([A-Z])")
_INT32 = 2**31
_NUMERIC = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_SPECIAL_FLOATS = {"NaN", "Infinity", "-Infinity"}

# The discovery document does not say which fields share a oneof; these are the ones of the reference pages.
_ONEOFS = {
    "ExtendedValue": ("value", {"boolValue", "errorValue", "formulaValue", "numberValue", "stringValue"}),
    "UpdateCellsRequest": ("area", {"range", "start"}),
    "DataFilter": ("filter", {"a1Range", "gridRange", "developerMetadataLookup"}),
}

Violations = list[tuple[str, str]]


def snake(name: str) -> str:
    """SheetId -> sheet_id."""
    return _CAMEL.sub(r"_\1", name).lower()


class Field:
    """One field of a message: its kind, whether it repeats, and the message or the enum behind it."""

    __slots__ = ("enum", "kind", "message", "name", "repeated", "snake", "type_name")

    def __init__(self, document: Document, name: str, spec: dict[str, Any]) -> None:
        self.name = name
        self.snake = snake(name)
        self.repeated = spec.get("type") == "array"
        if self.repeated:
            spec = spec["items"]
        self.enum: frozenset[str] | None = None
        self.message: Message | None = None
        kind = spec.get("type")
        if "$ref" in spec:
            self.kind, self.message = "message", document.message(spec["$ref"])
        elif "enum" in spec:
            self.kind, self.enum = "enum", frozenset(spec["enum"])
        elif kind == "integer":
            self.kind = "int32"
        elif kind == "number":
            self.kind = "double"
        elif kind == "string" and spec.get("format") == "int64":
            self.kind = "int64"
        elif kind in ("string", "boolean"):
            self.kind = kind
        elif kind == "array":
            self.kind = "list"
        else:
            self.kind = "any"
        self.type_name = {
            "int32": "TYPE_INT32",
            "int64": "TYPE_INT64",
            "double": "TYPE_DOUBLE",
            "string": "TYPE_STRING",
            "boolean": "TYPE_BOOL",
            "enum": f"type.googleapis.com/{document.package}.{name[0].upper()}{name[1:]}",
            "list": "type.googleapis.com/google.protobuf.ListValue",
        }.get(self.kind, f"type.googleapis.com/{document.package}.{self.message.name}" if self.message else "")

    def scalar(self, value: Any, path: str, out: Violations) -> Any:
        """The value as the server keeps it; adds a violation if it is of another type."""
        kind, fits = self.kind, False
        if kind == "string":
            fits = type(value) is str
        elif kind == "boolean":
            if type(value) is bool:
                return value
            if value in ("true", "false"):
                return value == "true"
        elif kind in ("int32", "int64"):
            number = value
            if type(value) is str and _NUMERIC.match(value):
                number = float(value) if not value.lstrip("+-").isdigit() else int(value)
            if type(number) is float and number.is_integer():
                number = int(number)
            if type(number) is int and (kind == "int64" or -_INT32 <= number < _INT32):
                return number
        elif kind == "double":
            if type(value) in (int, float):
                return value
            if type(value) is str and (_NUMERIC.match(value) or value in _SPECIAL_FLOATS):
                return float(value)
        elif kind == "enum":
            fits = type(value) is str and value in (self.enum or ())
        elif kind == "list":
            fits = type(value) is list
        else:
            fits = True
        if not fits:
            shown = orjson.dumps(value).decode()
            out.append((path, f"Invalid value at '{path}' ({self.type_name}), {shown[:200]}"))
        return value


class Message:
    """One message type. ``check`` normalizes the value in place and collects what does not fit."""

    __slots__ = ("_document", "_spec", "fields", "name", "names", "oneof")

    def __init__(self, document: Document, name: str, spec: dict[str, Any]) -> None:
        self.name = name
        self.fields: dict[str, Field] = {}
        self.names: dict[str, Field] = {}
        self.oneof = _ONEOFS.get(name)
        self._document = document
        self._spec = spec

    def link(self) -> None:
        """Build the fields, on first use: the whole document has 273 messages and a server meets a few dozen."""
        properties = self._spec.get("properties", {})
        self.names = {name: Field(self._document, name, spec) for name, spec in properties.items()}
        self.fields = {**{field.snake: field for field in self.names.values()}, **self.names}
        if self.name == "Request":
            self.oneof = ("kind", set(self.names))

    def check(self, value: Any, path: str, out: Violations) -> None:
        """Append (path, description) for each part of ``value`` that this message does not have."""
        if type(value) is not dict:
            kind = f"type.googleapis.com/{self._document.package}.{self.name}"
            out.append((path, f"Invalid value at '{path}' ({kind}), {orjson.dumps(value).decode()[:200]}"))
            return
        if self.name == "CellData" and _is_plain_cell(value):
            return
        if not self.names and self._spec.get("properties"):
            self.link()
        changes: list[tuple[str, str | None, Any]] = []
        chosen: str | None = None
        for key, item in value.items():
            field = self.fields.get(key)
            if field is None:
                where = f" at '{path}'" if path else ""
                text = f'Invalid JSON payload received. Unknown name "{key}"{where}: Cannot find field.'
                out.append((path, text))
                continue
            if item is None:
                changes.append((key, None, None))
                continue
            if self.oneof is not None and field.name in self.oneof[1]:
                if chosen is not None:
                    text = (
                        f"Invalid value at '{path}' (oneof), oneof field '{self.oneof[0]}' is already set. "
                        f"Cannot set '{field.name}'"
                    )
                    out.append((path, text))
                chosen = field.name
            kept = self._check_field(field, item, f"{path}.{field.snake}" if path else field.snake, out)
            if key != field.name or kept is not item:
                changes.append((key, field.name, kept))
        for key, name, kept in changes:
            del value[key]
            if name is not None:
                value[name] = kept

    def _check_field(self, field: Field, item: Any, path: str, out: Violations) -> Any:
        if not field.repeated:
            if type(item) is list and field.kind not in ("any", "list"):
                parent, _, _ = path.rpartition(".")
                where = f" at '{parent}'" if parent else ""
                text = (
                    f'Invalid JSON payload received. Unknown name "{field.snake}"{where}: '
                    "Proto field is not repeating, cannot start list."
                )
                out.append((parent, text))
                return item
            if field.message is not None:
                field.message.check(item, path, out)
                return item
            return field.scalar(item, path, out)
        if type(item) is not list:
            # Proto JSON takes a lone element for a repeated field.
            item = [item]
        if field.kind == "list":
            _check_value_rows(item, path, field, out)
        elif field.message is not None:
            check = field.message.check
            for index, element in enumerate(item):
                check(element, f"{path}[{index}]", out)
        else:
            item = [field.scalar(element, f"{path}[{index}]", out) for index, element in enumerate(item)]
        return item


def _is_plain_cell(cell: dict[str, Any]) -> bool:
    """A cell with nothing but one value of the right type: nearly all cells of a big batch."""
    if not cell:
        return True
    if len(cell) != 1:
        return False
    value = cell.get("userEnteredValue")
    if type(value) is not dict or len(value) != 1:
        return False
    ((name, item),) = value.items()
    if name in ("stringValue", "formulaValue"):
        return type(item) is str
    if name == "numberValue":
        return type(item) in (int, float)
    return name == "boolValue" and type(item) is bool


_PLAIN = {str, int, float, bool, type(None)}


def _check_value_rows(rows: list[Any], path: str, field: Field, out: Violations) -> None:
    """``values`` of a ValueRange: a list of lists of scalars, checked a row at a time with one set of types."""
    for index, row in enumerate(rows):
        if type(row) is not list:
            field.scalar(row, f"{path}[{index}]", out)
        elif not set(map(type, row)) <= _PLAIN:
            for column, item in enumerate(row):
                if type(item) is dict:
                    out.append(
                        ("", f"Invalid values[{index}][{column}]: struct_value {orjson.dumps(item).decode()[:100]}")
                    )
                elif type(item) is list:
                    out.append(
                        ("", f"Invalid values[{index}][{column}]: list_value {orjson.dumps(item).decode()[:100]}")
                    )


class Document:
    """One discovery document."""

    def __init__(self, name: str, package: str) -> None:
        spec = find_spec("googleapiclient")
        if spec is None or not spec.submodule_search_locations:
            raise RuntimeError("google-api-python-client is not installed: its discovery documents are needed")
        folder = Path(next(iter(spec.submodule_search_locations))) / "discovery_cache" / "documents"
        self.package = package
        self.raw = orjson.loads((folder / f"{name}.json").read_bytes())
        self._messages: dict[str, Message] = {}

    def message(self, name: str) -> Message:
        """The message of this name, with its fields linked on first use."""
        found = self._messages.get(name)
        if found is None:
            found = self._messages[name] = Message(self, name, self.raw["schemas"][name])
        return found

    def linked(self, name: str) -> Message:
        """The message with its fields, for walking a field mask."""
        found = self.message(name)
        if not found.names:
            found.link()
        return found

    def check_request(self, name: str, body: Any, root: str = "") -> None:
        """Raise Google's 400 if ``body`` is not a ``name``."""
        out: Violations = []
        self.message(name).check(body, root, out)
        if out:
            raise bad_request(out)

    def check_response(self, name: str, body: Any) -> list[str]:
        """What in ``body`` Google's schema does not have."""
        out: Violations = []
        self.message(name).check(body, "", out)
        return [text for _, text in out]


@cache
def sheets() -> Document:
    """Sheets v4."""
    return Document("sheets.v4", "google.apps.sheets.v4")


@cache
def drive() -> Document:
    """Drive v3."""
    return Document("drive.v3", "google.apps.drive.v3")
