"""Versions of sources against a Snowflake server: one question for all tables, and unknown where it can't tell."""

from __future__ import annotations

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.sheets.spec import Source
from hooks.snowflake_versions import SnowflakeVersions
from standins.snowflake.testing import SnowflakeStandin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivetrain.sheets.skip import SourceVersion

NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
SETUP = (
    "CREATE DATABASE LAKE",
    "CREATE SCHEMA LAKE.RAW",
    "CREATE TABLE LAKE.RAW.CARS (CODE VARCHAR, PRICE NUMBER(10,0))",
    "CREATE TABLE LAKE.PUBLIC.LOANS (CODE VARCHAR)",
    "CREATE VIEW LAKE.RAW.CHEAP AS SELECT * FROM LAKE.RAW.CARS WHERE PRICE < 100",
)
CARS, LOANS = "SELECT * FROM LAKE.RAW.CARS", "SELECT * FROM LAKE.PUBLIC.LOANS"


@pytest.fixture(scope="module")
def snowflake() -> Iterator[SnowflakeStandin]:
    with SnowflakeStandin() as running, pytest.MonkeyPatch.context() as patch:
        extra = {"account": "standin", "host": running.host, "port": running.port, "protocol": "http"}
        for name, password in {"DEFAULT": running.password, "REFUSED": "not this one"}.items():
            connection = {"conn_type": "snowflake", "login": running.user, "password": password, "extra": extra}
            patch.setenv(f"AIRFLOW_CONN_SNOWFLAKE_{name}", json.dumps(connection))
        with closing(running.connect()) as connected:
            for statement in SETUP:
                connected.cursor().execute(statement)
        yield running


class Asker:
    """SnowflakeVersions with a clock that stands still."""

    def __init__(self, snowflake: SnowflakeStandin, **settings: Any) -> None:
        self.snowflake, self.time, self.said = snowflake, NOON, list[str]()
        settings = {"settle_seconds": 0} | settings
        self.versions = SnowflakeVersions(now=lambda: self.time, log=self.said.append, **settings)

    def of(self, sql: str, *, since: dt.datetime = NOON, source: Any = (), **parameters: Any) -> SourceVersion | None:
        spec = Source(query=sql, parameters=parameters, **dict(source))
        return self.versions.of(spec, sql, parameters, since=since)

    def value(self, sql: str, **more: Any) -> str:
        """The version as it is a minute later, so that nothing that is kept may be used."""
        self.time += 60 * SECOND
        version = self.of(sql, since=self.time, **more)
        assert version is not None
        return version.value

    def questions(self) -> int:
        return self.snowflake.stats().get("CATALOG", 0)


@pytest.fixture
def asker(snowflake: SnowflakeStandin) -> Iterator[Asker]:
    asker = Asker(snowflake)
    with asker.versions:
        yield asker


@pytest.fixture
def cursor(snowflake: SnowflakeStandin) -> Any:
    return snowflake.connect(database="LAKE", schema="RAW").cursor()


def test_many_syncs_in_many_threads_cost_a_question_for_each_set_of_schemas(asker: Asker) -> None:
    before = asker.questions()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(asker.of, [CARS, LOANS] * 200))
    assert asker.questions() - before <= 2
    assert len({version.value for version in found if version}) == 2
    assert None not in found


def test_what_is_kept_serves_neither_too_long_nor_a_job_that_is_due_later(asker: Asker) -> None:
    asker.of(CARS)
    before = asker.questions()
    asker.time += 19 * SECOND
    assert asker.of(CARS, since=NOON).read_at == NOON  # type: ignore[union-attr]
    assert asker.questions() == before
    later = NOON + 19 * SECOND
    assert asker.of(CARS, since=later).read_at == later  # type: ignore[union-attr]
    assert asker.questions() == before + 1
    asker.time += 21 * SECOND
    assert asker.of(CARS, since=NOON).read_at == asker.time  # type: ignore[union-attr]


def test_a_version_moves_with_each_commit_and_not_without_one(asker: Asker, cursor: Any) -> None:
    first, loans = asker.value(CARS), asker.value(LOANS)
    assert asker.value(CARS) == first
    cursor.execute("BEGIN")
    cursor.execute("INSERT INTO CARS VALUES ('007', 90)")
    assert asker.value(CARS) == first
    cursor.execute("ROLLBACK")
    assert asker.value(CARS) == first
    seen = [first]
    for statement in ("INSERT INTO CARS VALUES ('007', 90)", "UPDATE CARS SET PRICE = 80", "DELETE FROM CARS"):
        cursor.execute(statement)
        seen.append(asker.value(CARS))
    assert len(set(seen)) == 4
    assert asker.value(LOANS) == loans


def test_a_version_is_of_the_parameters_too_and_of_every_table(asker: Asker, cursor: Any) -> None:
    by_city = f"{CARS} WHERE CODE = %(code)s"
    assert asker.value(by_city, code="007") != asker.value(by_city, code="008")
    both = f"{CARS} JOIN LAKE.PUBLIC.LOANS USING (CODE)"
    before = asker.value(both)
    cursor.execute("INSERT INTO LAKE.PUBLIC.LOANS VALUES ('007')")
    assert asker.value(both) != before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM LAKE.RAW.CHEAP",
        "SELECT * FROM LAKE.RAW.CARS JOIN LAKE.RAW.CHEAP USING (CODE)",
        "SELECT * FROM LAKE.RAW.NOT_THERE",
        "SELECT * FROM NO_LAKE.RAW.CARS",
        "SELECT * FROM CARS",
        "SELECT *, CURRENT_DATE FROM LAKE.RAW.CARS",
    ],
)
def test_a_view_what_is_not_there_and_what_is_not_repeatable_have_no_version(asker: Asker, sql: str) -> None:
    assert asker.of(sql) is None


def test_a_source_that_always_runs_has_no_version(asker: Asker) -> None:
    assert asker.of(CARS, source={"always_run": True}) is None


def test_a_table_that_changed_just_now_has_no_version_yet(snowflake: SnowflakeStandin, cursor: Any) -> None:
    cursor.execute("INSERT INTO CARS VALUES ('008', 80)")
    hasty = Asker(snowflake, settle_seconds=600)
    with hasty.versions:
        assert hasty.of(CARS) is None


def test_a_watermark_stands_for_what_a_view_reads(asker: Asker, cursor: Any) -> None:
    source = {"watermark": "SELECT COUNT(*) FROM LAKE.RAW.CARS WHERE CODE = %(code)s"}
    view = "SELECT * FROM LAKE.RAW.CHEAP"
    before = asker.value(view, source=source, code="A")
    assert asker.value(view, source=source, code="A") == before
    cursor.execute("INSERT INTO CARS VALUES ('A', 1)")
    assert asker.value(view, source=source, code="A") != before


@pytest.mark.parametrize("watermark", ["SELECT * FROM LAKE.RAW.NOT_THERE", "SELECT 1, 2", "SELECT 1 WHERE FALSE"])
def test_a_watermark_that_gives_no_one_value_is_told_and_its_query_runs(asker: Asker, watermark: str) -> None:
    assert asker.of(CARS, source={"watermark": watermark}) is None
    assert len(asker.said) == 1
    assert asker.of(CARS) is not None, "it is that source's own trouble"


def test_a_log_in_that_is_refused_is_tried_once_in_a_while_and_queries_run(asker: Asker) -> None:
    for _ in range(3):
        assert asker.of(CARS, source={"connection": "snowflake_refused"}) is None
    assert len(asker.said) == 1
    assert "refuses the log-in" in asker.said[0]
    asker.time += 21 * SECOND
    asker.of(CARS, source={"connection": "snowflake_refused"})
    assert len(asker.said) == 2
