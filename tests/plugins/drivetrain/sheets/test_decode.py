# ruff: noqa: DTZ001 - wall clocks have no zone
from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from drivetrain.sheets.decode import BadCellError, decode
from drivetrain.sheets.spec import Column, ColumnType


def column(kind: str, **more: Any) -> Column:
    return Column(name="C", type=ColumnType(kind), **more)


@pytest.mark.parametrize("kind", [kind.value for kind in ColumnType])
@pytest.mark.parametrize("cell", [None, ""])
def test_a_blank_cell_is_nothing_for_every_type(kind: str, cell: str | None) -> None:
    assert decode(cell, column(kind)) is None


INDIA = dt.timezone(dt.timedelta(hours=5, minutes=30))

READ = [
    (column("text"), "007", "007"),
    (column("text"), True, "TRUE"),
    (column("text"), False, "FALSE"),
    (column("integer"), 5, 5),
    (column("integer"), 5.0, 5),
    (column("integer"), "12345678901234567890123456789012345678", 12345678901234567890123456789012345678),
    (column("decimal"), 0.1, Decimal("0.1")),
    (column("decimal"), 12, Decimal(12)),
    (column("decimal"), " 1.50 ", Decimal("1.50")),
    (column("decimal", scale=2), "1.500", Decimal("1.500")),
    (column("decimal", scale=37), "0.0000000000000000000000000000000000001", Decimal("1e-37")),
    (column("float"), 1, 1.0),
    (column("float"), "-Infinity", float("-inf")),
    (column("boolean"), False, False),
    (column("date"), 46053, dt.date(2026, 1, 31)),
    (column("date"), "1800-02-03", dt.date(1800, 2, 3)),
    (column("date"), -1, dt.date(1899, 12, 29)),
    (column("time"), 0.75, dt.time(18)),
    (column("time"), 0, dt.time(0)),
    (column("timestamp"), 46053.75, dt.datetime(2026, 1, 31, 18)),
    (column("timestamp"), -0.25, dt.datetime(1899, 12, 29, 18)),
    (column("timestamp"), "2026-01-31T13:45:00.123456789", dt.datetime(2026, 1, 31, 13, 45, 0, 123456)),
    (column("timestamp"), "2026-01-31 13:45:00", dt.datetime(2026, 1, 31, 13, 45)),
    (column("timestamp"), 65_536 + 1 / 86_400, dt.datetime(2079, 6, 5, 0, 0, 1)),
    (column("timestamp_tz"), "2026-01-31T13:45:00Z", dt.datetime(2026, 1, 31, 13, 45, tzinfo=dt.UTC)),
    (column("timestamp_tz"), "2026-01-31T13:45:00+05:30", dt.datetime(2026, 1, 31, 13, 45, tzinfo=INDIA)),
    (column("timestamp_tz", timezone="Asia/Kolkata"), 46053.5, dt.datetime(2026, 1, 31, 12, tzinfo=INDIA)),
    (
        column("timestamp_tz", timezone="Asia/Kolkata"),
        "2026-01-31T12:00:00",
        dt.datetime(2026, 1, 31, 12, tzinfo=INDIA),
    ),
    (column("variant"), '{"a": 1.10}', {"a": Decimal("1.10")}),
    (column("variant"), 3, 3),
    (column("binary"), "00ff", b"\x00\xff"),
]


@pytest.mark.parametrize(("of", "cell", "value"), READ, ids=lambda v: repr(v)[:40])
def test_a_cell_reads_as_its_column_s_type(of: Column, cell: Any, value: Any) -> None:
    assert decode(cell, of) == value


BAD = [
    (column("text"), 5, "the number 5 is not text: format the column as plain text"),
    (column("integer"), 5.5, "the number 5.5 is not a whole number"),
    (column("integer"), "five", "the text 'five' is not a whole number"),
    (column("integer"), "9" * 5000, "is not a whole number"),
    (column("integer"), True, "the boolean True is not a whole number"),
    (column("decimal"), "1,5", "the text '1,5' is not a decimal number"),
    (column("decimal"), "NaN", "is not a decimal number"),
    (column("decimal"), "Infinity", "is not a decimal number"),
    (column("decimal"), False, "the boolean False is not a decimal number"),
    (column("decimal", scale=2), 1.125, "has more than 2 digits after the point"),
    (column("decimal", scale=2), "1000000000000000000000000000.001", "has more than 2 digits after the point"),
    (column("float"), "1.5", "the text '1.5' is not a number"),
    (column("boolean"), 1, "the number 1 is not TRUE or FALSE"),
    (column("boolean"), "TRUE", "the text 'TRUE' is not TRUE or FALSE"),
    (column("date"), 46053.5, "is a date with a time"),
    (column("date"), "31.1.2026", "write it as 2026-01-31"),
    (column("date"), 1e12, "is no day of our calendar"),
    (column("date"), 1e300, "is no day of our calendar"),
    (column("date"), True, "the boolean True is not a date"),
    (column("time"), 1, "is not a time of day"),
    (column("time"), -0.1, "is not a time of day"),
    (column("time"), "noon", "is not a time of day"),
    (column("timestamp"), "soon", "write it as 2026-01-31 13:45:00"),
    (column("timestamp"), "2026-01-31T13:45:00Z", "has a time zone where none belongs"),
    (column("timestamp"), "2026-01-31T13:45:00.123456789+05:30", "has a time zone where none belongs"),
    (column("timestamp"), "2026-01-31T13:45:00.123456 or so", "write it as 2026-01-31 13:45:00"),
    (column("timestamp"), 1e9, "is no day of our calendar"),
    (column("timestamp_tz"), 46053.5, "write it as 2026-01-31T13:45:00+05:30"),
    (column("timestamp_tz"), "soon", "is not a time with its zone"),
    (column("timestamp_tz"), "2026-01-31T13:45:00", "lacks its zone"),
    (column("variant"), "{", "is not JSON"),
    (column("binary"), "xyz", "is not hexadecimal"),
]


@pytest.mark.parametrize(("of", "cell", "says"), BAD, ids=lambda v: repr(v)[:40])
def test_a_cell_that_can_not_be_read_says_what_would_be(of: Column, cell: Any, says: str) -> None:
    with pytest.raises(BadCellError) as caught:
        decode(cell, of)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 250


def test_a_decimal_with_an_absurd_exponent_does_not_end_the_reading() -> None:
    assert decode("1E+99999999", column("decimal", scale=2)) == Decimal("1E+99999999")
    with pytest.raises(BadCellError, match="more than 2 digits"):
        decode("1E-99999999", column("decimal", scale=2))
