"""Cells that people typed as values for a table's column: decode.py's reading, with what a table adds to it.

Nothing is rounded, cut or guessed: a cell either says a value that the column holds exactly, or it is refused with
what would be accepted.
"""

from __future__ import annotations

import datetime as dt
import json
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from drivetrain.sheets import limits
from drivetrain.sheets.decode import BadCellError, decode
from drivetrain.sheets.spec import ColumnType

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivetrain.sheets.cells import Cell
    from drivetrain.sheets.load_spec import LoadColumn
    from drivetrain.sheets.load_table import TableColumn

# What an unformatted read gives for a formula that failed, or that is still being computed:
# https://support.google.com/docs/table/25273
_FORMULA_ERRORS = frozenset(
    {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#ERROR!", "#SPILL!", "#CALC!", "Loading..."}
)
_MAX_DIGITS = 38  # of a NUMBER
_ALL_DIGITS = Context(prec=2 * _MAX_DIGITS)

ACCEPTED: dict[ColumnType, str] = {
    ColumnType.TEXT: "text, in a column formatted as plain text",
    ColumnType.INTEGER: "a whole number such as 1250",
    ColumnType.DECIMAL: "a number such as 12.50; ROUND() a computed one",
    ColumnType.FLOAT: "a number",
    ColumnType.BOOLEAN: "TRUE, FALSE or a check box",
    ColumnType.DATE: "a date, picked or typed as 2026-01-31",
    ColumnType.TIME: "a time of day such as 13:45:00",
    ColumnType.TIMESTAMP: "a date with a time such as 2026-01-31 13:45:00",
    ColumnType.TIMESTAMP_TZ: "a time with its offset such as 2026-01-31T13:45:00+05:30",
    ColumnType.VARIANT: 'JSON such as {"a": 1}, each key once',
    ColumnType.BINARY: "hexadecimal digits such as 00ff",
}


def arrow_type(column: LoadColumn) -> pa.DataType:
    """The type of a column in the staged files.

    Text where Parquet has no type that Snowflake takes over exactly: times of day, times with their own offset,
    JSON, and bytes (as hexadecimal digits).
    """
    match column.type:
        case ColumnType.INTEGER:
            return pa.decimal128(_MAX_DIGITS, 0)
        case ColumnType.DECIMAL:
            return pa.decimal128(_MAX_DIGITS, column.scale or 0)
        case ColumnType.FLOAT:
            return pa.float64()
        case ColumnType.BOOLEAN:
            return pa.bool_()
        case ColumnType.DATE:
            return pa.date32()
        case ColumnType.TIMESTAMP:
            return pa.timestamp("us")
        case _:
            return pa.string()


def read_cell(cell: Cell, column: LoadColumn, room: TableColumn) -> Any:
    """The cell's value, of a Python type that `arrow_type` takes; None for a blank cell.

    Args:
        cell: from cells.canonical.
        column: how to read it.
        room: the table's column: how long a text or a number may be.

    Raises:
        BadCellError: the cell says something else; the message says what would be accepted.
    """
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    try:
        return _read(cell, column, room)
    except BadCellError as error:
        raise BadCellError(f"{error}; accepted: {ACCEPTED[column.type]}") from None
    except OverflowError:  # 9999-12-31 and a rounded-up microsecond
        raise BadCellError(f"{cell!r:.80} is no day of our calendar; accepted: {ACCEPTED[column.type]}") from None


def key_part(value: Any, column: LoadColumn) -> str:
    """One spelling for values that the database holds to be equal."""
    if isinstance(value, Decimal):
        return f"{_ALL_DIGITS.add(value.normalize(_ALL_DIGITS), 0):f}"  # adding 0 makes -0 equal to 0
    if column.type is ColumnType.TIMESTAMP_TZ:
        return dt.datetime.fromisoformat(value).astimezone(dt.UTC).isoformat()
    return str(value)


def _read(cell: Cell, column: LoadColumn, room: TableColumn) -> Any:
    if isinstance(cell, str) and cell in _FORMULA_ERRORS:
        raise BadCellError(f"the cell shows {cell}, so its formula failed")
    reader = _READERS.get(column.type)
    return decode(cell, column) if reader is None else reader(cell, column, room)


def _number(cell: Cell, column: LoadColumn, room: TableColumn) -> Decimal:
    if isinstance(cell, float):
        # Sheets computes with doubles and shows 15 digits: 13.310000000000002 is what 12.1 * 1.1 leaves of 13.31.
        cell = float(f"{cell:.{limits.MAX_EXACT_DIGITS}g}")
    if not isinstance(cell, str | bool) and cell is not None and abs(cell) > limits.MAX_EXACT_INTEGER:
        raise BadCellError(
            f"the number {cell!r} has more digits than a cell keeps: format it as plain text and type it again"
        )
    if isinstance(cell, str) and "_" in cell:  # Python's own notation
        raise BadCellError(f"the text {cell!r:.80} is not a number")
    value = Decimal(decode(cell, column))
    whole = max(value.adjusted() + 1, 0) if value else 0
    # The staged file holds 38 digits, those after the point included.
    allowed = min((room.size or _MAX_DIGITS) - room.scale, _MAX_DIGITS - (column.scale or 0))
    if whole > allowed:
        raise BadCellError(f"{str(cell)[:60]} has {whole} digits before the point, {room.type} keeps {allowed}")
    return value.quantize(Decimal(1).scaleb(-(column.scale or 0)), context=_ALL_DIGITS)


def _within(value: Any, room: TableColumn, unit: str) -> Any:
    if room.size is not None and len(value) > room.size:
        raise BadCellError(f"{len(value):,} {unit} are more than the {room.size:,} of {room.type}")
    return value


def _fine_enough(microsecond: int, room: TableColumn) -> None:
    digits = 9 if room.size is None else room.size
    if digits < 6 and microsecond % 10 ** (6 - digits):
        raise BadCellError(f"{room.type} keeps {digits} digits of a second")


def _text(cell: Cell, column: LoadColumn, room: TableColumn) -> Any:
    return _within(decode(cell, column), room, "characters")


def _binary(cell: Cell, column: LoadColumn, room: TableColumn) -> str:
    value: bytes = _within(decode(cell, column), room, "bytes")
    return value.hex()


def _time(cell: Cell, column: LoadColumn, room: TableColumn) -> str:
    value: dt.time = decode(cell, column)
    _fine_enough(value.microsecond, room)
    return value.isoformat()


def _timestamp(cell: Cell, column: LoadColumn, room: TableColumn) -> dt.datetime:
    _no_nanoseconds(cell)
    if isinstance(cell, str):
        try:
            zoned = dt.datetime.fromisoformat(cell).tzinfo is not None
        except ValueError:
            raise BadCellError(f"the text {cell!r:.80} is not a timestamp") from None
        if zoned:
            raise BadCellError(f"the text {cell!r:.80} has a time zone where none belongs")
    value: dt.datetime = decode(cell, column)
    _fine_enough(value.microsecond, room)
    return value


def _instant(cell: Cell, column: LoadColumn, room: TableColumn) -> str:
    _no_nanoseconds(cell)
    value: dt.datetime = decode(cell, column)
    _fine_enough(value.microsecond, room)
    offset = value.utcoffset()
    if offset is not None and offset.seconds % 60:
        value = value.astimezone(dt.UTC)  # a zone's local mean time of long ago: Snowflake's offsets are minutes
    return value.isoformat()


def _no_nanoseconds(cell: Cell) -> None:
    """Python drops what follows the sixth digit in silence."""
    if not isinstance(cell, str):
        return
    fraction = cell.partition(".")[2]
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    if digits[6:].strip("0"):
        raise BadCellError(f"the text {cell!r:.80} is finer than a microsecond")


def _json(cell: Cell, _: LoadColumn, __: TableColumn) -> str:
    """JSON as Snowflake's PARSE_JSON takes it: no NaN, no key twice in one object."""
    if not isinstance(cell, str):
        return json.dumps(cell)
    try:
        json.loads(cell, parse_constant=_refused, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise BadCellError(f"the text {cell!r:.80} is not JSON ({' '.join(str(error).split())[:100]})") from None
    return cell


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) < len(pairs):
        raise ValueError("a key appears twice")
    return seen


# The types whose cells need more than decode.py's reading.
_READERS: dict[ColumnType, Callable[[Cell, LoadColumn, TableColumn], Any]] = {
    ColumnType.TEXT: _text,
    ColumnType.INTEGER: _number,
    ColumnType.DECIMAL: _number,
    ColumnType.TIME: _time,
    ColumnType.TIMESTAMP: _timestamp,
    ColumnType.TIMESTAMP_TZ: _instant,
    ColumnType.VARIANT: _json,
    ColumnType.BINARY: _binary,
}
