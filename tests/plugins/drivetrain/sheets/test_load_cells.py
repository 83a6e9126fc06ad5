# ruff: noqa: DTZ001 - wall clocks have no zone
from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.sheets.cells import canonical, encode_rows
from drivetrain.sheets.decode import BadCellError
from drivetrain.sheets.load_cells import ACCEPTED, arrow_type, key_part, read_cell
from drivetrain.sheets.load_spec import LoadColumn
from drivetrain.sheets.load_table import TableColumn
from drivetrain.sheets.spec import ColumnType
from tests.support.loads import TYPES, table_columns

NINES = "9" * 38


def _column(kind: str, **more: Any) -> LoadColumn:
    scale = {"scale": 2} if kind == "decimal" else {}
    return LoadColumn.model_validate({"name": "X", "type": kind, **scale, **more})


def _room(kind: str, table: str | None = None) -> TableColumn:
    return table_columns({"X": table or TYPES[kind]})["X"]


def _read(cell: Any, kind: str, table: str | None = None, **more: Any) -> Any:
    return read_cell(canonical(cell), _column(kind, **more), _room(kind, table))


@pytest.mark.parametrize(
    ("cell", "kind", "value"),
    [
        ("🚗 Swift ₹", "text", "🚗 Swift ₹"),
        (True, "text", "TRUE"),
        (1250.0, "integer", Decimal(1250)),
        (NINES, "integer", Decimal(NINES)),
        (f"-{NINES}", "integer", Decimal(f"-{NINES}")),
        (12.5, "decimal", Decimal("12.50")),
        (12.1 * 1.1, "decimal", Decimal("13.31")),
        (f"{'9' * 36}.99", "decimal", Decimal(f"{'9' * 36}.99")),
        ("1E+5", "decimal", Decimal("100000.00")),
        (0, "decimal", Decimal("0.00")),
        (1e300, "float", 1e300),
        (False, "boolean", False),
        (46053, "date", dt.date(2026, 1, 31)),
        ("2026-01-31", "date", dt.date(2026, 1, 31)),
        (0.5, "time", "12:00:00"),
        (46053.25, "timestamp", dt.datetime(2026, 1, 31, 6)),
        ("2026-01-31 13:45:00.123456000", "timestamp", dt.datetime(2026, 1, 31, 13, 45, 0, 123456)),
        ("2026-01-31T13:45:00+05:30", "timestamp_tz", "2026-01-31T13:45:00+05:30"),
        ("2026-01-31T13:45:00Z", "timestamp_tz", "2026-01-31T13:45:00+00:00"),
        ('{"a": [1.10, "🚗"]}', "variant", '{"a": [1.10, "🚗"]}'),
        (True, "variant", "true"),
        (2.5, "variant", "2.5"),
        ("00FF", "binary", "00ff"),
    ],
)
def test_a_cell_is_read_as_the_value_it_says(cell: Any, kind: str, value: Any) -> None:
    assert _read(cell, kind) == value
    assert pa.array([_read(cell, kind)], arrow_type(_column(kind))).to_pylist() == [value]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("cell", [None, "", "   ", "\u00a0"])
def test_a_blank_cell_is_null_in_every_type(kind: str, cell: Any) -> None:
    assert _read(cell, kind) is None


@pytest.mark.parametrize(
    ("cell", "kind", "says"),
    [
        (7341, "text", "the number 7341 is not text"),
        ("abc", "integer", "the text 'abc' is not a whole number"),
        (1.5, "integer", "the number 1.5 is not a whole number"),
        (True, "integer", "the boolean True is not a whole number"),
        ("1_000", "integer", "is not a number"),
        ("1,000", "integer", "is not a whole number"),
        (2.0**60, "integer", "has more digits than a cell keeps: format it as plain text"),
        (f"{NINES}9", "integer", "has 39 digits before the point, NUMBER(38,0) keeps 38"),
        (1 / 3, "decimal", "has more than 2 digits after the point"),
        (f"{'9' * 37}", "decimal", "has 37 digits before the point, NUMBER(38,2) keeps 36"),
        ("NaN", "decimal", "is not a decimal number"),
        ("₹ 12", "decimal", "is not a decimal number"),
        ("one", "float", "is not a number"),
        ("yes", "boolean", "is not TRUE or FALSE"),
        (1, "boolean", "is not TRUE or FALSE"),
        ("31/01/2026", "date", "is not a date"),
        (46053.5, "date", "is a date with a time"),
        (1e12, "date", "is no day of our calendar"),
        (True, "date", "is not a date"),
        (1.5, "time", "is not a time of day"),
        ("13:45", "time", "is not a time of day"),
        ("tomorrow", "timestamp", "is not a timestamp"),
        ("2026-01-31 13:45:00.000000+05:30", "timestamp", "has a time zone where none belongs"),
        ("2026-01-31 13:45:00.1234567", "timestamp", "is finer than a microsecond"),
        ("2026-01-31 13:45:00.123456 or so", "timestamp", "is not a timestamp"),
        (46053.5, "timestamp_tz", "is not a time with its zone"),
        ("2026-01-31T13:45:00", "timestamp_tz", "lacks its zone"),
        ("{a: 1}", "variant", "is not JSON"),
        ('{"a": 1, "a": 2}', "variant", "a key appears twice"),
        ("[NaN]", "variant", "NaN is not JSON"),
        ("xyz", "binary", "is not hexadecimal"),
        ("0f0", "binary", "is not hexadecimal"),
    ],
)
def test_a_bad_cell_says_what_it_is_and_what_would_be_accepted(cell: Any, kind: str, says: str) -> None:
    with pytest.raises(BadCellError) as caught:
        _read(cell, kind)
    assert says in str(caught.value)
    assert str(caught.value).endswith(f"; accepted: {ACCEPTED[ColumnType(kind)]}")


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind != "timestamp_tz"])
@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#DIV/0!", "Loading..."])
def test_a_failed_formula_is_no_value_of_any_type(kind: str, error: str) -> None:
    with pytest.raises(BadCellError, match="so its formula failed"):
        _read(error, kind)


@pytest.mark.parametrize(
    ("cell", "kind", "table", "says"),
    [
        ("seven chars", "text", "VARCHAR(6)", "11 characters are more than the 6 of VARCHAR(6)"),
        ("00ff00", "binary", "BINARY(2)", "3 bytes are more than the 2 of BINARY(2)"),
        (1000, "integer", "NUMBER(3,0)", "1000 has 4 digits before the point, NUMBER(3,0) keeps 3"),
        (1000, "decimal", "NUMBER(5,2)", "1000 has 4 digits before the point, NUMBER(5,2) keeps 3"),
        ("2026-01-31 13:45:00.5", "timestamp", "TIMESTAMP_NTZ(0)", "TIMESTAMP_NTZ(0) keeps 0 digits of a second"),
        (0.5 + 0.001 / 86400, "time", "TIME(0)", "TIME(0) keeps 0 digits of a second"),
    ],
)
def test_a_value_that_the_table_would_cut_is_refused(cell: Any, kind: str, table: str, says: str) -> None:
    with pytest.raises(BadCellError) as caught:
        _read(cell, kind, table)
    assert says in str(caught.value)


def test_an_emoji_counts_as_one_character() -> None:
    assert _read("🚗" * 6, "text", "VARCHAR(6)") == "🚗" * 6


def test_a_wall_clock_of_a_zone_gets_its_offset() -> None:
    assert _read(46053.5, "timestamp_tz", timezone="Asia/Kolkata") == "2026-01-31T12:00:00+05:30"
    # Before 1906 the zone's offset had seconds, which Snowflake does not have.
    assert _read("1899-12-31 00:00:00", "timestamp_tz", timezone="Asia/Kolkata").endswith("+00:00")


def test_the_last_moment_of_the_calendar_does_not_break_the_load() -> None:
    with pytest.raises(BadCellError, match="is no day of our calendar"):
        _read(2_958_465.999999999999, "timestamp")


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("1.50", 1.5, "decimal"),
        ("0", "-0", "decimal"),
        ("2026-01-31", 46053, "date"),
        ("2026-01-31T13:45:00+05:30", "2026-01-31T08:15:00Z", "timestamp_tz"),
        ("00FF", "00ff", "binary"),
    ],
)
def test_keys_that_the_database_holds_equal_are_equal(one: Any, other: Any, kind: str) -> None:
    assert key_part(_read(one, kind), _column(kind)) == key_part(_read(other, kind), _column(kind))


@given(st.decimals(min_value=-(10**36) + 1, max_value=10**36 - 1, places=2))
def test_what_a_sync_writes_a_load_reads_back_decimals(value: Decimal) -> None:
    column = _column("decimal")
    batch = pa.record_batch([pa.array([value], pa.decimal128(38, 2))], names=["X"])
    ((cell,),) = encode_rows(batch, [column])
    assert read_cell(canonical(cell), column, _room("decimal")) == value


@given(st.datetimes(min_value=dt.datetime(1, 1, 1), max_value=dt.datetime(2079, 1, 1)))
def test_what_a_sync_writes_a_load_reads_back_timestamps(value: dt.datetime) -> None:
    column = _column("timestamp")
    batch = pa.record_batch([pa.array([value], pa.timestamp("us"))], names=["X"])
    ((cell,),) = encode_rows(batch, [column])
    assert read_cell(canonical(cell), column, _room("timestamp")) == value
