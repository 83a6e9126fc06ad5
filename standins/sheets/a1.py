"""A1 (and R1C1) notation: https://developers.google.com/workspace/sheets/api/guides/concepts#cell."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_PART = re.compile(r"\$?([A-Za-z]{1,3})?\$?([0-9]{1,8})?")
_R1C1 = re.compile(r"R([0-9]+)(?:C([0-9]+))?|C([0-9]+)", re.IGNORECASE)
_PLAIN_TITLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LOOKS_LIKE_A1 = re.compile(r"[A-Za-z]{1,3}[0-9]+\Z|[Rr][0-9]*[Cc][0-9]*\Z")


class Area(NamedTuple):
    """A half-open rectangle; None is an open end. Shape is (rows r0..r1, columns c0..c1)."""

    r0: int | None = None
    r1: int | None = None
    c0: int | None = None
    c1: int | None = None

    def within(self, rows: int, columns: int) -> Box:
        """The rectangle inside a grid of this size (open ends reach the grid's edge)."""
        return Box(
            min(self.r0 or 0, rows),
            rows if self.r1 is None else min(self.r1, rows),
            min(self.c0 or 0, columns),
            columns if self.c1 is None else min(self.c1, columns),
        )


class Box(NamedTuple):
    """A closed-in rectangle, half-open indexes."""

    r0: int
    r1: int
    c0: int
    c1: int


@lru_cache(maxsize=4096)
def column_letters(index: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_index(letters: str) -> int:
    """A -> 0, AA -> 26."""
    index = 0
    for letter in letters.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def split_title(text: str) -> tuple[str | None, str | None, bool]:
    """Split ``'My tab'!A1:B2`` into (title, cells, quoted); a part that is not there is None."""
    if text.startswith("'"):
        end = 1
        while True:
            end = text.find("'", end)
            if end < 0:
                raise ValueError(text)
            if text[end + 1 : end + 2] != "'":
                break
            end += 2
        title, rest = text[1:end].replace("''", "'"), text[end + 1 :]
        if not rest:
            return title, None, True
        if not rest.startswith("!") or len(rest) == 1:
            raise ValueError(text)
        return title, rest[1:], True
    title, mark, cells = text.rpartition("!")
    if not mark:
        return None, text, False
    if not title or not cells:
        raise ValueError(text)
    return title, cells, False


def parse_cells(text: str) -> Area | None:
    """``B2``, ``A1:C3``, ``A2:Z``, ``A:C``, ``5:7``, ``R1C1:R2C2`` -> an area; None if it is not a range."""
    first, colon, second = text.partition(":")
    for parse in (_a1_part, _r1c1_part):
        start = parse(first)
        end = parse(second) if colon else start
        if start is None or end is None:
            continue
        (r0, c0), (r1, c1) = start, end
        if not colon and (r0 is None or c0 is None):
            continue
        if (c0 is None) != (c1 is None) and (r0 is None) != (r1 is None):
            return None
        # "A2:Z" has no last row and "B2:5" no last column: those ends stay open. A pair that is there is put in order.
        if r0 is not None and r1 is not None and r0 > r1:
            r0, r1 = r1, r0
        if c0 is not None and c1 is not None and c0 > c1:
            c0, c1 = c1, c0
        if r0 is None and r1 is not None:
            r0, r1 = r1, None
        if c0 is None and c1 is not None:
            c0, c1 = c1, None
        return Area(r0, None if r1 is None else r1 + 1, c0, None if c1 is None else c1 + 1)
    return None


def _a1_part(text: str) -> tuple[int | None, int | None] | None:
    match = _PART.fullmatch(text)
    if match is None or not text.strip("$"):
        return None
    letters, digits = match.groups()
    if digits is not None and int(digits) < 1:
        return None
    return (int(digits) - 1 if digits else None), (column_index(letters) if letters else None)


def _r1c1_part(text: str) -> tuple[int | None, int | None] | None:
    match = _R1C1.fullmatch(text)
    if match is None:
        return None
    row, column, lone = match.groups()
    column = column or lone
    if row == "0" or column == "0":
        return None
    return (int(row) - 1 if row else None), (int(column) - 1 if column else None)


def quote_title(title: str) -> str:
    """The title as it stands before ``!``: quoted unless it is a plain name."""
    if _PLAIN_TITLE.match(title) and not _LOOKS_LIKE_A1.match(title):
        return title
    return "'" + title.replace("'", "''") + "'"


def cell_name(row: int, column: int) -> str:
    """(0, 0) -> A1."""
    return f"{column_letters(column)}{row + 1}"


def format_range(title: str, box: Box) -> str:
    """``Tab!A1:B2``, or ``Tab!A1`` for one cell."""
    start = cell_name(box.r0, box.c0)
    end = cell_name(max(box.r1 - 1, box.r0), max(box.c1 - 1, box.c0))
    return f"{quote_title(title)}!{start}" + ("" if start == end else f":{end}")
