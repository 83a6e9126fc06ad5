"""Rows of a feature view from Snowflake's stand-in into BigQuery's emulator, and from there on into Redis."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.sdk.exceptions import AirflowFailException

from drivetrain.errors import RetriableError
from drivetrain.state.feature_loads import PostgresFeatureLoads
from drivetrain.state.feature_tables import feature_loads
from hooks.feature_warehouse import FeatureWarehouseHook
from hooks.snowflake import ArrowSnowflakeHook
from hooks.state import StateHook
from operators.feature_load import LoadFeatureRowsOperator
from standins.snowflake.testing import SnowflakeStandin, standins_python
from tests.integration.features.conftest import CARS, NOON, Store, cars_spec
from tests.support.operators import Context

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
QUERY = """SELECT CAR, PRICE, CITY, BADGES, EVENT_AT FROM RAW.PUBLIC.CARS
WHERE UPDATED_AT >= %(since)s::TIMESTAMP_NTZ AND UPDATED_AT < %(until)s::TIMESTAMP_NTZ ORDER BY CAR;
"""
LOADS = cars_spec(load={"sql": "features/loads/cars.sql", "max_reject_share": 0.3})


@pytest.fixture(scope="module")
def snowflake() -> Iterator[SnowflakeStandin]:
    try:
        standins_python()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with SnowflakeStandin() as server, pytest.MonkeyPatch.context() as patch:
        extra = {"account": "standin", "host": server.host, "port": server.port, "protocol": "http"}
        known = {"conn_type": "snowflake", "login": server.user, "password": server.password, "extra": extra}
        patch.setenv("AIRFLOW_CONN_SNOWFLAKE_DEFAULT", json.dumps(known))
        patch.setenv("AIRFLOW_CONN_SNOWFLAKE_AWAY", json.dumps(known | {"extra": extra | {"port": 1}}))
        yield server


@dataclass
class Source:
    """A table of Snowflake's, the query for it, and the task."""

    store: Store
    server: SnowflakeStandin
    include: Path

    def execute(self, *statements: str) -> None:
        with closing(self.server.connect()) as connection:
            for statement in statements:
                connection.cursor().execute(statement)

    def add(self, *rows: tuple[Any, ...]) -> None:
        """Car, price, city, badges and event time; updated then, too."""
        for car, price, city, badges, at in rows:
            moment = "NULL" if at is None else f"'{at:%Y-%m-%d %H:%M:%S}'"
            updated = f"'{(at or NOON - HOUR):%Y-%m-%d %H:%M:%S}'"
            values = [*("NULL" if value is None else repr(value) for value in (car, price, city)), repr(badges)]
            self.execute(f"INSERT INTO RAW.PUBLIC.CARS VALUES ({', '.join(values)}, {moment}, {updated})")

    def load(self, run_id: str = "one", spec: Any = LOADS, **params: Any) -> dict[str, Any]:
        operator = LoadFeatureRowsOperator(task_id="load", spec=spec, include=str(self.include))
        # A run's id is its own for ever: BigQuery takes a job of that name once.
        return operator.execute(Context(f"{self.include.name} {run_id}", **params))

    def loaded(self) -> list[tuple[Any, ...]]:
        """What BigQuery has."""
        rows = self.store.bigquery.query(f"SELECT car, price, city, badges, event_at FROM {CARS} ORDER BY car, price")
        return [tuple(row.values()) for row in rows.result()]

    def known(self) -> list[tuple[Any, ...]]:
        """Outcome, rows, rejected ones and end of each load."""
        columns: Sequence[Any] = [feature_loads.c[name] for name in ("outcome", "rows", "rejected", "until")]
        with StateHook().engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(feature_loads.c.until))]


@pytest.fixture
def source(store: Store, snowflake: SnowflakeStandin, tmp_path: Path) -> Source:
    found = Source(store, snowflake, tmp_path)
    file = tmp_path / "sql" / "features" / "loads" / "cars.sql"
    file.parent.mkdir(parents=True)
    file.write_text(QUERY)
    found.execute(
        "CREATE DATABASE IF NOT EXISTS RAW",
        "CREATE OR REPLACE TABLE RAW.PUBLIC.CARS (CAR NUMBER(38,0), PRICE NUMBER(12,2), CITY VARCHAR, BADGES VARCHAR, "
        "EVENT_AT TIMESTAMP_NTZ, UPDATED_AT TIMESTAMP_NTZ)",
    )
    with StateHook().engine.begin() as connection:
        connection.execute(sa.delete(feature_loads))
    return found


def test_what_is_new_in_snowflake_is_loaded_and_reaches_redis(source: Source) -> None:
    source.add((1, 1.25, "Pune", '["new", "fast"]', NOON - 2 * HOUR), (2, None, None, "[]", NOON - HOUR))
    done = source.load()
    assert (done["rows"], done["rejected"], done["until"]) == (2, 0, NOON.isoformat())
    assert source.loaded() == [
        (1, 1.25, "Pune", ["new", "fast"], NOON - 2 * HOUR),
        (2, None, None, [], NOON - HOUR),
    ]
    assert source.store.run("one")["finish"]["written"] == 2
    source.store.now = NOON + HOUR
    source.add((3, 3.0, "Delhi", "[]", NOON + HOUR / 2))
    assert source.load("two")["rows"] == 1, "the others are not asked for again"
    assert source.load("three")["rows"] == 0, "and nothing new is no mistake"
    assert source.store.run("two")["finish"]["written"] == 3, "an hour of what was made is read again"


def test_a_first_load_asks_for_what_the_view_has_a_use_for_and_later_ones_overlap(source: Source) -> None:
    source.add((1, 1.0, "Pune", "[]", NOON - 40 * DAY), (2, 2.0, "Pune", "[]", NOON - 20 * DAY))
    assert source.load()["since"] == (NOON - 30 * DAY).isoformat(), "the view's ttl"
    assert [row[0] for row in source.loaded()] == [2]
    source.store.now = NOON + HOUR
    source.add((3, 3.0, "Pune", "[]", NOON - dt.timedelta(minutes=4)))  # on its way when it was asked
    assert source.load("two")["rows"] == 1
    assert [row[0] for row in source.loaded()] == [2, 3]


def test_rows_that_are_not_fit_are_kept_with_the_reason_and_the_others_are_loaded(source: Source) -> None:
    good = [(car, 1.0, "Pune", "[]", NOON - HOUR) for car in range(4)]
    source.add(*good, (None, 9.0, "Pune", "[]", NOON - HOUR), (5, 9.0, "Goa", "[]", None))
    spec = cars_spec(load={"sql": "features/loads/cars.sql", "max_reject_share": 0.5})
    assert source.load(spec=spec)["rejected"] == 2
    assert [row[0] for row in source.loaded()] == [0, 1, 2, 3]
    with StateHook().engine.connect() as connection:
        (rejects,) = connection.execute(sa.select(feature_loads.c.rejects)).one()
    assert sorted((row["reason"], row["city"]) for row in rejects) == [
        ("car: is missing", "Pune"),
        ("event_at: is missing", "Goa"),
    ]


def test_too_many_of_them_refuse_all_and_the_next_load_asks_for_the_same_again(source: Source) -> None:
    source.add((1, 1.0, "Pune", "[]", NOON - HOUR), (None, 9.0, "Pune", "[]", NOON - HOUR))
    says = r"1 of its 2 rows are rejected \(at most 30\.0%\): 1 car: is missing; nothing was loaded"
    with pytest.raises(AirflowFailException, match=says):
        source.load()
    assert (source.loaded(), source.known()) == ([], [("refused", 2, 1, NOON)])
    source.execute("DELETE FROM RAW.PUBLIC.CARS WHERE CAR IS NULL")
    source.store.now = NOON + HOUR
    assert source.load("two")["rows"] == 1
    assert source.load("one")["rows"] == 1, "the refused run, cleared: it loads its own rows"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (QUERY.replace("CITY,", ""), "features/loads/cars.sql: has no column city, which feature view cars asks for"),
        (QUERY.replace("PRICE,", "'dear' AS PRICE,"), "column price: is string, which does not fit DOUBLE"),
        (QUERY.replace("BADGES,", "'[1' AS BADGES,"), "column badges: is text that is no JSON of STRING_LIST"),
        (QUERY.replace("EVENT_AT FROM", "CITY AS EVENT_AT FROM"), "column event_at: is string and not a timestamp"),
        (QUERY.replace("RAW.PUBLIC.CARS", "RAW.PUBLIC.TRUCKS"), "feature view cars: features/loads/cars.sql: .*TRUCKS"),
    ],
    ids=["missing", "type", "json", "time", "table"],
)
def test_a_query_that_does_not_give_the_views_columns_is_refused_by_name(source: Source, query: str, says: str) -> None:
    source.add((1, 1.0, "Pune", "[]", NOON - HOUR))
    (source.include / "sql/features/loads/cars.sql").write_text(query)
    with pytest.raises(AirflowFailException, match=says):
        source.load()
    assert source.loaded() == []


def test_ten_times_the_usual_rows_are_refused(source: Source) -> None:
    for hour in range(5):
        source.store.now = NOON + hour * HOUR
        source.add((hour, 1.0, "Pune", "[]", source.store.now - HOUR / 2))
        source.load(f"run {hour}")
    source.store.now = NOON + 6 * HOUR
    source.execute(
        "INSERT INTO RAW.PUBLIC.CARS SELECT SEQ4(), 1.0, 'Pune', '[]', '2026-11-24 17:00:00', '2026-11-24 17:00:00' "
        "FROM TABLE(GENERATOR(ROWCOUNT => 11))"
    )
    with pytest.raises(AirflowFailException, match="its 11 rows are more than 10 times the usual 1"):
        source.load("flood")
    assert len(source.loaded()) == 5


@pytest.mark.parametrize("dies_after", ["query", "file", "job", "record"])
def test_a_load_that_dies_anywhere_and_is_tried_again_has_each_row_once(source: Source, dies_after: str) -> None:
    source.add(*((car, 1.0, "Pune", "[]", NOON - HOUR) for car in range(20)))

    def dying(does: Any) -> Any:
        def die(*arguments: Any, **named: Any) -> Any:
            done = does(*arguments, **named)
            if dies_after == "query":
                done.__enter__()
            raise KeyboardInterrupt

        return die

    places = {
        "query": (ArrowSnowflakeHook, "arrow_result"),
        "file": (PostgresFeatureLoads, "usual_rows"),
        "job": (FeatureWarehouseHook, "load"),
        "record": (PostgresFeatureLoads, "done"),
    }
    owner, name = places[dies_after]
    with source.store.patch.context() as patch:
        patch.setattr(owner, name, dying(getattr(owner, name)))
        with pytest.raises(KeyboardInterrupt):
            source.load()
    # It is tried again later, and somebody sells another car meanwhile.
    source.store.now = NOON + HOUR
    source.add((99, 1.0, "Pune", "[]", NOON + HOUR / 2))
    assert source.load()["until"] == NOON.isoformat()
    assert [row[0] for row in source.loaded()] == list(range(20))
    assert source.load("two")["rows"] == 1
    assert [row[0] for row in source.loaded()] == [*range(20), 99]


def test_a_dry_run_counts_and_a_range_loads_nothing(source: Source) -> None:
    source.add((1, 1.0, "Pune", "[]", NOON - HOUR))
    assert source.load(dry_run=True)["rows"] == 1
    assert source.load(start=(NOON - DAY).isoformat()) == {}
    assert (source.loaded(), source.known()) == ([], [])


def test_a_snowflake_that_is_away_is_tried_again(source: Source) -> None:
    away = cars_spec(load={"sql": "features/loads/cars.sql", "connection": "snowflake_away"})
    with pytest.raises(RetriableError, match=r"features/loads/cars\.sql"):
        source.load(spec=away)


def test_the_newest_load_is_kept_however_old_it_is(source: Source) -> None:
    from drivetrain.state.maintenance import Keep, maintain

    for hour in range(3):
        source.store.now = NOON + hour * HOUR
        source.load(f"run {hour}")
    later = NOON + 400 * DAY
    assert maintain(StateHook().engine, Keep(), later, dry_run=True).feature_loads == 2
    assert maintain(StateHook().engine, Keep(), later).feature_loads == 2
    assert [row[3] for row in source.known()] == [NOON + 2 * HOUR]
