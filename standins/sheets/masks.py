"""The ``fields`` of update requests: which parts of a cell or of an object are set, and which are cleared.

https://developers.google.com/workspace/sheets/api/guides/field-masks : what is listed and present is set, what is
listed and absent is cleared, what is not listed stays.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from standins.sheets.discovery import Message, sheets
from standins.sheets.errors import bad_request, invalid
from standins.sheets.fields import MaskError, leaves, parse
from standins.sheets.workbook import Json, StyleTable

_VALUE = "userEnteredValue"
_STYLE_FIELDS = ("userEnteredFormat", "note", "dataValidation", "textFormatRuns", "chipRuns")
_READ_ONLY = ("effectiveValue", "effectiveFormat", "formattedValue", "hyperlink")


def paths(text: str | None, message: str, where: str) -> tuple[str, ...]:
    """The dotted paths of an update mask, each of which ``message`` must have; ``*`` stands for all."""
    if not text:
        raise invalid("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
    try:
        return _paths(text, message)
    except MaskError as error:
        raise bad_request(
            [(where, f"Invalid value at '{where}' (type.googleapis.com/google.protobuf.FieldMask), {text}")]
        ) from error


@lru_cache(maxsize=1024)
def _paths(text: str, message: str) -> tuple[str, ...]:
    return tuple(_known(path, message) for path in leaves(parse(text)))


def _known(path: str, message: str) -> str:
    """The path in the names of the schema (a mask may be in snake_case as well)."""
    current: Message | None = sheets().linked(message)
    names = []
    for name in path.split("."):
        if name == "*":
            break
        field = current.fields.get(name) if current else None
        if field is None:
            raise invalid(f"Invalid field: {path}. Field '{name}' could not be found in request message.")
        names.append(field.name)
        current = sheets().linked(field.message.name) if field.message else None
    return ".".join(names) or "*"


class CellMask:
    """Applies a CellData mask: says whether values are written, and turns old style numbers into new ones."""

    def __init__(self, text: str | None, styles: StyleTable) -> None:
        listed = paths(text, "CellData", "fields")
        everything = "*" in listed
        self.values = everything or any(path.split(".")[0] == _VALUE for path in listed)
        self._paths = [tuple(path.split(".")) for path in listed if path.split(".")[0] in _STYLE_FIELDS]
        if everything:
            self._paths = [(name,) for name in _STYLE_FIELDS]
        self.looks = bool(self._paths)
        unknown = [path for path in listed if path != "*" and path.split(".")[0] not in (_VALUE, *_STYLE_FIELDS)]
        if unknown and unknown[0].split(".")[0] in _READ_ONLY:
            raise invalid(f"Invalid field: {unknown[0]}. The field is read-only.")
        if unknown:
            raise invalid(f"The Sheets stand-in does not write the cell field {unknown[0]}.")
        self._styles = styles
        self._memo: dict[tuple[int, bytes], int] = {}

    def look(self, number: int, cell: Json) -> int:
        """The style number of a cell that had ``number`` and gets ``cell``."""
        part = {name: value for name, value in cell.items() if name != _VALUE} if cell else cell
        key = (number, orjson.dumps(part) if part else b"")
        found = self._memo.get(key)
        if found is None:
            item = orjson.loads(orjson.dumps(self._styles.items[number]))
            for path in self._paths:
                put(item, path, pick(part, path))
            found = self._memo[key] = self._styles.number(item)
        return found


def pick(item: Any, path: tuple[str, ...]) -> Any:
    """The value at a path, None if it is not there."""
    for name in path:
        if type(item) is not dict or name not in item:
            return None
        item = item[name]
    return item


def put(item: Json, path: tuple[str, ...], value: Any) -> None:
    """Set the value at a path, or remove it (and what is left empty around it)."""
    if len(path) == 1:
        if value in (None, "", {}, []):
            item.pop(path[0], None)
        else:
            item[path[0]] = value
        return
    child = item.setdefault(path[0], {})
    put(child, path[1:], value)
    if not child:
        del item[path[0]]
