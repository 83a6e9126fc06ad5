"""Every SQL type over the wire, through rows and through Arrow, read by the official connector."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from standins.snowflake.testing import SnowflakeStandin

_IST = datetime.timedelta(hours=5, minutes=30)
_DDL = """
CREATE TABLE EVERY_TYPE (
    ID NUMBER(38,0), PRICE NUMBER(12,2), RATE FLOAT, ACTIVE BOOLEAN, NOTE VARCHAR, DAY DATE, SLOT TIME,
    NTZ TIMESTAMP_NTZ(9), TZ TIMESTAMP_TZ(9), LTZ TIMESTAMP_LTZ(9), DOC VARIANT, DIGEST BINARY)
"""
_ROW = """
INSERT INTO EVERY_TYPE SELECT 99999999999999999999999999999999999999, -1234567890.05, 0.1, TRUE, '007341 🚗',
    '1969-12-31', '23:59:59.999999', '1969-12-31 23:59:59.999999', '2026-03-01 10:00:00.000001 +05:30'::TIMESTAMP_TZ,
    '2026-03-01 10:00:00 +00:00'::TIMESTAMP_LTZ, PARSE_JSON('{"b": [1, null], "a": "🚗"}'), TO_BINARY('00ff')
"""
_DOC = '{\n  "a": "🚗",\n  "b": [\n    1,\n    null\n  ]\n}'


@pytest.fixture
def every_type(connection: Any) -> Any:
    cursor = connection.cursor()
    cursor.execute(_DDL)
    cursor.execute(_ROW.replace("TO_BINARY('00ff')", "X'00ff'"))
    cursor.execute("INSERT INTO EVERY_TYPE (ID) VALUES (NULL)")
    return connection


def test_rows_hold_exact_values_of_every_type(every_type: Any) -> None:
    first, second = every_type.cursor().execute("SELECT * FROM EVERY_TYPE ORDER BY ID NULLS LAST").fetchall()

    assert first[:7] == (
        99999999999999999999999999999999999999,
        Decimal("-1234567890.05"),
        0.1,
        True,
        "007341 🚗",
        datetime.date(1969, 12, 31),
        datetime.time(23, 59, 59, 999999),
    )
    assert first[7] == datetime.datetime.fromisoformat("1969-12-31T23:59:59.999999")
    assert first[8].isoformat() == "2026-03-01T10:00:00.000001+05:30"
    assert first[9].isoformat() == "2026-03-01T15:30:00+05:30"
    assert first[10] == _DOC
    assert bytes(first[11]) == b"\x00\xff"
    assert second == (None,) * 12


def test_arrow_holds_decimals_with_their_scale_when_the_connection_asks_for_them(
    standin: SnowflakeStandin, every_type: Any
) -> None:
    schema = every_type.schema
    exact = standin.connect(database="TESTS", schema=schema, arrow_number_to_decimal=True)
    cursor = exact.cursor().execute("SELECT * FROM EVERY_TYPE ORDER BY ID NULLS LAST")
    table = pa.concat_tables(cursor.fetch_arrow_batches())

    assert table.schema.field("PRICE").type == pa.decimal128(38, 2)
    assert table["PRICE"].to_pylist() == [Decimal("-1234567890.05"), None]
    assert table["ID"].to_pylist() == [Decimal("99999999999999999999999999999999999999"), None]
    assert table.schema.field("NTZ").type == pa.timestamp("ns")
    assert table.schema.field("TZ").type == pa.timestamp("ns", "Asia/Kolkata")
    assert table["SLOT"].to_pylist() == [datetime.time(23, 59, 59, 999999), None]
    assert table["DAY"].to_pylist() == [datetime.date(1969, 12, 31), None]
    assert table["DOC"].to_pylist() == [_DOC, None]
    assert table["DIGEST"].to_pylist() == [b"\x00\xff", None]
    instant = table["TZ"].cast(pa.timestamp("us", "UTC")).to_pylist()[0]
    assert instant == datetime.datetime(2026, 3, 1, 4, 30, 0, 1, tzinfo=datetime.UTC)
    exact.close()


def test_arrow_holds_scaled_numbers_as_doubles_by_default(every_type: Any) -> None:
    table = next(every_type.cursor().execute("SELECT PRICE FROM EVERY_TYPE").fetch_arrow_batches())
    assert table.schema.field("PRICE").type == pa.float64()


def test_whole_numbers_come_in_the_narrowest_integer_so_that_batches_differ(connection: Any) -> None:
    cursor = connection.cursor().execute("SELECT SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => 50000)) ORDER BY N")
    types = [batch.schema.field("N").type for batch in cursor.fetch_arrow_batches()]
    assert types[0] == pa.int16()
    assert types[-1] == pa.int32()


def test_a_literal_keeps_its_own_offset_and_a_converted_instant_its_zone(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE SEEN (AT_TZ TIMESTAMP_TZ)")
    cursor.execute("INSERT INTO SEEN SELECT '2026-07-01 10:00:00 +05:30'::TIMESTAMP_TZ")
    row = cursor.execute(
        "SELECT '2026-01-01 10:00:00 -03:00'::TIMESTAMP_TZ,"
        " CONVERT_TIMEZONE('America/New_York', AT_TZ), AT_TZ FROM SEEN"
    ).fetchone()
    assert [value.utcoffset() for value in row] == [
        datetime.timedelta(hours=-3),
        datetime.timedelta(hours=-4),
        _IST,
    ]
    assert row[1] == row[2]


def test_the_session_time_zone_shows_in_ltz_and_not_in_tz(every_type: Any) -> None:
    cursor = every_type.cursor()
    cursor.execute("ALTER SESSION SET TIMEZONE = 'UTC'")
    tz, ltz, now = cursor.execute("SELECT TZ, LTZ, CURRENT_TIMESTAMP() FROM EVERY_TYPE WHERE ID IS NOT NULL").fetchone()
    assert tz.utcoffset() == _IST
    assert ltz.isoformat() == "2026-03-01T10:00:00+00:00"
    assert now.utcoffset() == datetime.timedelta(0)


def test_aggregates_of_numbers_stay_exact(every_type: Any) -> None:
    row = every_type.cursor().execute("SELECT SUM(PRICE), SUM(ID), COUNT(*) FROM EVERY_TYPE").fetchone()
    assert row == (Decimal("-1234567890.05"), 99999999999999999999999999999999999999, 2)


def test_bound_parameters_arrive_exactly_in_both_styles(standin: SnowflakeStandin, connection: Any) -> None:
    values = (
        datetime.datetime.fromisoformat("2026-01-01T01:02:03.999999"),
        datetime.date(1960, 1, 1),
        b"\x00\xff",
        Decimal("2.25"),
        "O'Brien 🚗 100%",
        None,
    )
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE BOUND (A TIMESTAMP_NTZ, B DATE, C BINARY, D NUMBER(12,2), E VARCHAR, F BOOLEAN)")
    cursor.execute("INSERT INTO BOUND SELECT %s, %s, %s, %s, %s, %s", values)
    qmark = standin.connect(database="TESTS", schema=connection.schema, paramstyle="qmark")
    bound = qmark.cursor()
    bound.executemany("INSERT INTO BOUND VALUES (?, ?, ?, ?, ?, ?)", [values, values])
    assert bound.rowcount == 2
    rows = cursor.execute("SELECT * FROM BOUND").fetchall()
    assert [(*row[:2], bytes(row[2]), *row[3:]) for row in rows] == [values] * 3
    qmark.close()
