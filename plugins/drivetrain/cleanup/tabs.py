"""Which hidden tabs killed sheet syncs left behind.

A sync's next run removes its own. This is for syncs that have no next run: paused, removed, moved to another workbook.
Loads leave nothing: their stage and table in Snowflake are temporary and end with the session.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

import orjson

from drivetrain.sheets.observe import STAGE_PREFIX, Tab, parse_workbook
from drivetrain.sheets.requests import delete_tab

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

FIELDS = "spreadsheetId,sheets(properties(sheetId,title,hidden,gridProperties(rowCount,columnCount)))"
_TITLE = re.compile(rf"^{re.escape(STAGE_PREFIX)}[a-z][a-z0-9_]{{1,62}}\.(?P<gid>\d+)$")


def tonight(workbooks: Iterable[str], day: dt.date, over_nights: int) -> list[str]:
    """The workbooks whose turn it is: each once in so many nights, about as many each night."""
    turn = day.toordinal() % over_nights
    return sorted(one for one in set(workbooks) if zlib.crc32(one.encode()) % over_nights == turn)


def orphans(answer: dict[str, Any]) -> list[Tab]:
    """Staging tabs of a workbook that nobody works on now: all of them are left over.

    A tab is one of ours if it is hidden and its title is what a sync gives, its own number included. So a copy that a
    person made of one, or one that a person showed, stays.

    Args:
        answer: of spreadsheets.get for FIELDS, read while the workbook is locked.
    """
    hidden = {sheet["properties"].get("sheetId", 0) for sheet in answer.get("sheets", []) if _is_hidden(sheet)}
    return [tab for tab in parse_workbook(answer, "").tabs if tab.gid in hidden and _is_stage(tab)]


def removal(tabs: Sequence[Tab]) -> bytes:
    """The body of spreadsheets.batchUpdate that deletes tabs; sent twice it is refused the second time."""
    return orjson.dumps({"requests": [delete_tab(tab.gid) for tab in tabs]})


def _is_stage(tab: Tab) -> bool:
    match = _TITLE.match(tab.title)
    return match is not None and int(match["gid"]) == tab.gid


def _is_hidden(sheet: dict[str, Any]) -> bool:
    return bool(sheet["properties"].get("hidden"))
