"""Files that arrive in a bucket: loaded into BigQuery's emulator once, or set aside with the reason."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import json
from contextlib import aclosing
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from drivetrain.errors import RetriableError
from drivetrain.features.landing import landing_topic
from drivetrain.state.alerts import PostgresAlerts
from drivetrain.state.feature_tables import feature_files
from hooks.feature_warehouse import FeatureWarehouseHook
from hooks.state import StateHook
from standins.gcs.program import Notifications
from standins.gcs.testing import GcsStandin
from tests.integration.features.conftest import NOON, Landing
from tests.support.waiting import eventually
from triggers.messages_waiting import MessagesWaitingTrigger

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
NOTHING: dict[str, int] = {}


def parquet(*rows: dict[str, Any], drop: str = "", **columns: pa.Array) -> bytes:
    """A file of cars; what is left out is filled in."""
    table = {
        "car": pa.array([row.get("car") for row in rows], pa.int64()),
        "price": pa.array([row.get("price", 1.0) for row in rows], pa.float32()),
        "city": pa.array([row.get("city", "Pune") for row in rows]),
        "badges": pa.array([row.get("badges", ["new"]) for row in rows], pa.list_(pa.string())),
        "event_at": pa.array([row.get("at", NOON - HOUR) for row in rows], pa.timestamp("ns", "Asia/Kolkata")),
        "other": pa.array([0] * len(rows)),
    } | columns
    table.pop(drop, None)
    file = io.BytesIO()
    pq.write_table(pa.table(table), file)
    return file.getvalue()


def files() -> list[tuple[Any, ...]]:
    """Name, outcome, rows, rejected rows and reason of each file."""
    columns = [feature_files.c[name] for name in ("name", "outcome", "rows", "rejected", "reason")]
    with StateHook().engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(feature_files.c.done_at))]


def loaded(landing: Landing) -> list[tuple[Any, ...]]:
    query = "SELECT car, price, city, badges, event_at, made_at FROM features.cars ORDER BY car, made_at"
    return [tuple(row.values()) for row in landing.store.bigquery.query(query).result()]


def test_a_file_that_arrives_is_loaded_and_served(landing: Landing) -> None:
    landing.upload("one.parquet", parquet({"car": 1, "price": 2.5}, {"car": 2, "city": None, "badges": []}))
    landing.store.now = NOON + HOUR
    assert landing.land() == {"loaded": 1, "rows": 2, "rejected": 0}
    made = NOON + HOUR
    assert loaded(landing) == [
        (1, 2.5, "Pune", ["new"], NOON - HOUR, made),
        (2, 1.0, None, [], NOON - HOUR, made),
    ]
    assert files() == [("cars/one.parquet", "loaded", 2, 0, "")]
    landing.store.now += HOUR
    assert landing.store.run("one")["finish"]["written"] == 2
    assert landing.land() == NOTHING, "nothing waits"


def test_a_buckets_own_notification_is_understood(landing: Landing, buckets: tuple[Any, Any]) -> None:
    told = Notifications(buckets[1].host, "marketplace", landing_topic("cars"), "cars/")
    with GcsStandin(notifications=told) as other, landing.store.patch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", other.url)
        bucket = other.client("marketplace").create_bucket("landing")
        bucket.blob("elsewhere/one.parquet").upload_from_string(b"x")
        bucket.blob("cars/one.parquet").upload_from_string(parquet({"car": 1}))
        # The bucket tells after it has answered.
        assert eventually("the notification", landing.land) == {"loaded": 1, "rows": 1, "rejected": 0}


def test_a_message_that_comes_again_and_one_about_nothing_of_ours_do_nothing(landing: Landing) -> None:
    generation = landing.upload("one.parquet", parquet({"car": 1}))
    landing.land()
    landing.tell("cars/one.parquet", generation)
    landing.tell("cars/gone.parquet", 12345)
    landing.tell("cars/one.parquet", generation, event="OBJECT_DELETE")
    landing.tell("trucks/one.parquet", generation)
    landing.tell("cars/one.parquet", "x")
    assert landing.land() == {"ignored": 5}
    assert len(loaded(landing)) == 1


def test_bad_rows_are_kept_with_the_reason_and_the_others_are_loaded(landing: Landing) -> None:
    rows = [{"car": car} for car in range(8)]
    generation = landing.upload("some.parquet", parquet(*rows, {"car": None}, {"car": 9, "at": NOON + 2 * DAY}))
    assert landing.land() == {"loaded": 1, "rows": 8, "rejected": 2}
    assert files() == [("cars/some.parquet", "loaded", 10, 2, "")]
    kept = landing.bucket.blob(f"set-aside/cars/some.parquet/{generation}.rows.parquet").download_as_bytes()
    bad = pq.read_table(io.BytesIO(kept))
    assert bad["reason"].to_pylist() == ["car: is missing", "event_at: lies in the future"]
    assert bad["car"].to_pylist() == [None, 9]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (parquet({"car": 1})[:-30], "is no Parquet file, or not a whole one"),
        (b"car,price\n1,2\n", "is no Parquet file"),
        (parquet({"car": 1}, drop="city"), "cars/bad.parquet: has no column city, which feature view cars asks for"),
        (parquet({"car": 1}, price=pa.array(["dear"])), "column price: is string, which does not fit DOUBLE"),
        (parquet({"car": 1}, event_at=pa.array(["noon"])), "column event_at: is string and not a timestamp"),
        (parquet(), "it has no rows"),
        (parquet({"car": 1}, {"car": None}), "1 of its 2 rows are rejected (at most 25.0%): 1 car: is missing"),
    ],
    ids=["torn", "text", "column missing", "wrong type", "no time", "empty", "mostly bad"],
)
def test_a_file_that_is_not_fit_is_set_aside_with_the_reason_and_its_team_is_told(
    landing: Landing, data: bytes, says: str
) -> None:
    generation = landing.upload("bad.parquet", data)
    landing.upload("good.parquet", parquet({"car": 5}))
    assert landing.land() == {"set_aside": 1, "loaded": 1, "rows": 1, "rejected": 0}
    assert [row[0] for row in loaded(landing)] == [5], "the others are loaded"
    place = f"set-aside/cars/bad.parquet/{generation}"
    assert "cars/bad.parquet" not in landing.names()
    kept = landing.bucket.get_blob(place)
    assert kept.download_as_bytes() == data
    assert says in kept.metadata["reason"]
    (told,) = PostgresAlerts(StateHook().engine).current()
    assert (told.alert.team, told.alert.owner) == ("pricing", "pricing@drivetrain.example")
    assert "feature view cars: gs://landing/cars/bad.parquet was set aside: " in told.alert.line
    assert f"copy gs://landing/{place} to where it was" in told.alert.fix
    (reason,) = [each[4] for each in files() if each[1] == "set aside"]
    assert says in reason


def test_a_file_of_ten_times_the_usual_rows_is_set_aside(landing: Landing) -> None:
    for number in range(5):
        landing.upload(f"{number}.parquet", parquet({"car": 1}, {"car": 2}))
    assert landing.land()["loaded"] == 5
    landing.upload("flood.parquet", parquet(*({"car": car} for car in range(21))))
    assert landing.land() == {"set_aside": 1}
    assert files()[-1][4] == "its 21 rows are more than 10 times the usual 2"


@pytest.mark.parametrize("dies_at", ["fetch", "load", "record"])
def test_a_run_that_dies_is_made_up_for_by_the_next(landing: Landing, dies_at: str) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    landing.upload("one.parquet", parquet({"car": 1, "price": 2.5}))
    where = {
        "fetch": "hooks.landed_files.LandedFiles.fetch",
        "load": "hooks.feature_warehouse.FeatureWarehouseHook.load",
        "record": "drivetrain.state.features.PostgresFeatureFiles.done",
    }
    with landing.store.patch.context() as patch:
        patch.setattr(where[dies_at], die)
        with pytest.raises(KeyboardInterrupt):
            landing.land()
    generation = landing.bucket.get_blob("cars/one.parquet").generation
    landing.tell("cars/one.parquet", generation)  # the message would come again in ten minutes
    assert landing.land()["loaded"] == 1
    landing.store.now = NOON + HOUR
    landing.store.run("one")
    assert [row[:2] for row in loaded(landing)] == [(1, 2.5)], "once"
    assert len(landing.store.contents()) == 1


def test_what_can_t_be_loaded_now_is_left_for_later_and_does_not_hold_up_the_others(landing: Landing) -> None:
    landing.upload("one.parquet", parquet({"car": 1}))
    landing.upload("two.parquet", parquet({"car": 2}))
    load = FeatureWarehouseHook.load

    def refusing(self: FeatureWarehouseHook, path: Any, table: str, *, key: str) -> None:
        if pq.read_table(path)["car"].to_pylist() == [1]:
            raise RetriableError("BigQuery: is away")
        load(self, path, table, key=key)

    with landing.store.patch.context() as patch:
        patch.setattr(FeatureWarehouseHook, "load", refusing)
        with pytest.raises(RetriableError, match=r"cars/one.parquet: BigQuery: is away"):
            landing.land()
    assert [row[0] for row in loaded(landing)] == [2]
    assert [each[0] for each in files()] == ["cars/two.parquet"]


def test_a_file_that_arrives_wakes_whoever_watches(landing: Landing) -> None:
    async def first_event() -> Any:
        trigger = MessagesWaitingTrigger(topic=landing_topic("cars"), quiet_seconds=0)
        path, stored = trigger.serialize()
        assert path == "triggers.messages_waiting.MessagesWaitingTrigger"
        async with aclosing(MessagesWaitingTrigger(**json.loads(json.dumps(stored))).run()) as events:
            return await asyncio.wait_for(anext(events), 60)

    landing.upload("one.parquet", parquet({"car": 1}))
    assert asyncio.run(first_event()).payload == {"topic": "drivetrain-features-cars"}
    assert landing.land()["loaded"] == 1, "it took nothing away"


def test_a_dry_run_and_a_backfill_load_nothing(landing: Landing) -> None:
    landing.upload("one.parquet", parquet({"car": 1}))
    assert landing.land(dry_run=True) == NOTHING
    assert landing.land(start=NOON.isoformat()) == NOTHING
    assert landing.land()["loaded"] == 1
