"""Field masks: ``sheets.properties,sheets(developerMetadata,properties(sheetId,title))``.

https://developers.google.com/workspace/sheets/api/guides/field-masks : commas, dots (or slashes), sub-selections in
parentheses, and ``*``. The same grammar reads the ``fields`` query parameter and the ``fields`` of update requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from standins.sheets.discovery import Document, Message
from standins.sheets.errors import bad_request

# A mask is a tree: field name -> sub-tree; an empty sub-tree means "all of it".
Mask = dict[str, "Mask"]

_TOKEN = re.compile(r"\s*([A-Za-z0-9_*]+|[(),./])")


class MaskError(ValueError):
    """The text is no field mask."""


@lru_cache(maxsize=512)
def parse(text: str) -> Mask:
    """The mask as a tree. Callers must not change it: it is shared."""
    tokens = _tokens(text)
    mask: Mask = {}
    _selection(tokens, [mask], closing=False)
    return mask


def _tokens(text: str) -> list[str]:
    found, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise MaskError(text)
        found.append(match.group(1))
        position = match.end()
    found.reverse()
    return found


def _selection(tokens: list[str], parents: list[Mask], closing: bool) -> None:
    while True:
        leaf = _path(tokens, parents[-1])
        if tokens and tokens[-1] == "(":
            tokens.pop()
            _selection(tokens, [leaf], closing=True)
        elif not leaf:
            leaf["*"] = {}
        token = tokens.pop() if tokens else ""
        if token == ",":
            continue
        if token == (")" if closing else ""):
            return
        raise MaskError(token)


def _path(tokens: list[str], mask: Mask) -> Mask:
    while True:
        if not tokens or tokens[-1] in "(),./":
            raise MaskError("a field name is missing")
        name = tokens.pop()
        if name == "*":
            mask["*"] = {}
            return mask
        mask = mask.setdefault(name, {})
        if tokens and tokens[-1] in "./":
            tokens.pop()
            continue
        return mask


def resolve(text: str, document: Document, message: str) -> Mask:
    """Parse the ``fields`` query parameter and refuse names that the response does not have."""
    try:
        mask = parse(text)
    except MaskError as error:
        raise _invalid_parameter(text) from error
    unknown = next(_unknown(mask, document.linked(message), document, ""), None)
    if unknown is not None:
        raise _invalid_parameter(unknown)
    return mask


def _invalid_parameter(path: str) -> Exception:
    text = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
    error = bad_request([(path, text)])
    error.message = "Request contains an invalid argument."
    return error


def _unknown(mask: Mask, message: Message | None, document: Document, path: str) -> Iterator[str]:
    for name, child in mask.items():
        if name == "*":
            continue
        here = f"{path}.{name}" if path else name
        field = message.names.get(name) if message else None
        if field is None:
            yield here
        elif set(child) - {"*"}:
            target = document.linked(field.message.name) if field.message else None
            yield from _unknown(child, target, document, here)


def selects(mask: Mask | None, *path: str) -> bool:
    """Whether the mask keeps anything under this path; no mask keeps everything."""
    for name in path:
        if mask is None or "*" in mask:
            return True
        if name not in mask:
            return False
        mask = mask[name]
    return True


def sub(mask: Mask | None, *path: str) -> Mask | None:
    """The mask below a path; None where everything is selected."""
    for name in path:
        if mask is None or "*" in mask:
            return None
        mask = mask.get(name, {})
    return None if mask is None or "*" in mask else mask


def apply(mask: Mask | None, data: Any) -> Any:
    """The part of ``data`` that the mask names."""
    if mask is None or "*" in mask:
        return data
    if type(data) is list:
        return [apply(mask, item) for item in data]
    if type(data) is dict:
        return {name: apply(mask[name], item) for name, item in data.items() if name in mask}
    return data


def leaves(mask: Mask, prefix: str = "") -> Iterator[str]:
    """The dotted paths of a mask; ``*`` alone for "everything"."""
    for name, child in mask.items():
        path = f"{prefix}.{name}" if prefix else name
        if name == "*":
            yield prefix or "*"
        else:
            yield from leaves(child, path)
