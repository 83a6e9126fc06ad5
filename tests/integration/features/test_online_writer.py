"""The writer over a real Redis: nothing older overwrites anything newer, whoever writes at the same time."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from redis import Redis

from drivetrain.errors import RetriableError, UnavailableError
from drivetrain.features.decode import decode
from drivetrain.features.online_rows import OnlineRows, prepare
from drivetrain.features.redis_layout import feature_field, time_field
from drivetrain.features.value_types import VALUE_TYPES
from drivetrain.features.view import View
from hooks import online_writer
from hooks.online_writer import OnlineWriter
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
VIEW = View("market", "cars", {"car": VALUE_TYPES["INT64"]}, {"price": VALUE_TYPES["INT64"]}, "at")


def rows(minutes: int | list[int], price: int = 0, count: int = 3) -> OnlineRows:
    """Cars 0, 1, … with the same price, of so many minutes after noon."""
    after = minutes if isinstance(minutes, list) else [minutes] * count
    times = [NOON + dt.timedelta(minutes=one) for one in after]
    table = pa.table(
        {
            "car": pa.array(range(len(after)), pa.int64()),
            "price": pa.array([price] * len(after), pa.int64()),
            "at": pa.array(times, pa.timestamp("us", "UTC")),
        }
    )
    return prepare(table, VIEW).rows


def prices(redis: Redis, of: OnlineRows) -> list[Any]:
    field = feature_field("cars", "price")
    return [None if (one := redis.hget(key, field)) is None else decode(one) for key in of.keys.to_pylist()]


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path) as server:
        yield server


@pytest.fixture
def redis(valkey: Valkey) -> Iterator[Redis]:
    with Redis(port=valkey.port, protocol=2, socket_timeout=20) as client:
        yield client


def test_an_older_row_does_not_overwrite_a_newer_one_in_the_same_batch_as_others(redis: Redis) -> None:
    writer = OnlineWriter(redis)
    assert writer.write(rows([10, 10, 10], price=1)).written == 3
    told = writer.write(rows([9, 10, 11], price=2))
    assert (told.written, told.stale) == (2, 1)
    assert prices(redis, rows(0)) == [1, 2, 2]


def test_a_stored_time_that_is_none_is_written_over(redis: Redis) -> None:
    some = rows(0, price=1)
    redis.hset(some.keys[1].as_py(), time_field("cars"), b"yesterday")
    assert OnlineWriter(redis).write(some).written == 3
    assert prices(redis, some) == [1, 1, 1]


def test_batches_are_whole_however_many_rows_there_are(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online_writer, "BATCH", 7)
    many = rows(0, price=5, count=40)
    assert OnlineWriter(redis).write(many).written == 40
    assert prices(redis, many) == [5] * 40
    assert OnlineWriter(redis).write(rows(0, count=1).slice(0, 0)).written == 0


def test_writers_of_the_same_entities_at_once_leave_the_latest_of_each(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online_writer, "BATCH", 50)
    count, writers = 200, 6
    told: list[online_writer.Written] = []

    def write(number: int) -> None:
        # Each has the latest of other entities.
        mine = rows([(number + car) % writers for car in range(count)], price=number)
        told.append(OnlineWriter(redis, attempts=40).write(mine))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == writers
    latest = [(writers - 1 - car) % writers for car in range(count)]
    assert prices(redis, rows(0, count=count)) == latest


def test_a_batch_that_others_always_write_is_given_up_and_nothing_of_it_is_there(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = rows(10, price=1)
    (first, *_) = mine.keys.to_pylist()
    send = OnlineWriter._send_transaction

    def meddled(self: OnlineWriter, connection: Any, chosen: OnlineRows) -> int:
        redis.hset(first, b"other", b"view")
        return send(self, connection, chosen)

    monkeypatch.setattr(OnlineWriter, "_send_transaction", meddled)
    with pytest.raises(RetriableError, match="feature view cars: 1 entities were written by others 4 times"):
        OnlineWriter(redis, attempts=4).write(mine)
    assert prices(redis, mine) == [None, None, None]
    monkeypatch.undo()
    assert OnlineWriter(redis).write(mine).written == 3
    assert prices(redis, mine) == [1, 1, 1]


def test_a_connection_that_breaks_ends_the_write_and_no_late_answer_is_taken_for_another(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online_writer, "BATCH", 10)
    send, sent = OnlineWriter._send_transaction, 0

    def breaking(self: OnlineWriter, connection: Any, chosen: OnlineRows) -> int:
        nonlocal sent
        sent += 1
        if sent == 3:  # by then the other connection has sent, and waits for its answers
            redis.client_kill_filter(_type="normal", skipme=True)
        return send(self, connection, chosen)

    monkeypatch.setattr(OnlineWriter, "_send_transaction", breaking)
    writer, first, second = OnlineWriter(redis), rows(0, price=1, count=80), rows(1, price=2, count=80)
    with pytest.raises(UnavailableError, match="online store can't be reached"):
        writer.write(first)
    assert writer.write(second).written == 80
    assert writer.write(first).stale == 80
    assert prices(redis, first) == [2] * 80


def test_entities_expire_where_that_is_asked_for(redis: Redis) -> None:
    mine = rows(0)
    OnlineWriter(redis, key_ttl_seconds=3_600).write(mine)
    assert all(3_500 < redis.ttl(key) <= 3_600 for key in mine.keys.to_pylist())


def test_a_redis_that_is_away_or_full_is_told_as_such_and_the_same_client_goes_on_when_it_is_back(
    valkey: Valkey, redis: Redis
) -> None:
    writer, mine = OnlineWriter(redis), rows(0, price=3)
    redis.config_set("maxmemory", "1")
    with pytest.raises(RetriableError, match="has no room left"):
        writer.write(mine)
    redis.config_set("maxmemory", "0")
    assert redis.dbsize() == 0
    valkey.kill()
    with pytest.raises(UnavailableError, match="online store can't be reached"):
        writer.write(mine)
    valkey.start()
    assert writer.write(mine).written == 3
    assert prices(redis, mine) == [3, 3, 3]
