"""Cells back to values of a declared type: what a column's cells say, or why they can't be read.

The inverse of cells.py, written from the spec's side alone, so that a sync can be checked against its source and
a tab that people edit can be loaded back.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from drivetrain.sheets import limits
from drivetrain.sheets.cells import Cell
from drivetrain.sheets.spec import Column, ColumnType

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_ZERO = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - Sheets' serials are wall clock
_DAY_MICROSECONDS = 86_400 * 10**6
_DAY_NANOSECONDS = 86_400 * 10**9
# From 2079-06-05 on doubles are more than a microsecond apart.
_LAST_MICROSECOND_SERIAL = 65_536
_ALL_DIGITS = Context(prec=limits.MAX_CHARACTERS_PER_CELL, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


_WHOLE = re.compile(r"^\s*[+-]?[0-9]{1,400}\s*$")  # Python refuses to read more than 4,300 digits


class BadCellError(ValueError):
    """The cell can't be read as its column's type; the message says what would be."""


def decode(cell: Cell, column: Column) -> Any:
    """The value of a cell.

    Returns:
        None, bool, int, Decimal, float, str, date, time, datetime (naive for timestamp, aware for timestamp_tz),
        the parsed JSON for variant, or bytes.

    Raises:
        BadCellError: the cell holds something else.
    """
    if cell is None or cell == "":
        return None
    match column.type:
        case ColumnType.TEXT:
            return _text(cell)
        case ColumnType.INTEGER:
            return _integer(cell)
        case ColumnType.DECIMAL:
            return _decimal(cell, column.scale)
        case ColumnType.FLOAT:
            return _float(cell)
        case ColumnType.BOOLEAN:
            return _boolean(cell)
        case ColumnType.DATE:
            return _date(cell)
        case ColumnType.TIME:
            return _time(cell)
        case ColumnType.TIMESTAMP:
            return _timestamp(cell)
        case ColumnType.TIMESTAMP_TZ:
            return _instant(cell, column.zone)
        case ColumnType.VARIANT:
            return _json(cell)
        case ColumnType.BINARY:
            return _bytes(cell)


def _number(cell: Cell, wanted: str) -> int | float:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise BadCellError(f"{_shown(cell)} is not {wanted}")
    return cell


def _shown(cell: Cell) -> str:
    kind = {bool: "the boolean", str: "the text"}.get(type(cell), "the number")
    return f"{kind} {cell!r:.80}"


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        raise BadCellError(f"{_shown(cell)} is not text: format the column as plain text and type it again")
    return str(cell)


def _integer(cell: Cell) -> int:
    if isinstance(cell, str):
        if not _WHOLE.match(cell):  # int() itself takes 1_000 as well
            raise BadCellError(f"{_shown(cell)} is not a whole number")
        return int(cell)
    number = _number(cell, "a whole number")
    if number != int(number):
        raise BadCellError(f"{_shown(cell)} is not a whole number")
    return int(number)


def _decimal(cell: Cell, scale: int | None) -> Decimal:
    if isinstance(cell, str):
        try:
            value = Decimal("" if "_" in cell else cell.strip())  # Decimal() takes 1_000 as well
        except InvalidOperation:
            raise BadCellError(f"{_shown(cell)} is not a decimal number") from None
    else:
        value = Decimal(repr(_number(cell, "a decimal number")))
    if not value.is_finite():
        raise BadCellError(f"{_shown(cell)} is not a decimal number")
    exponent = value.normalize(_ALL_DIGITS).as_tuple().exponent
    if scale is not None and isinstance(exponent, int) and -exponent > scale:
        raise BadCellError(f"{_shown(cell)} has more than {scale} digits after the point")
    return value


def _float(cell: Cell) -> float:
    if isinstance(cell, str) and cell in ("NaN", "Infinity", "-Infinity"):
        return float(cell)
    return float(_number(cell, "a number"))


def _boolean(cell: Cell) -> bool:
    if not isinstance(cell, bool):
        raise BadCellError(f"{_shown(cell)} is not TRUE or FALSE")
    return cell


def _date(cell: Cell) -> dt.date:
    if isinstance(cell, str):
        try:
            return dt.date.fromisoformat(cell)
        except ValueError:
            raise BadCellError(f"{_shown(cell)} is not a date, write it as 2026-01-31") from None
    serial = _number(cell, "a date")
    if serial != int(serial):
        raise BadCellError(f"{_shown(cell)} is a date with a time, not a date")
    return _day(int(serial), cell)


def _day(serial: int, cell: Cell) -> dt.date:
    try:
        return (_ZERO + dt.timedelta(days=serial)).date()
    except OverflowError:
        raise BadCellError(f"{_shown(cell)} is no day of our calendar") from None


def _time(cell: Cell) -> dt.time:
    fraction = _number(cell, "a time of day")
    if not 0 <= fraction < 1:
        raise BadCellError(f"{_shown(cell)} is not a time of day")
    nanoseconds = min(round(fraction * _DAY_NANOSECONDS), _DAY_NANOSECONDS - 1)
    return (_ZERO + dt.timedelta(microseconds=nanoseconds // 1000)).time()


def _timestamp(cell: Cell) -> dt.datetime:
    if isinstance(cell, str):
        try:
            # Digits beyond the microsecond, which a datetime can't hold, are cut off here alone.
            value = dt.datetime.fromisoformat(cell)
        except ValueError:
            raise BadCellError(f"{_shown(cell)} is not a timestamp, write it as 2026-01-31 13:45:00") from None
        if value.tzinfo is not None:
            raise BadCellError(f"{_shown(cell)} has a time zone where none belongs")
        return value
    serial = _number(cell, "a timestamp")
    day = int(serial // 1)
    midnight = dt.datetime.combine(_day(day, cell), dt.time())
    step = 1 if serial < _LAST_MICROSECOND_SERIAL else 1000
    try:
        return midnight + dt.timedelta(microseconds=round((serial - day) * _DAY_MICROSECONDS / step) * step)
    except OverflowError:
        raise BadCellError(f"{_shown(cell)} is no moment of our calendar") from None


def _instant(cell: Cell, zone: ZoneInfo | None) -> dt.datetime:
    if zone is not None and not isinstance(cell, str):
        return _timestamp(cell).replace(tzinfo=zone)
    if not isinstance(cell, str):
        raise BadCellError(f"{_shown(cell)} is not a time with its zone, write it as 2026-01-31T13:45:00+05:30")
    try:
        value = dt.datetime.fromisoformat(cell)
    except ValueError:
        raise BadCellError(f"{_shown(cell)} is not a time with its zone") from None
    if value.tzinfo is None:
        if zone is None:
            raise BadCellError(f"{_shown(cell)} lacks its zone, write it as 2026-01-31T13:45:00+05:30")
        value = value.replace(tzinfo=zone)
    return value


def _json(cell: Cell) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell, parse_float=Decimal)
    except ValueError:
        raise BadCellError(f"{_shown(cell)} is not JSON") from None


def _bytes(cell: Cell) -> bytes:
    try:
        return bytes.fromhex(str(cell))
    except ValueError:
        raise BadCellError(f"{_shown(cell)} is not hexadecimal") from None
