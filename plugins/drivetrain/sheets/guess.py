"""What the columns of a tab that people made would be in a spec: names, types, keys and order, from cells alone.

The inverse of cells.py as far as cells tell: a number that a date's format shows is a date, a text stays a text however
many digits it has. What they can't tell is said in a note, so that a person decides.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from drivetrain.sheets import a1, limits
from drivetrain.sheets.cells import Cell, number_format
from drivetrain.sheets.spec import Column, ColumnType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MAX_NAME = 60
_MAX_SCALE = 37
_MOST_DIGITS = 36  # Snowflake's NUMBER has 38, two of them after the point as a rule
_MAX_SUGGESTIONS = 3
_DIGITS = re.compile(r"-?(?:0|[1-9][0-9]{0,99})(?:\.([0-9]{1,37}))?")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z")
_HEXADECIMAL = re.compile(r"(?:[0-9a-f]{2})+")
_ZERO_DAY = dt.date(1899, 12, 30)
_CLOCKS = ("DATE", "TIME", "DATE_TIME")
_FORMATTED = (
    ColumnType.INTEGER,
    ColumnType.DECIMAL,
    ColumnType.FLOAT,
    ColumnType.DATE,
    ColumnType.TIME,
    ColumnType.TIMESTAMP,
)
# A pattern's parts that stand for themselves: "text", \x, [red], _x, *x.
_LITERALS = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')


class Format(NamedTuple):
    """Google's NumberFormat: https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/cells."""

    kind: str
    pattern: str = ""


@dataclass(frozen=True)
class Found:
    """One column of a tab.

    Attributes:
        title: what the header cell says.
        cells: the canonical cells below it.
        formats: the number formats of the first of them, as many as were looked at; None: the tab's own.
        formula_at: the first of them that holds a formula, if there is one.
    """

    title: str
    cells: Sequence[Cell]
    formats: Sequence[Format | None] = ()
    formula_at: int | None = None


@dataclass(frozen=True)
class Guess:
    """A column as a spec would have it.

    Attributes:
        column: with the name that the header suggests.
        seen: what the type is guessed from.
        notes: what the cells can't tell, or what a run would change.
    """

    column: Column
    seen: str
    notes: tuple[str, ...] = ()


class _Kind(NamedTuple):
    type: ColumnType
    scale: int | None = None
    notes: tuple[str, ...] = ()


def guess_columns(columns: Sequence[Found], *, anchor: str = "A1") -> tuple[Guess, ...]:
    """A guess for each column, the names unique.

    Args:
        columns: from left to right.
        anchor: the first header's cell, for the notes.
    """
    names = column_names([column.title for column in columns])
    row, left = a1.parse_cell(anchor)
    guesses = []
    for index, (name, found) in enumerate(zip(names, columns, strict=True)):

        def where(at: int, index: int = index) -> str:
            return a1.cell(row + 1 + at, left + index)

        guesses.append(_guess(name, found, where))
    return tuple(guesses)


def column_names(titles: Sequence[str]) -> tuple[str, ...]:
    """UPPER_SNAKE for each title, unique: "Price (₹)" -> PRICE, a second one PRICE_2, one without letters COLUMN_3."""
    taken: set[str] = set()
    names = []
    for number, title in enumerate(titles, 1):
        base = _upper_snake(title) or f"COLUMN_{number}"
        name, copy = base, 1
        while name in taken:
            copy += 1
            name = f"{base}_{copy}"
        taken.add(name)
        names.append(name)
    return tuple(names)


def _upper_snake(title: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    # listedOn and ListingCode are two words, as Listed on is.
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", ascii_only)
    name = re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_")[:_MAX_NAME].strip("_")
    return f"C_{name}" if name[:1].isdigit() else name


def _guess(name: str, found: Found, where: Callable[[int], str]) -> Guess:
    kind = _kind_of(found, where)
    notes = list(kind.notes)
    if found.formula_at is not None:
        notes.append(f"{where(found.formula_at)} holds a formula: a run writes the query's value over it")
    header = found.title if found.title != name else None
    column = Column(name=name, header=header, type=kind.type, scale=kind.scale)
    if (pattern := _common_pattern(found)) and kind.type in _FORMATTED:
        default = number_format(column) or {}
        if pattern != default.get("pattern"):
            column = column.model_copy(update={"format": pattern})
    return Guess(column, _seen(found), tuple(notes))


def _seen(found: Found) -> str:
    counts = {
        "text": sum(isinstance(cell, str) for cell in found.cells),
        "TRUE or FALSE": sum(isinstance(cell, bool) for cell in found.cells),
        "number": sum(_is_number(cell) for cell in found.cells),
        "empty": sum(cell is None for cell in found.cells),
    }
    plural = {"text": "texts", "number": "numbers"}
    said = [f"{n:,} {plural.get(what, what) if n > 1 else what}" for what, n in counts.items() if n]
    if patterns := sorted({f.pattern or f.kind for f in found.formats if f is not None}):
        said.append("shown as " + " and ".join(patterns[:2]))
    return ", ".join(said) or "no cells"


def _kind_of(found: Found, where: Callable[[int], str]) -> _Kind:
    values = [cell for cell in found.cells if cell is not None]
    texts = [cell for cell in values if isinstance(cell, str)]
    if not values:
        return _Kind(ColumnType.TEXT, notes=("no values to go by",))
    if len(texts) == len(values):
        return _texts(texts)
    if all(isinstance(cell, bool) for cell in values):
        return _Kind(ColumnType.BOOLEAN)
    if not any(isinstance(cell, bool) for cell in values):
        numbers = [cell for cell in values if isinstance(cell, int | float)]
        kind = _numbers(numbers, _clocks(found), found, texts)
        if kind is not None:
            return kind
    first = next(i for i, cell in enumerate(found.cells) if cell is not None and not isinstance(cell, str))
    what = f"{where(first)} is no text: kinds are mixed here, and a run writes all of them as texts"
    return _Kind(ColumnType.TEXT, notes=(what,))


def _texts(texts: Sequence[str]) -> _Kind:
    if all(map(_is_instant, texts)):
        return _Kind(ColumnType.TIMESTAMP_TZ)
    if all(_is_json(text) for text in texts):
        return _Kind(ColumnType.VARIANT)
    if all(_HEXADECIMAL.fullmatch(text) for text in texts):
        return _Kind(ColumnType.TEXT, notes=("binary if the query gives BINARY",))
    return _Kind(ColumnType.TEXT)


def _is_json(text: str) -> bool:
    if text[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _clocks(found: Found) -> set[str]:
    """DATE, TIME, DATE_TIME or a plain NUMBER: what the formats say that the numbers are."""
    kinds = {
        fmt.kind if fmt is not None and fmt.kind in _CLOCKS else "NUMBER"
        for cell, fmt in zip(found.cells, found.formats, strict=False)
        if _is_number(cell)
    }
    return kinds or {"NUMBER"}


def _numbers(numbers: Sequence[int | float], clocks: set[str], found: Found, texts: Sequence[str]) -> _Kind | None:
    """The type of numbers, and of texts beside them that stand for what a number can't hold; None: they are mixed."""
    if clocks == {"NUMBER"}:
        return _plain_numbers(numbers, found, texts)
    whole = all(isinstance(number, int) for number in numbers)
    if clocks == {"DATE"} and whole:
        return _Kind(ColumnType.DATE) if all(map(_is_old_date, texts)) else None
    if clocks <= {"DATE", "DATE_TIME"}:
        zones = ("timestamp_tz and its timezone if the query gives TIMESTAMP_TZ or TIMESTAMP_LTZ",)
        return _Kind(ColumnType.TIMESTAMP, notes=zones) if all(map(_is_wall_clock, texts)) else None
    if clocks == {"TIME"} and not texts:
        if all(0 <= number < 1 for number in numbers):
            return _Kind(ColumnType.TIME)
        return _Kind(ColumnType.FLOAT, notes=("durations: days, as the query has to give them",))
    return None


def _plain_numbers(numbers: Sequence[int | float], found: Found, texts: Sequence[str]) -> _Kind | None:
    is_float = _Kind(ColumnType.FLOAT)
    if texts and all(text in ("NaN", "Infinity", "-Infinity") for text in texts):
        return is_float
    parts = [_DIGITS.fullmatch(text) for text in texts]
    if not all(part and _exceeds(part.group()) for part in parts):
        return None
    scales = [_scale(number) for number in numbers]
    if any(scale is None for scale in scales):
        return None if texts else is_float
    written = [len(part.group(1) or "") for part in parts if part]
    shown = max((_pattern_scale(f.pattern) for f in found.formats if f is not None), default=0)
    scale = max(shown, *(scale or 0 for scale in scales), *written)
    # A decimal beyond 2**53 stays a number where it has few digits, an integer does not.
    if scale > _MAX_SCALE or (not scale and any(abs(number) > limits.MAX_EXACT_INTEGER for number in numbers)):
        return None if texts else is_float
    if scale:
        return _Kind(ColumnType.DECIMAL, scale, ("float, without scale, if the query gives FLOAT",))
    return _Kind(ColumnType.INTEGER)


def _scale(number: int | float) -> int | None:
    """Digits after the point; None where only a double says it."""
    if isinstance(number, int):
        return 0
    digits, exponent = Decimal(repr(number)).normalize().as_tuple()[1:]
    if not isinstance(exponent, int) or len(digits) > limits.MAX_EXACT_DIGITS or len(digits) + exponent > _MOST_DIGITS:
        return None
    return max(-exponent, 0)


def _exceeds(text: str) -> bool:
    """Whether a sync writes a number of so many digits as text."""
    if "." not in text:
        return abs(int(text)) > limits.MAX_EXACT_INTEGER
    return len(text.lstrip("-").replace(".", "").strip("0")) > limits.MAX_EXACT_DIGITS


def _pattern_scale(pattern: str) -> int:
    """Digits after the point that a number format shows: 2 for #,##0.00, 4 for 0.00%."""
    shown = _LITERALS.sub("", pattern).split(";")[0]
    match = re.search(r"\.([0#?]+)", shown)
    if match is None or "E" in shown.upper():
        return 0
    return len(match.group(1)) + 2 * ("%" in shown)


def _common_pattern(found: Found) -> str:
    """The pattern that all cells with a value share, "" if there is none."""
    patterns = {
        fmt.pattern if fmt is not None else ""
        for cell, fmt in zip(found.cells, found.formats, strict=False)
        if cell is not None and not isinstance(cell, str)
    }
    return patterns.pop() if len(patterns) == 1 else ""


def _is_old_date(text: str) -> bool:
    try:
        return len(text) == len("2026-01-31") and dt.date.fromisoformat(text) < _ZERO_DAY
    except ValueError:
        return False


def _is_instant(text: str) -> bool:
    try:
        return bool(_INSTANT.fullmatch(text)) and dt.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_wall_clock(text: str) -> bool:
    try:
        return "T" in text and dt.datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


_KEY_TYPES = (ColumnType.TEXT, ColumnType.INTEGER)


def suggest_keys(columns: Sequence[Found], guesses: Sequence[Guess]) -> tuple[str, ...]:
    """Names of columns that could be the key: no cell empty, none twice. Two rows at least, and three names at most."""
    names = [
        guess.column.name
        for found, guess in zip(columns, guesses, strict=True)
        if guess.column.type in _KEY_TYPES and len(found.cells) > 1 and repeated([found]) is None
    ]
    return tuple(names[:_MAX_SUGGESTIONS])


def repeated(columns: Sequence[Found]) -> tuple[int, int] | None:
    """The first row whose key stands in an earlier row, after that one; twice the same row if a cell of it is empty."""
    seen: dict[tuple[tuple[str, Cell], ...], int] = {}
    for index, row in enumerate(zip(*(column.cells for column in columns), strict=True)):
        if None in row:
            return index, index
        key = tuple((type(cell).__name__, cell) for cell in row)
        if key in seen:
            return seen[key], index
        seen[key] = index
    return None


def guess_order(columns: Sequence[Found], guesses: Sequence[Guess]) -> tuple[str, bool] | None:
    """The leftmost column that the rows are ordered by, and whether downwards; None if no column has that order."""
    for found, guess in zip(columns, guesses, strict=True):
        cells = found.cells
        kinds = {str if isinstance(cell, str) else float for cell in cells}
        if len(cells) < 2 or None in cells or len(kinds) > 1 or guess.column.type is ColumnType.BOOLEAN:
            continue
        pairs = list(pairwise(cells))
        for descending in (False, True):
            if all(_precedes(b, a) if descending else _precedes(a, b) for a, b in pairs):
                return guess.column.name, descending
    return None


def _precedes(one: Cell, other: Cell) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.encode() < other.encode()  # as Snowflake compares texts
    return isinstance(one, int | float) and isinstance(other, int | float) and one < other
