"""A1 notation: https://developers.google.com/workspace/sheets/api/guides/concepts#cell."""

from __future__ import annotations

import re

_CELL = re.compile(r"^([A-Za-z]{1,3})([1-9][0-9]{0,7})$")


def column_letters(index: int) -> str:
    """0 -> A, 25 -> Z, 26 -> AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def cell(row: int, column: int) -> str:
    """The name of a cell by zero-based row and column: (0, 0) -> A1."""
    return f"{column_letters(column)}{row + 1}"


def parse_cell(name: str) -> tuple[int, int]:
    """Zero-based (row, column) of a cell's name: B3 -> (2, 1)."""
    match = _CELL.match(name)
    if not match:
        raise ValueError(f"{name!r} is not a cell, write it as A1 or B3")
    column = 0
    for letter in match.group(1).upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match.group(2)) - 1, column - 1


def quote_tab(title: str) -> str:
    """A tab's title as a range needs it: Bob's -> 'Bob''s'."""
    return "'" + title.replace("'", "''") + "'"


def block(title: str, *, first_row: int, first_column: int, last_row: int, columns: int) -> str:
    """A rectangle of a tab; rows are zero-based, the last one included."""
    start, end = cell(first_row, first_column), cell(last_row, first_column + columns - 1)
    return f"{quote_tab(title)}!{start}:{end}"
