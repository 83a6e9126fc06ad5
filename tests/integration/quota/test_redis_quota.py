"""The quota over a real Valkey: what several clients see of each other, and what happens without it."""

from __future__ import annotations

import json
import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import Connection

from drivetrain.errors import FatalError, QuotaExceededError
from drivetrain.quota.limits import Limits
from drivetrain.quota.port import Kind, Priority
from hooks.sheets_quota import QuotaConnection, RedisQuota, redis_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis

    from tests.support.valkey import Valkey

ONE, TWO = "sync-1@project.iam.gserviceaccount.com", "sync-2@project.iam.gserviceaccount.com"
FEW = Limits(project_reads=6, project_writes=6, account_reads=4, account_writes=4, reserve_share=0)


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def client_of(valkey: Valkey) -> Redis:
    """As RedisQuota.of makes it, but more patient: a busy machine may take its time."""
    return redis_client(host="127.0.0.1", port=valkey.port, timeout_seconds=5)


def quota(valkey: Valkey, time: Time, limits: Limits = FEW, **options: Any) -> RedisQuota:
    """One process' quota."""
    return RedisQuota(client_of(valkey), limits, clock=time.clock, sleep=time.sleep, **options)


def test_two_processes_spend_one_quota(valkey: Valkey, time: Time) -> None:
    here, there = quota(valkey, time), quota(valkey, time)
    waits = [one.take(Kind.READ, ONE) for one in (here, there, here, there, here, there)]
    assert waits == [0, 0, 0, 0, pytest.approx(62), 0]


def test_reads_and_writes_are_counted_apart_and_accounts_within_their_project(valkey: Valkey, time: Time) -> None:
    mine = quota(valkey, time)
    assert [mine.take(Kind.READ, ONE) for _ in range(4)] == [0] * 4
    assert [mine.take(Kind.WRITE, ONE) for _ in range(4)] == [0] * 4
    assert [mine.take(Kind.READ, TWO, patience_seconds=0) for _ in range(2)] == [0] * 2
    with pytest.raises(QuotaExceededError, match="no room for 1 read in the next 62 s"):
        mine.take(Kind.READ, TWO, patience_seconds=5)
    assert mine.take(Kind.READ, "sync-1@another.iam.gserviceaccount.com") == 0


def test_a_refusal_slows_every_process_down(valkey: Valkey, time: Time) -> None:
    here, there = quota(valkey, time), quota(valkey, time)
    here.refused(Kind.WRITE, ONE, retry_after_seconds=20)
    assert there.take(Kind.WRITE, ONE) == pytest.approx(20)
    assert [there.take(Kind.WRITE, ONE) > 0 for _ in range(2)] == [False, True], "2 of 4 for a while"


def test_the_reserve_is_kept_for_high_priority(valkey: Valkey, time: Time) -> None:
    mine = quota(valkey, time, Limits(account_writes=10))
    assert [mine.take(Kind.WRITE, ONE) for _ in range(8)] == [0] * 8
    for priority in (Priority.LOW, Priority.NORMAL):
        with pytest.raises(QuotaExceededError):
            mine.take(Kind.WRITE, ONE, priority=priority, patience_seconds=1)
    assert [mine.take(Kind.WRITE, ONE, priority=Priority.HIGH) for _ in range(2)] == [0, 0]


def test_held_calls_are_spent_or_given_back(valkey: Valkey, time: Time) -> None:
    here, there = quota(valkey, time), quota(valkey, time)
    held = here.hold({Kind.READ: 2, Kind.WRITE: 1}, ONE, keep=True)
    with pytest.raises(QuotaExceededError):
        there.take(Kind.READ, ONE, patience_seconds=10)
    time.sleep(5)
    assert held.use(Kind.READ)
    held.give_back()
    assert [there.take(Kind.READ, ONE) for _ in range(3)] == [0] * 3
    assert [there.take(Kind.WRITE, ONE) for _ in range(4)] == [0] * 4


def test_a_process_that_dies_with_kept_calls_costs_others_half_a_minute(valkey: Valkey, time: Time) -> None:
    quota(valkey, time).hold({Kind.WRITE: 2}, ONE, keep=True)
    there = quota(valkey, time)
    with pytest.raises(QuotaExceededError):
        there.take(Kind.WRITE, ONE, patience_seconds=0)
    time.sleep(31)
    assert [there.take(Kind.WRITE, ONE) for _ in range(4)] == [0] * 4


def test_the_time_is_redis_own_and_keys_expire(valkey: Valkey) -> None:
    mine = RedisQuota(client_of(valkey), Limits(account_reads=2, reserve_share=0), patience_seconds=0)
    mine.take(Kind.READ, ONE)
    mine.refused(Kind.WRITE, ONE, retry_after_seconds=None)
    with valkey.client() as client:
        keys = sorted(key for key in client.keys("*") if ":seen:" not in key)
        project = "drivetrain:quota:{project.iam.gserviceaccount.com}"
        assert keys == [f"{project}:brakes", f"{project}:read", f"{project}:read:{ONE}"]
        assert all(0 < client.ttl(key) <= 7200 for key in client.keys("*"))
        ((_, moment),) = client.zrange(f"{project}:read", 0, -1, withscores=True)
        seconds, microseconds = client.time()
        assert 0 <= seconds + microseconds / 1e6 - moment / 1e6 < 10


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port on which somebody listens who never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_without_redis_each_process_goes_on_with_its_share_and_says_so_once(
    nobody: int, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    client = redis_client(host="127.0.0.1", port=nobody, timeout_seconds=0.05)
    mine = RedisQuota(client, Limits(reserve_share=0), processes=10, clock=time.clock, sleep=time.sleep)
    with caplog.at_level(logging.WARNING):
        assert [mine.take(Kind.READ, ONE) > 0 for _ in range(7)] == [False] * 6 + [True]
        held = mine.hold({Kind.WRITE: 1}, ONE, keep=True)
        mine.refused(Kind.WRITE, TWO, retry_after_seconds=9)
        assert held.use(Kind.WRITE)
        held.give_back()
        assert mine.take(Kind.WRITE, TWO) == pytest.approx(9)
    (said,) = [record.message for record in caplog.records]
    assert said.startswith("quota: Redis does not answer (")
    assert said.endswith("): going on with this process' share of it")


def test_what_was_called_without_redis_counts_once_it_is_back(valkey: Valkey, time: Time) -> None:
    here = quota(valkey, time, processes=2, look_again_seconds=3)
    there = quota(valkey, time)
    assert [here.take(Kind.READ, ONE) for _ in range(2)] == [0, 0]
    valkey.kill()
    with pytest.raises(QuotaExceededError):
        here.take(Kind.READ, ONE, patience_seconds=0)  # it has had its share already
    assert here.take(Kind.READ, TWO) == 0
    valkey.start()
    time.sleep(3)
    assert here.take(Kind.READ, TWO) == 0
    with valkey.client() as client:
        assert sorted(client.zcard(key) for key in client.keys("*:read*")) == [2, 2, 4]
    assert there.take(Kind.READ, TWO) == 0
    assert there.take(Kind.READ, ONE) == 0
    with pytest.raises(QuotaExceededError):
        there.take(Kind.READ, ONE, patience_seconds=0)


def test_who_waits_when_redis_goes_keeps_its_moment(valkey: Valkey, time: Time) -> None:
    limits = Limits(account_reads=2, project_reads=4, reserve_share=0)
    mine = RedisQuota(client_of(valkey), limits, processes=1, clock=time.clock, sleep=lambda s: dies(s))
    mine.take(Kind.READ, ONE)
    mine.take(Kind.READ, ONE)

    def dies(seconds: float) -> None:
        valkey.kill()
        time.sleep(seconds)

    assert mine.take(Kind.READ, ONE) == pytest.approx(62)
    valkey.start()


def connection(**extra: Any) -> Connection:
    return Connection(
        conn_id="redis_default", conn_type="redis", host="cache", port=6380, login="me", password="secret",
        extra=json.dumps(extra),
    )  # fmt: skip


def test_a_connection_of_type_redis_says_where_and_how_much() -> None:
    settings = QuotaConnection.parse(
        connection(db=3, ssl=True, ssl_cert_reqs="none", sheets_quota={"account_reads": 90}, sheets_quota_processes=20)
    )
    assert settings.client == {
        "host": "cache", "port": 6380, "db": 3, "username": "me", "password": "secret",
        "ssl": True, "ssl_cert_reqs": "none",
    }  # fmt: skip
    assert (settings.limits, settings.processes) == (Limits(account_reads=90), 20)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"sheets_quotas": {}}, "connection redis_default: unknown extra sheets_quotas: remove it"),
        ({"sheets_quota": {"reads": 1}}, "connection redis_default: sheets_quota: unknown key reads"),
        ({"sheets_quota_processes": 0}, "sheets_quota_processes: 0 is not a number from 1 on"),
        ({"cluster": True}, "cluster: the quota needs a single Redis"),
    ],
)
def test_a_wrong_extra_is_refused(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(FatalError) as caught:
        QuotaConnection.parse(connection(**extra))
    assert message in str(caught.value)


def test_it_is_made_from_an_airflow_connection(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"sheets_quota": {"account_reads": 1}}
    uri = Connection(conn_id="quota", conn_type="redis", host="127.0.0.1", port=valkey.port, extra=json.dumps(extra))
    monkeypatch.setenv("AIRFLOW_CONN_QUOTA", uri.get_uri())
    mine = RedisQuota.of("quota", patience_seconds=0)
    assert mine.take(Kind.READ, ONE) == 0
    with pytest.raises(QuotaExceededError):
        mine.take(Kind.READ, ONE)
    with valkey.client() as client:
        assert len(client.keys("drivetrain:quota:*:read*")) == 2
