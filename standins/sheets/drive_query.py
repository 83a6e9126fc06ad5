"""The search terms of Drive's files.list: https://developers.google.com/workspace/drive/api/guides/ref-search-terms."""

from __future__ import annotations

import re
from typing import Any

from standins.sheets.errors import DriveError
from standins.sheets.workbook import Json

_TERM = re.compile(
    r"""\s*(?:(?P<not>not\s+)?(?P<field>mimeType|name|trashed|starred|modifiedTime|createdTime)\s*
    (?P<op>=|!=|contains|>=|<=|>|<)\s*(?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|true|false)
    |(?:parents\s+in\s+(?:'(?P<p1>[^']*)'|"(?P<p2>[^"]*)"))|(?P<parent>'[^']*'|"[^"]*")\s+in\s+parents)\s*(?P<and>and|$)""",
    re.VERBOSE | re.IGNORECASE,
)


def matches(file: Json, query: str) -> bool:
    """Whether a file fits all terms, which are joined by ``and``; DriveError for a query that cannot be read."""
    position = 0
    while position < len(query):
        term = _TERM.match(query, position)
        if term is None:
            raise DriveError(400, "invalid", f"Invalid Value: {query}", "q")
        position = term.end()
        if term["field"] is None:
            parent = term["p1"] or term["p2"] or (term["parent"] or "").strip("'\"")
            if parent not in file["parents"]:
                return False
            continue
        held = file[term["field"]]
        text = term["value"]
        wanted: Any = text == "true" if text in ("true", "false") else re.sub(r"\\(.)", r"\1", text[1:-1])
        if _compare(held, term["op"].lower(), wanted) == bool(term["not"]):
            return False
    return True


def _compare(held: Any, operator: str, wanted: Any) -> bool:
    if operator == "contains":
        # Drive's "contains" on a name matches the beginnings of words.
        return any(word.casefold().startswith(wanted.casefold()) for word in [held, *held.split()])
    if type(held) is str and operator in ("=", "!="):
        held, wanted = held.casefold(), str(wanted).casefold()
    tests = {"=": held == wanted, "!=": held != wanted}
    if operator in tests:
        return tests[operator]
    return {">": held > wanted, "<": held < wanted, ">=": held >= wanted, "<=": held <= wanted}[operator]
