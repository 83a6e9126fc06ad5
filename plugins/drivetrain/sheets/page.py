"""A tab as people name it: by its page's address in the browser, or by the workbook's id."""

from __future__ import annotations

import re
from typing import NamedTuple

from drivetrain.errors import FatalError

_ID = re.compile(r"[A-Za-z0-9_-]{20,100}")
_PATH = re.compile(r"/spreadsheets/(?:u/[0-9]+/)?d/([A-Za-z0-9_-]+)")
_GID = re.compile(r"[#&?]gid=([0-9]+)")


class Page(NamedTuple):
    """A workbook, and the tab that its address shows, if it says so."""

    spreadsheet_id: str
    gid: int | None = None


def parse_page(text: str) -> Page:
    """Read https://docs.google.com/spreadsheets/d/<id>/edit#gid=<gid>, or the id alone.

    Raises:
        FatalError: it is neither.
    """
    text = text.strip()
    if _ID.fullmatch(text):
        return Page(text)
    if (path := _PATH.search(text)) is None or not _ID.fullmatch(path.group(1)):
        raise FatalError(
            f"{text!r:.200} is no workbook: give the address of its page, https://docs.google.com/spreadsheets/d/..., "
            "or the long part of it"
        )
    gids = _GID.findall(text)
    return Page(path.group(1), int(gids[-1]) if gids else None)
