"""A SELECT that comes again answers by what is there now, not by what was there when it was translated."""

from __future__ import annotations

from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from standins.snowflake.testing import SnowflakeStandin


def ask(connection: Any, sql: str) -> tuple[list[tuple[str, int]], list[tuple[Any, ...]]]:
    """Names and type codes of the columns, and the rows."""
    cursor = connection.cursor().execute(sql)
    return [(column.name, column.type_code) for column in cursor.description], cursor.fetchall()


def test_rows_and_types_are_those_of_now(connection: Any) -> None:
    connection.cursor().execute("CREATE TABLE T AS SELECT 1 AS A")
    first = ask(connection, "SELECT A FROM T")
    assert ask(connection, "SELECT A FROM T") == first
    connection.cursor().execute("INSERT INTO T VALUES (2)")
    assert sorted(ask(connection, "SELECT A FROM T")[1]) == [(1,), (2,)]
    connection.cursor().execute("CREATE OR REPLACE TABLE T AS SELECT 'x' AS A")
    columns, rows = ask(connection, "SELECT A FROM T")
    assert (rows, columns == first[0]) == ([("x",)], False)


def test_a_table_that_is_gone_is_the_same_error_as_ever(connection: Any) -> None:
    connection.cursor().execute("CREATE TABLE T AS SELECT 1 AS A")
    for _ in range(2):
        assert ask(connection, "SELECT A FROM T")[1] == [(1,)]
    connection.cursor().execute("DROP TABLE T")
    for _ in range(2):
        with pytest.raises(ProgrammingError) as caught:
            ask(connection, "SELECT A FROM T")
        assert (caught.value.errno, caught.value.sqlstate) == (2003, "42S02")


def test_a_name_means_what_the_session_s_schema_has(connection: Any) -> None:
    schema = connection.schema
    connection.cursor().execute("CREATE TABLE T AS SELECT 1 AS A")
    assert ask(connection, "SELECT A FROM T")[1] == [(1,)]
    connection.cursor().execute(f"CREATE SCHEMA {schema}_2")
    connection.cursor().execute("CREATE TABLE T AS SELECT 2 AS A")
    assert ask(connection, "SELECT A FROM T")[1] == [(2,)]
    connection.cursor().execute(f"USE SCHEMA {schema}")
    assert ask(connection, "SELECT A FROM T")[1] == [(1,)]


def test_a_temporary_table_comes_before_one_of_the_same_name(connection: Any) -> None:
    name = f"TESTS.{connection.schema}.T"
    connection.cursor().execute(f"CREATE TABLE {name} AS SELECT 1 AS A")
    assert ask(connection, f"SELECT A FROM {name}")[1] == [(1,)]
    connection.cursor().execute(f"CREATE TEMPORARY TABLE {name} AS SELECT 2 AS A")
    assert ask(connection, f"SELECT A FROM {name}")[1] == [(2,)]
    connection.cursor().execute(f"DROP TABLE {name}")
    assert ask(connection, f"SELECT A FROM {name}")[1] == [(1,)]


def test_what_hangs_on_the_session_or_on_chance_is_asked_anew(standin: SnowflakeStandin, connection: Any) -> None:
    one, other = ask(connection, "SELECT RANDOM() AS R"), ask(connection, "SELECT RANDOM() AS R")
    assert one != other
    sql = "SELECT CURRENT_ROLE() AS R, CURRENT_SCHEMA() AS S"
    mine = ask(connection, sql)[1]
    with standin.connect(database="TESTS", schema="PUBLIC", role="READER") as another:
        assert ask(another, sql)[1] == [("READER", "PUBLIC")] != mine
    ask(connection, "SELECT 7 AS A")
    scan = "SELECT A FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))"
    assert ask(connection, scan)[1] == [(7,)]
    ask(connection, "SELECT 8 AS A")
    assert ask(connection, scan)[1] == [(8,)]


def test_a_session_s_time_zone_is_its_own(standin: SnowflakeStandin, connection: Any) -> None:
    sql = "SELECT '2026-01-01T00:00:00+00:00'::TIMESTAMP_LTZ::VARCHAR AS T"
    here = ask(connection, sql)[1]
    connection.cursor().execute("ALTER SESSION SET TIMEZONE = 'America/New_York'")
    assert ask(connection, sql)[1] != here
    with standin.connect(database="TESTS") as another:
        assert ask(another, sql)[1] == here
