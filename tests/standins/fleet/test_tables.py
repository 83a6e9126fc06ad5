"""A small fleet's tables in the Snowflake stand-in: every query gives the rows, columns and types of its spec."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from snowflake.connector.constants import FIELD_ID_TO_NAME

from standins.fleet.fleet import Fleet, draw_fleet
from standins.fleet.tables import statements
from standins.snowflake.testing import SnowflakeStandin, standins_python

pytestmark = pytest.mark.slow  # 36 tables take the stand-in ten seconds and more, however small they are

FLEET = draw_fleet(60, seed=3, scale=0.02)
SINCE = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
VALUES = {"interval_start": SINCE, "interval_end": SINCE + dt.timedelta(days=20)}
KINDS = {
    "text": "TEXT",
    "integer": "FIXED",
    "decimal": "FIXED",
    "float": "REAL",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP_NTZ",
    "timestamp_tz": "TIMESTAMP_TZ",
    "variant": "VARIANT",
    "binary": "BINARY",
}


@pytest.fixture(scope="module")
def connection() -> Iterator[Any]:
    try:
        standins_python()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with SnowflakeStandin() as running:
        opened = running.connect()
        for statement in statements(FLEET.tables):
            opened.cursor().execute(statement)
        yield opened
        opened.close()


def test_tables_have_their_rows_distinct_keys_and_slots_and_a_watermark(connection: Any) -> None:
    for table in FLEET.tables:
        sql = (
            f"SELECT COUNT(*), COUNT(DISTINCT {table.key.name}), COUNT(DISTINCT SLOT), MIN(SLOT), MAX(SLOT), "
            f"COUNT(UPDATED_AT), COUNT(DISTINCT UPDATED_AT) FROM {table.qualified}"
        )
        *counts, first, last, marked, moments = connection.cursor().execute(sql).fetchone()
        assert (*counts, marked) == (table.rows,) * 4
        assert (first, last) == (0, table.rows - 1)
        assert moments > table.rows * 0.9


def test_every_query_gives_what_its_spec_declares(connection: Any) -> None:
    assert any(sync.query.of_interval for sync in FLEET.syncs)
    assert {sync.query.shape for sync in FLEET.syncs} == {"plain", "city", "figures"}
    for sync in FLEET.syncs:
        query = sync.query
        given = query.parameters
        bound = {name: VALUES[value["from"]] if isinstance(value, dict) else value for name, value in given.items()}
        cursor = connection.cursor().execute(query.text, bound or None)
        rows = cursor.fetchall()
        described = [(item.name, FIELD_ID_TO_NAME[item.type_code]) for item in cursor.description]
        assert described == [(column.name, KINDS[column.kind]) for column in query.columns], sync.name
        for item, column in zip(cursor.description, query.columns, strict=True):
            if column.kind in ("integer", "decimal"):
                assert item.scale == (column.scale or 0), f"{sync.name}: {column.name}"
        assert len(rows) <= query.rows if query.of_interval else len(rows) == query.rows
        digests = [place for place, column in enumerate(query.columns) if column.kind == "binary"]
        assert {len(row[place]) for row in rows for place in digests} <= {16}
        keys = [row[0] for row in rows]
        assert keys == sorted(set(keys)), sync.name


def test_the_full_tables_differ_in_rows_alone() -> None:
    small: Fleet = FLEET
    full = draw_fleet(60, seed=3)
    assert [table.columns for table in small.tables] == [table.columns for table in full.tables]
    assert [table.rows for table in full.tables][:4] == [80_000, 40_000, 12_000, 12_000]
