"""Logins, sessions, transactions and errors, as the connector sees them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector.errors import DatabaseError, ProgrammingError

from standins.snowflake.testing import SnowflakeStandin


@pytest.mark.parametrize("credentials", [{"password": "wrong"}, {"user": "nobody"}])
def test_a_wrong_password_and_an_unknown_user_are_refused_at_once(
    standin: SnowflakeStandin, credentials: dict[str, str]
) -> None:
    started = time.monotonic()
    with pytest.raises(DatabaseError, match="Incorrect username or password"):
        standin.connect(**credentials)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("statement", "code", "state"),
    [
        ("SELEC 1", 1003, "42000"),
        ("SELECT * FROM NOT_THERE", 2003, "42S02"),
        ("SELECT NOPE FROM INFORMATION_SCHEMA.TABLES", 904, "42000"),
        ("SELECT HASH_AGG(1)", 2140, "42601"),
        ("SELECT 1; SELECT 2", 8, "0A000"),
        ("CREATE STREAM S ON TABLE T", 1003, "42000"),
        ("SELECT 'x'::NUMBER", 100038, "22018"),
        ("SELECT 'x'::DATE", 100035, "22007"),
        ("USE SCHEMA NOT_THERE", 2003, "42S02"),
        ("CALL SOMETHING()", 2140, "42601"),
    ],
)
def test_what_does_not_work_is_an_sql_error_at_once(connection: Any, statement: str, code: int, state: str) -> None:
    started = time.monotonic()
    with pytest.raises(ProgrammingError) as caught:
        connection.cursor().execute(statement)
    assert (caught.value.errno, caught.value.sqlstate) == (code, state)
    assert time.monotonic() - started < 3
    assert connection.cursor().execute("SELECT 1").fetchone() == (1,)


def test_session_parameters_roles_and_warehouses_are_kept(standin: SnowflakeStandin) -> None:
    connection = standin.connect(
        warehouse="LOADING", role="LOADER", database="TESTS", session_parameters={"QUERY_TAG": "dag=a"}
    )
    cursor = connection.cursor()
    cursor.execute("ALTER SESSION SET QUERY_TAG = 'dag=b', STATEMENT_TIMEOUT_IN_SECONDS = 30")
    cursor.execute("USE SECONDARY ROLES ALL")
    names = "CURRENT_USER(), CURRENT_ROLE(), CURRENT_WAREHOUSE(), CURRENT_DATABASE(), CURRENT_SCHEMA()"
    assert cursor.execute(f"SELECT {names}").fetchone() == ("DRIVETRAIN", "LOADER", "LOADING", "TESTS", "PUBLIC")
    cursor.execute("USE WAREHOUSE READING")
    assert connection.warehouse == "READING"
    connection.close()


def test_a_renewed_session_goes_on_and_a_closed_one_is_gone(standin: SnowflakeStandin) -> None:
    connection = standin.connect()
    old = connection.rest.token
    connection.rest._renew_session()
    assert connection.rest.token != old
    assert connection.cursor().execute("SELECT 1").fetchone() == (1,)
    connection.close()
    with pytest.raises(snowflake.connector.errors.Error):
        connection.cursor().execute("SELECT 1")


def test_a_connection_to_a_database_that_does_not_exist_has_none(standin: SnowflakeStandin) -> None:
    connection = standin.connect(database="NOWHERE", schema="NOTHING")
    assert connection.cursor().execute("SELECT CURRENT_DATABASE()").fetchone() == (None,)
    connection.close()


def test_a_transaction_is_seen_by_others_at_its_commit_and_a_rollback_by_nobody(
    standin: SnowflakeStandin, connection: Any
) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE T (A NUMBER(38,0))")
    other = standin.connect(database="TESTS", schema=connection.schema).cursor()
    cursor.execute("BEGIN TRANSACTION")
    cursor.execute("INSERT INTO T VALUES (1)")
    assert other.execute("SELECT COUNT(*) FROM T").fetchone() == (0,)
    cursor.execute("COMMIT")
    assert other.execute("SELECT COUNT(*) FROM T").fetchone() == (1,)
    cursor.execute("BEGIN")
    cursor.execute("DELETE FROM T")
    cursor.execute("ROLLBACK")
    assert other.execute("SELECT COUNT(*) FROM T").fetchone() == (1,)
    other.connection.close()


def test_without_autocommit_the_first_change_opens_a_transaction(standin: SnowflakeStandin, connection: Any) -> None:
    connection.cursor().execute("CREATE TABLE T (A NUMBER(38,0))")
    careful = standin.connect(database="TESTS", schema=connection.schema, autocommit=False)
    careful.cursor().execute("INSERT INTO T VALUES (1)")
    careful.rollback()
    careful.cursor().execute("INSERT INTO T VALUES (2)")
    careful.commit()
    careful.close()
    assert connection.cursor().execute("SELECT A FROM T").fetchall() == [(2,)]


def test_ddl_commits_the_open_transaction(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE T (A NUMBER(38,0))")
    cursor.execute("BEGIN")
    cursor.execute("INSERT INTO T VALUES (1)")
    cursor.execute("CREATE TABLE U (A NUMBER(38,0))")
    cursor.execute("ROLLBACK")
    assert cursor.execute("SELECT COUNT(*) FROM T").fetchone() == (1,)


def test_two_writers_of_one_table_both_succeed(standin: SnowflakeStandin, connection: Any) -> None:
    connection.cursor().execute("CREATE TABLE T (A NUMBER(38,0), N NUMBER(38,0))")
    connection.cursor().execute("INSERT INTO T VALUES (1, 0)")

    def write() -> None:
        own = standin.connect(database="TESTS", schema=connection.schema)
        for _ in range(10):
            own.cursor().execute("UPDATE T SET N = N + 1")
        own.close()

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert connection.cursor().execute("SELECT N FROM T").fetchone() == (20,)


def test_a_transaction_that_its_client_left_gives_way_to_the_next_writer(
    standin: SnowflakeStandin, connection: Any
) -> None:
    connection.cursor().execute("CREATE TABLE T (A NUMBER(38,0))")
    connection.cursor().execute("INSERT INTO T VALUES (1)")
    left = standin.connect(database="TESTS", schema=connection.schema)
    left.cursor().execute("BEGIN")
    left.cursor().execute("UPDATE T SET A = 99")

    connection.cursor().execute("BEGIN")
    connection.cursor().execute("UPDATE T SET A = A + 1")
    connection.cursor().execute("COMMIT")

    assert connection.cursor().execute("SELECT A FROM T").fetchall() == [(2,)]
    with pytest.raises(ProgrammingError, match="rolled back"):
        left.cursor().execute("COMMIT")
    left.close()


def test_a_statement_that_runs_too_long_is_cancelled(connection: Any) -> None:
    heavy = "SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 3000000)) a, TABLE(GENERATOR(ROWCOUNT => 100000)) b"
    started = time.monotonic()
    with pytest.raises(ProgrammingError):
        connection.cursor().execute(heavy, timeout=1)
    assert time.monotonic() - started < 8
    assert connection.cursor().execute("SELECT 1").fetchone() == (1,)


def test_statements_are_counted_by_their_first_word(standin: SnowflakeStandin, connection: Any) -> None:
    before = Counter(standin.stats())
    cursor = connection.cursor()
    cursor.execute("-- a comment\n/* and\nanother */ select 1")
    cursor.execute("SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES")
    with pytest.raises(ProgrammingError):
        cursor.execute("SELEKT 1")
    assert Counter(standin.stats()) - before == Counter({"SELECT": 1, "CATALOG": 1, "SELEKT": 1})
