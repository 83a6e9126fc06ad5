"""Arrow columns to cell values that say the same, exactly.

A cell holds a double, a boolean, a string or nothing (None here). What a double can't hold exactly becomes text:
integers beyond 2**53, decimals of more than 15 digits, timestamps finer than a microsecond, dates before Sheets'
day zero, the second pass through an hour that the clocks repeat, NaN. Nothing is rounded. Dates are serial numbers:
whole days since 1899-12-30, the time as the fraction
(https://developers.google.com/workspace/sheets/api/guides/formats#about_date_time_values).
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drivetrain.sheets import limits
from drivetrain.sheets.spec import Column, ColumnType

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

Cell = None | bool | int | float | str
Row = tuple[Cell, ...]

EPOCH_SERIAL = 25_569  # 1970-01-01
_DAY_NANOSECONDS = 86_400 * 10**9
_DAY_MICROSECONDS = 86_400 * 10**6
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_ZERO_DAY = dt.date(1899, 12, 30)

# Up to here the spacing of doubles is under a microsecond, so that a serial keeps it: 2079-06-05.
_LAST_EXACT_SERIAL = 65_536

_UNIT_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_YEAR_10000 = 253_402_300_800 * 10**9
# Arrow reads the transitions that a time-zone file lists, not its rule for the years beyond them.
_LAST_ARROW_INSTANT = 2_114_380_800 * 10**9  # 2037-01-01
_LAST_SAFE_MOMENT = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)  # its wall clock is in year 9999 everywhere
_ALL_DIGITS = Context(prec=100)  # the default one rounds to 28 digits

DEFAULT_FORMATS: dict[ColumnType, tuple[str, str]] = {
    ColumnType.DATE: ("DATE", "yyyy-mm-dd"),
    ColumnType.TIME: ("TIME", "hh:mm:ss"),
    ColumnType.TIMESTAMP: ("DATE_TIME", "yyyy-mm-dd hh:mm:ss"),
    ColumnType.TIMESTAMP_TZ: ("DATE_TIME", "yyyy-mm-dd hh:mm:ss"),
}


def number_format(column: Column) -> dict[str, str] | None:
    """Google's NumberFormat of a column, None where the tab's own does."""
    kind, pattern = DEFAULT_FORMATS.get(column.type, ("NUMBER", ""))
    if column.type is ColumnType.TIMESTAMP_TZ and column.zone is None:
        pattern = ""
    if column.type is ColumnType.DECIMAL and column.scale:
        pattern = "0." + "0" * column.scale
    pattern = column.format or pattern
    return {"type": kind, "pattern": pattern} if pattern else None


def accepts(column: Column, source: pa.DataType) -> str | None:
    """None if a source type can be held as the column's type, else what to write in the spec instead."""
    t = pa.types
    fits = {
        ColumnType.TEXT: _is_text(source) or t.is_integer(source) or t.is_decimal(source),
        ColumnType.INTEGER: t.is_integer(source) or (t.is_decimal(source) and source.scale == 0),
        ColumnType.DECIMAL: t.is_decimal(source) or t.is_integer(source),
        ColumnType.FLOAT: t.is_floating(source),
        ColumnType.BOOLEAN: t.is_boolean(source),
        ColumnType.DATE: t.is_date(source),
        ColumnType.TIME: t.is_time(source),
        ColumnType.TIMESTAMP: t.is_timestamp(source) and source.tz is None,
        ColumnType.TIMESTAMP_TZ: t.is_timestamp(source) and source.tz is not None,
        ColumnType.VARIANT: _is_text(source),
        ColumnType.BINARY: t.is_binary(source) or t.is_large_binary(source),
    }[column.type]
    if t.is_null(source):
        return None
    if not fits:
        return f"the source gives {source}, declare type: {infer_type(source).value} or cast it in the query"
    if column.scale is not None and t.is_decimal(source) and source.scale > column.scale:
        return f"the source has {source.scale} digits after the point, declare scale: {source.scale} or round in SQL"
    return None


def infer_type(source: pa.DataType) -> ColumnType:
    """The type that holds a source column without loss."""
    t = pa.types
    if t.is_decimal(source):
        return ColumnType.DECIMAL if source.scale else ColumnType.INTEGER
    if t.is_timestamp(source):
        return ColumnType.TIMESTAMP if source.tz is None else ColumnType.TIMESTAMP_TZ
    for test, kind in (
        (t.is_integer, ColumnType.INTEGER),
        (t.is_floating, ColumnType.FLOAT),
        (t.is_boolean, ColumnType.BOOLEAN),
        (t.is_date, ColumnType.DATE),
        (t.is_time, ColumnType.TIME),
        (t.is_binary, ColumnType.BINARY),
        (t.is_large_binary, ColumnType.BINARY),
    ):
        if test(source):
            return kind
    return ColumnType.TEXT


def encode_rows(batch: pa.RecordBatch, columns: Sequence[Column]) -> list[Row]:
    """The batch's rows as cells, in the order of `columns`; the batch's columns are found by name."""
    encoded = [_encode_column(batch.column(batch.schema.get_field_index(column.name)), column) for column in columns]
    return list(zip(*encoded, strict=True))


def canonical(value: Any) -> Cell:
    """One spelling for equal cells: 5.0 is 5, 1e17 is a double however it is spelled, "" is an empty cell."""
    if type(value) is float and value.is_integer() and abs(value) <= limits.MAX_EXACT_INTEGER:
        return int(value)
    if type(value) is int and abs(value) > limits.MAX_EXACT_INTEGER:
        return float(value)
    return None if value == "" else value


def _encode_column(array: pa.Array, column: Column) -> list[Cell]:
    if pa.types.is_null(array.type):
        return [None] * len(array)
    match column.type:
        case ColumnType.TEXT | ColumnType.VARIANT:
            return _texts(array)
        case ColumnType.INTEGER | ColumnType.DECIMAL:
            return _decimals(array) if pa.types.is_decimal(array.type) else _integers(array)
        case ColumnType.FLOAT:
            return [canonical(v) if v is None or math.isfinite(v) else _float_name(v) for v in array.to_pylist()]
        case ColumnType.DATE:
            return _dates(array)
        case ColumnType.TIME:
            return _times(array)
        case ColumnType.TIMESTAMP:
            return _timestamps(array)
        case ColumnType.TIMESTAMP_TZ:
            return _instants(array, column)
        case ColumnType.BINARY:
            return [None if v is None else v.hex() or None for v in array.to_pylist()]
        case ColumnType.BOOLEAN:
            values: list[Cell] = array.to_pylist()
            return values


def _texts(array: pa.Array) -> list[Cell]:
    if not _is_text(array.type):
        return [None if v is None else f"{v:f}" if isinstance(v, Decimal) else str(v) for v in array.to_pylist()]
    return [v or None for v in array.to_pylist()]


def _integers(array: pa.Array) -> list[Cell]:
    return [_exact_integer(v) for v in array.to_pylist()] if _may_exceed(array) else array.to_pylist()


def _may_exceed(array: pa.Array) -> bool:
    bounds = pc.min_max(array).as_py()
    return any(v is not None and abs(v) > limits.MAX_EXACT_INTEGER for v in bounds.values())


def _exact_integer(value: int | None) -> Cell:
    return str(value) if value is not None and abs(value) > limits.MAX_EXACT_INTEGER else value


def _decimals(array: pa.Array) -> list[Cell]:
    """Decimals of up to 15 digits as numbers, longer ones as text."""
    scale = array.type.scale
    if (fast := _small_decimals(array)) is not None:
        return fast
    if scale == 0:
        return [None if v is None else _exact_integer(int(v)) for v in array.to_pylist()]
    return [None if v is None else _exact_decimal(v) for v in array.to_pylist()]


def _small_decimals(array: pa.Array) -> list[Cell] | None:
    """Vectorized where every unscaled value has at most 15 digits, else None.

    Both the unscaled value and the power of ten are exact doubles then, and one IEEE division of exact operands
    gives the double nearest to the decimal.
    """
    scale = array.type.scale
    if not pa.types.is_decimal128(array.type) or not 0 <= scale <= 22 or array.buffers()[1] is None:
        return None
    words = np.frombuffer(array.buffers()[1], dtype="<i8").reshape(-1, 2)[array.offset : array.offset + len(array)]
    low, high = words[:, 0], words[:, 1]
    valid = np.asarray(array.is_valid())
    most = 10**limits.MAX_EXACT_DIGITS
    small = (high == (low >> 63)) & (-most < low) & (low < most)
    if not bool(np.all(small | ~valid)):
        return None
    values: list[Any] = low.tolist() if scale == 0 else (low / 10.0**scale).tolist()
    if scale:
        values = [int(v) if v.is_integer() else v for v in values]
    return values if array.null_count == 0 else [v if ok else None for v, ok in zip(values, valid, strict=True)]


def _exact_decimal(value: Decimal) -> Cell:
    digits = value.normalize(_ALL_DIGITS).as_tuple().digits
    return canonical(float(value)) if len(digits) <= limits.MAX_EXACT_DIGITS else f"{value:f}"


def _float_name(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _dates(array: pa.Array) -> list[Cell]:
    days = array.cast(pa.date32()).cast(pa.int32()).to_pylist()
    return [None if d is None else d + EPOCH_SERIAL if d + EPOCH_SERIAL >= 0 else _day(d).isoformat() for d in days]


def _day(days_since_1970: int) -> dt.date:
    return _EPOCH.date() + dt.timedelta(days=days_since_1970)


def _times(array: pa.Array) -> list[Cell]:
    return [
        None if n is None else canonical(n / _DAY_NANOSECONDS)
        for n in array.cast(pa.time64("ns")).cast(pa.int64()).to_pylist()
    ]


def _timestamps(array: pa.Array) -> list[Cell]:
    per_unit = _UNIT_NANOSECONDS[array.type.unit]
    return [None if n is None else _serial(n * per_unit) for n in array.cast(pa.int64()).to_pylist()]


def _serial(nanoseconds: int) -> Cell:
    """Wall clock nanoseconds since 1970 as a serial, as ISO text where a double would lose something."""
    microseconds, rest = divmod(nanoseconds, 1000)
    days, within = divmod(microseconds, _DAY_MICROSECONDS)
    day = days + EPOCH_SERIAL
    whole_seconds = within % 10**6 == 0
    if rest or day < 0 or (day >= _LAST_EXACT_SERIAL and not whole_seconds):
        return iso_wall_clock(nanoseconds)
    return day if not within else day + within / _DAY_MICROSECONDS


def iso_wall_clock(nanoseconds: int) -> str:
    """1970-01-01T00:00:00, with as many digits of the second as it has."""
    seconds, fraction = divmod(nanoseconds, 10**9)
    text = (_EPOCH + dt.timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    return text + (f".{fraction:09d}".rstrip("0") if fraction else "")


def _instants(array: pa.Array, column: Column) -> list[Cell]:
    per_unit = _UNIT_NANOSECONDS[array.type.unit]
    utc = [None if n is None else n * per_unit for n in array.cast(pa.int64()).to_pylist()]
    zone = column.zone
    if zone is None:
        return [None if n is None else iso_wall_clock(n) + "Z" for n in utc]
    # local_timestamp turns instants into that zone's wall clock, by the time-zone database and vectorized.
    instants = array.cast(pa.timestamp(array.type.unit, tz=zone.key))
    walls = pc.local_timestamp(instants)
    back = pc.assume_timezone(walls, zone.key, ambiguous="earliest", nonexistent="earliest")
    return [
        None if n is None else _serial(wall * per_unit) if plain and n < _LAST_ARROW_INSTANT else _odd_instant(n, zone)
        for n, wall, plain in zip(
            utc, walls.cast(pa.int64()).to_pylist(), pc.equal(back, instants).to_pylist(), strict=True
        )
    ]


def _odd_instant(nanoseconds: int, zone: ZoneInfo) -> Cell:
    """A far one, or the second of two with the same wall clock, which only its offset tells from the first."""
    moment = _EPOCH + dt.timedelta(seconds=nanoseconds // 10**9)
    local = min(moment, _LAST_SAFE_MOMENT).astimezone(zone)
    offset = local.utcoffset() or dt.timedelta()
    wall = nanoseconds + offset // dt.timedelta(seconds=1) * 10**9
    if wall >= _YEAR_10000:
        return iso_wall_clock(nanoseconds) + "Z"
    return iso_wall_clock(wall) + local.isoformat()[19:] if local.fold else _serial(wall)


def _is_text(source: pa.DataType) -> bool:
    return bool(pa.types.is_string(source) or pa.types.is_large_string(source) or pa.types.is_string_view(source))
