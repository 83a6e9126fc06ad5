"""From a Snowflake server to a Sheets server and back: every type exact, results streamed, errors told apart."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from drivetrain.errors import CredentialsError, SourceError, UnavailableError
from drivetrain.sheets.engine import SyncJob, run_sync
from drivetrain.sheets.verify import differences
from hooks.snowflake import ArrowSnowflakeHook
from standins.snowflake.testing import SnowflakeStandin
from tests.support.sheets import ONE_LOOK, open_workbook, sheets_client, sync_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standins.sheets.testing import SheetsStandin

TYPES = """
CREATE OR REPLACE TABLE CARS.PUBLIC.KINDS (
  ID NUMBER(38,0), CODE VARCHAR, BIG NUMBER(38,0), PRICE NUMBER(12,2), LONG_PRICE NUMBER(38,10), RATIO FLOAT,
  SOLD BOOLEAN, LISTED DATE, SEEN TIME(9), TAKEN TIMESTAMP_NTZ(9), SENT TIMESTAMP_TZ(9), SHOWN TIMESTAMP_TZ(9),
  EXTRA VARIANT, DIGEST BINARY
)"""
ROWS = """
INSERT INTO CARS.PUBLIC.KINDS
SELECT 1, '007', 9007199254740993, 6.10, 1234567890123456789.0123456789, 0.1, TRUE, '2024-02-29', '23:59:59.999999',
  '2024-05-01 10:00:00.123456', '2024-05-01 10:00:00+05:30', '2024-05-01 10:00:00+05:30',
  PARSE_JSON('{"a": [1, 2.5, null, "x"], "ünï": "🚗"}'), TO_BINARY('00ff', 'HEX')
UNION ALL SELECT 2, '=1+1', -12345678901234567890123456789012345678, -0.01, 0.0000000001, 1e300, FALSE, '1899-12-29',
  '00:00:00', '1969-07-20 20:17:40', '1999-12-31 23:59:59.5-08:00', '1999-12-31 23:59:59.5-08:00',
  PARSE_JSON('[]'), TO_BINARY('', 'HEX')
UNION ALL SELECT 3, 'TRUE', 42, 100000.00, 5, -2.5, NULL, '2026-11-24', '12:30:00', '2099-01-01 00:00:00.000001',
  '2024-05-01 10:00:00+00:00', '2024-05-01 10:00:00+00:00', PARSE_JSON('"text"'), TO_BINARY('deadbeef', 'HEX')
UNION ALL SELECT 4, 'emoji 🚗 ''quoted''', 0, 0, 0, 0, TRUE, '1800-01-01', '06:00:00.5', '2024-01-01',
  '2024-01-01 00:00:00+00:00', '2024-01-01 00:00:00+00:00', PARSE_JSON('17'), NULL
UNION ALL SELECT 5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
"""
COLUMNS = [
    {"name": "ID", "type": "integer"},
    {"name": "CODE", "type": "text"},
    {"name": "BIG", "type": "integer"},
    {"name": "PRICE", "type": "decimal", "scale": 2},
    {"name": "LONG_PRICE", "type": "decimal", "scale": 10},
    {"name": "RATIO", "type": "float"},
    {"name": "SOLD", "type": "boolean"},
    {"name": "LISTED", "type": "date"},
    {"name": "SEEN", "type": "time"},
    {"name": "TAKEN", "type": "timestamp"},
    {"name": "SENT", "type": "timestamp_tz"},
    {"name": "SHOWN", "type": "timestamp_tz", "timezone": "Asia/Kolkata"},
    {"name": "EXTRA", "type": "variant"},
    {"name": "DIGEST", "type": "binary"},
]
SELECT_ALL = "SELECT * FROM CARS.PUBLIC.KINDS ORDER BY ID"


@pytest.fixture(scope="module")
def snowflake() -> Iterator[SnowflakeStandin]:
    with SnowflakeStandin() as standin:
        with closing(standin.connect()) as connection:
            for statement in ("CREATE DATABASE CARS", TYPES, ROWS):
                connection.cursor().execute(statement)
        yield standin


@pytest.fixture
def hook(snowflake: SnowflakeStandin, monkeypatch: pytest.MonkeyPatch) -> ArrowSnowflakeHook:
    return connected(monkeypatch, snowflake.port)


def connected(monkeypatch: pytest.MonkeyPatch, port: int, **changes: Any) -> ArrowSnowflakeHook:
    extra = {"account": "drivetrain", "host": "127.0.0.1", "port": port, "protocol": "http", "login_timeout": 2}
    connection = {"conn_type": "snowflake", "login": "drivetrain", "password": "drivetrain", "extra": extra} | changes
    monkeypatch.setenv("AIRFLOW_CONN_SNOWFLAKE_HERE", json.dumps(connection))
    return ArrowSnowflakeHook("snowflake_here")


def test_every_type_arrives_exactly_and_an_unchanged_table_costs_no_write(
    hook: ArrowSnowflakeHook, snowflake: SnowflakeStandin, sheets: SheetsStandin, workbook: str
) -> None:
    spec = sync_spec(columns=COLUMNS, target={"spreadsheet_id": workbook, "tab": "Kinds"})
    client = sheets_client(sheets)
    job = SyncJob(spec, lambda: hook.arrow_result(SELECT_ALL), run_id="1")
    assert run_sync(job, client, settings=ONE_LOOK).outcome == "written"
    tab = open_workbook(sheets, workbook).worksheet("Kinds")
    header, *cells = tab.get(value_render_option="UNFORMATTED_VALUE", date_time_render_option="SERIAL_NUMBER")
    with closing(snowflake.connect()) as connection:
        rows = connection.cursor().execute(SELECT_ALL).fetchall()
    assert len(rows) == 5
    assert differences(spec, header, [*cells, *[[5]] * (5 - len(cells))], rows) == []
    assert tab.acell("B2").value == "007"
    assert tab.acell("C2").value == "9007199254740993"
    assert tab.acell("D2").value == "6.10"
    assert tab.acell("H2").value == "2024-02-29"
    assert tab.acell("B3", value_render_option="FORMULA").value == "=1+1", "a text, not a formula"
    again = run_sync(job, client, settings=ONE_LOOK)
    assert (again.outcome, again.write_calls) == ("unchanged", 0)


def test_a_cell_that_is_not_what_the_query_says_is_found(
    hook: ArrowSnowflakeHook, snowflake: SnowflakeStandin, sheets: SheetsStandin, workbook: str
) -> None:
    spec = sync_spec(columns=COLUMNS, target={"spreadsheet_id": workbook, "tab": "Kinds"})
    run_sync(SyncJob(spec, lambda: hook.arrow_result(SELECT_ALL), run_id="1"), sheets_client(sheets), settings=ONE_LOOK)
    tab = open_workbook(sheets, workbook).worksheet("Kinds")
    tab.update([["7"]], "B2", raw=True)
    tab.update([[6.1000001]], "D2")
    header, *cells = tab.get(value_render_option="UNFORMATTED_VALUE", date_time_render_option="SERIAL_NUMBER")
    with closing(snowflake.connect()) as connection:
        rows = connection.cursor().execute(SELECT_ALL).fetchall()
    found = differences(spec, header, cells, rows)
    assert found[0] == "row 1, CODE: '7' instead of '007'"
    assert found[1].startswith("row 1, PRICE: ")
    assert len(found) == 2


def test_a_result_without_rows_has_its_types(hook: ArrowSnowflakeHook) -> None:
    with hook.arrow_result(f"SELECT * FROM ({SELECT_ALL}) WHERE ID > 100") as result:
        found = {field.name: str(field.type) for field in result.schema}
        assert list(result.batches()) == []
    assert found["PRICE"] == "decimal128(38, 2)"
    assert found["TAKEN"] == "timestamp[ns]"
    assert found["SENT"] == "timestamp[ns, tz=UTC]"
    assert (found["ID"], found["LISTED"], found["SOLD"], found["EXTRA"]) == ("int64", "date32[day]", "bool", "string")


def test_a_large_result_is_read_a_part_at_a_time(hook: ArrowSnowflakeHook, snowflake: SnowflakeStandin) -> None:
    sql = "SELECT seq8() AS N, 'car ' || seq8() AS NAME FROM TABLE(GENERATOR(ROWCOUNT => 60000))"
    with hook.arrow_result(sql) as result:
        batches = iter(result.batches())
        first = next(batches)
        assert first.num_rows < 60_000
        history = httpx.get(f"{snowflake.url}/history", trust_env=False).text
        entry = next(e for e in reversed(json.loads(history)) if "ROWCOUNT => 60000" in json.dumps(e))
        assert 0 <= entry["chunks"] < 6, "half of the twelve parts are still on the server"
        assert first.num_rows + sum(batch.num_rows for batch in batches) == 60_000


def test_parameters_are_quoted_by_the_connector(hook: ArrowSnowflakeHook) -> None:
    with hook.arrow_result("SELECT %(city)s AS CITY", {"city": "O'Brien'; DROP TABLE x; --"}) as result:
        assert [batch.to_pylist() for batch in result.batches()] == [[{"CITY": "O'Brien'; DROP TABLE x; --"}]]


def test_a_query_that_snowflake_refuses_is_fatal_with_its_words(hook: ArrowSnowflakeHook) -> None:
    with (
        pytest.raises(SourceError, match=r"sync x: Snowflake refuses the query: .*NO_SUCH_TABLE"),
        hook.arrow_result("SELECT * FROM CARS.PUBLIC.NO_SUCH_TABLE", name="sync x"),
    ):
        pass


def test_a_wrong_password_is_fatal_and_a_server_that_is_away_is_not(
    monkeypatch: pytest.MonkeyPatch, snowflake: SnowflakeStandin
) -> None:
    wrong = connected(monkeypatch, snowflake.port, password="not this one")
    with (
        pytest.raises(CredentialsError, match=r"refuses the log-in: .*ncorrect") as caught,
        wrong.arrow_result("SELECT 1"),
    ):
        pass
    assert "not this one" not in str(caught.value)
    away = connected(monkeypatch, 9)
    with pytest.raises(UnavailableError, match="Snowflake can't be reached"), away.arrow_result("SELECT 1"):
        pass
