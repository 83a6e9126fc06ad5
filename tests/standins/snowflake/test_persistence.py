"""What was acknowledged is there after a crash, and LAST_ALTERED tells the truth about it."""

from __future__ import annotations

import datetime
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector.constants import FIELD_TYPES

from standins.snowflake.testing import SnowflakeStandin, standins_python


@pytest.fixture
def own(standin: SnowflakeStandin, tmp_path: Path) -> Iterator[SnowflakeStandin]:
    del standin  # it says whether the stand-in can run at all
    with SnowflakeStandin(tmp_path / "data") as running:
        yield running


def _last_altered(cursor: Any, table: str) -> datetime.datetime:
    sql = "SELECT LAST_ALTERED FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = %s AND TABLE_SCHEMA = CURRENT_SCHEMA()"
    return cursor.execute(sql, (table,)).fetchone()[0]


def test_commits_stages_and_times_survive_a_kill_and_open_transactions_do_not(
    own: SnowflakeStandin, tmp_path: Path
) -> None:
    cursor = own.connect().cursor()
    cursor.execute("CREATE DATABASE SHOP")
    cursor.execute("CREATE TABLE T (A NUMBER(38,0), AT_LTZ TIMESTAMP_LTZ)")
    cursor.execute("CREATE STAGE KEPT")
    file = tmp_path / "rows.csv"
    file.write_text("3,\n")
    cursor.execute(f"PUT file://{file} @KEPT")
    cursor.execute("INSERT INTO T VALUES (1, '2026-01-01 00:00:00 +00:00'::TIMESTAMP_LTZ)")
    altered = _last_altered(cursor, "T")
    cursor.execute("BEGIN")
    cursor.execute("INSERT INTO T (A) VALUES (2)")

    own.restart(kill=True)

    cursor = own.connect(database="SHOP").cursor()
    assert cursor.execute("SELECT A, AT_LTZ FROM T").fetchall()[0][1].isoformat() == "2026-01-01T05:30:00+05:30"
    assert cursor.execute("SELECT COUNT(*) FROM T").fetchone() == (1,)
    assert _last_altered(cursor, "T") == altered
    cursor.execute("COPY INTO T FROM @KEPT FILE_FORMAT = (TYPE = CSV)")
    assert cursor.execute("SELECT MAX(A) FROM T").fetchone() == (3,)
    assert _last_altered(cursor, "T") > altered
    cursor.execute("CREATE DATABASE GONE")
    cursor.execute("DROP DATABASE GONE")

    own.restart()

    cursor = own.connect(database="SHOP").cursor()
    assert cursor.execute("SELECT COUNT(*) FROM T").fetchone() == (2,)
    names = [row[1] for row in own.connect().cursor().execute("SHOW DATABASES").fetchall()]
    assert "GONE" not in names


def test_the_command_line_takes_a_free_port_and_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    command = [str(standins_python()), "-m", "standins.snowflake", "serve", "--port", "0", "--data", str(tmp_path)]
    with subprocess.Popen(command, cwd=Path(__file__).resolve().parents[3]) as process:
        deadline = time.monotonic() + 30
        while not (tmp_path / "port").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        url = f"http://127.0.0.1:{(tmp_path / 'port').read_text()}/healthz"
        with urllib.request.urlopen(url, timeout=10) as response:
            assert response.status == 200
        process.terminate()
        assert process.wait(timeout=15) == 0


def test_last_altered_moves_with_changes_and_only_with_them(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE T (A NUMBER(38,0))")
    seen = [_last_altered(cursor, "T")]
    for statement, moves in [
        ("SELECT * FROM T", False),
        ("INSERT INTO T VALUES (1)", True),
        ("UPDATE T SET A = 2 WHERE A = 99", False),
        ("UPDATE T SET A = 2", True),
        ("CREATE TABLE IF NOT EXISTS T (A NUMBER(38,0))", False),
        ("MERGE INTO T USING (SELECT 5 AS A) s ON T.A = s.A WHEN NOT MATCHED THEN INSERT (A) VALUES (s.A)", True),
        ("ALTER TABLE T ADD COLUMN B VARCHAR", True),
        ("TRUNCATE TABLE T", True),
    ]:
        cursor.execute(statement)
        now = _last_altered(cursor, "T")
        assert (now > seen[-1]) is moves, statement
        seen.append(now)


def test_last_altered_moves_at_the_commit_and_not_at_a_rollback(standin: SnowflakeStandin, connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE T (A NUMBER(38,0))")
    before = _last_altered(cursor, "T")
    other = standin.connect(database="TESTS", schema=connection.schema).cursor()
    for end, moves in (("ROLLBACK", False), ("COMMIT", True)):
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO T VALUES (1)")
        assert _last_altered(other, "T") == before
        cursor.execute(end)
        assert (_last_altered(other, "T") > before) is moves
    other.connection.close()


def test_last_altered_moves_with_each_commit_in_whatever_order_they_come(
    standin: SnowflakeStandin, connection: Any
) -> None:
    connection.cursor().execute("CREATE TABLE T (A NUMBER(38,0))")
    writers = [standin.connect(database="TESTS", schema=connection.schema).cursor() for _ in range(3)]
    for writer in writers:
        writer.execute("BEGIN")
        writer.execute("INSERT INTO T VALUES (1)")
    seen = [_last_altered(connection.cursor(), "T")]
    for writer in reversed(writers):
        writer.execute("COMMIT")
        seen.append(_last_altered(connection.cursor(), "T"))
        writer.connection.close()
    assert sorted(set(seen)) == seen


def test_the_catalog_tells_tables_from_views_in_the_database_that_is_named(
    standin: SnowflakeStandin, connection: Any
) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE T (A NUMBER(38,0))")
    cursor.execute("CREATE VIEW V AS SELECT * FROM T")
    nowhere = standin.connect()
    kinds = nowhere.cursor().execute(
        "SELECT TABLE_NAME, TABLE_TYPE, IS_DYNAMIC, LAST_ALTERED >= CREATED AND CREATED > '2026-01-01'::TIMESTAMP_LTZ, "
        "CREATED, LAST_ALTERED, LAST_DDL FROM TESTS.INFORMATION_SCHEMA.TABLES "
        "WHERE TABLE_CATALOG = 'TESTS' AND TABLE_SCHEMA = %s AND EXISTS (SELECT 1 FROM "
        "TESTS.INFORMATION_SCHEMA.DATABASES WHERE DATABASE_NAME = 'TESTS' AND TYPE = 'STANDARD') ORDER BY 1",
        (connection.schema,),
    )
    assert [row[:4] for row in kinds.fetchall()] == [("T", "BASE TABLE", "NO", True), ("V", "VIEW", "NO", True)]
    assert [FIELD_TYPES[column.type_code].name for column in kinds.description[4:]] == ["TIMESTAMP_LTZ"] * 3
    nowhere.close()
