"""What the queue in Pub/Sub makes of other people's messages, and of Pub/Sub's errors."""

from __future__ import annotations

import datetime as dt
import socket
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from drivetrain.errors import RequestRejectedError, TargetMissingError, UnavailableError
from drivetrain.jobs.locks import Settled
from drivetrain.jobs.postgres_locks import PostgresGroupLocks
from drivetrain.jobs.queue import Depth
from drivetrain.retry import RetryPolicy
from drivetrain.state.job_tables import job_tries
from hooks.pubsub_client import Message, PubSubClient
from hooks.pubsub_queue import PubSubQueue
from tests.support.jobs import job, keys, pubsub_queue

if TYPE_CHECKING:
    from drivetrain.jobs.queue import Lease
    from tests.support.jobs import PubSubHarness


def take(pubsub: PubSubHarness, queue: PubSubQueue, seconds: float = 60) -> Lease:
    return pubsub.until(lambda: queue.lease(seconds=seconds))[0]


def test_what_is_no_job_is_a_dead_letter_with_a_reason_and_stops_nobody(pubsub: PubSubHarness) -> None:
    good = {"key": "ok", "group": "book", "kind": pubsub.kind}
    bad: list[tuple[bytes, dict[str, str], str]] = [
        (b"{}", {"group": "book", "kind": pubsub.kind}, "attribute key is missing"),
        (b"{}", {"key": "k1", "kind": pubsub.kind}, "attribute group is missing"),
        (b"{}", {**good, "key": "k2", "kind": "other"}, "attribute kind: 'other' is not"),
        (b"{}", {**good, "key": "two words"}, "key: 'two words' is not 1 to 200 printable characters"),
        (b"not JSON", {**good, "key": "k3"}, "the body is not JSON"),
        (b"\xff\xfe", {**good, "key": "k4"}, "the body is not JSON"),
        (b"[1]", {**good, "key": "k5"}, "the body is JSON, but no object"),
        (b'{"a": {"b": 1}}', {**good, "key": "k6"}, "payload: 'a' is no text, number, boolean or null"),
        (b"{}", {**good, "key": "k7", "priority": "high"}, "attribute priority: 'high' is no whole number"),
        (b"{}", {**good, "key": "k8", "attempts": "0"}, "attempts: 0 is not between 1 and"),
        (
            b"{}",
            {**good, "key": "k9", "not_before": "tomorrow"},
            "attribute not_before: 'tomorrow' is no ISO 8601 time",
        ),
        (b"{}", {**good, "key": "k10", "color": "red"}, "attribute 'color' is not known"),
    ]
    everybody = [Message(body, attributes, ordering_key="book") for body, attributes, _ in bad]
    queue = pubsub.worker()
    pubsub.client.publish(queue.topic, [*everybody, Message(b'{"n": 1}', good, ordering_key="book")])
    lease = take(pubsub, queue)
    assert keys(lease) == ["ok"]
    queue.ack(lease, lease.deliveries)
    letters = pubsub.until(lambda: len(found := queue.dead_letters()) >= len(bad) and found)
    by_key = {letter.key: letter for letter in letters}
    assert len(letters) == len(bad)
    for body, attributes, reason in bad:
        letter = by_key[attributes.get("key", "")]
        assert letter.reason.startswith(reason)
        assert letter.group == attributes.get("group", "")
        assert letter.attempts == 0
        if body.startswith(b"not"):
            assert letter.payload == {"body": "not JSON"}


def test_copies_in_one_pull_are_one_delivery(pubsub: PubSubHarness) -> None:
    queue = pubsub.worker()
    queue.publish([job("a", "book", pubsub.kind), job("a", "book", pubsub.kind), job("b", "book", pubsub.kind)])
    lease = take(pubsub, queue)
    assert keys(lease) == ["a", "b"]
    queue.ack(lease, lease.deliveries)
    assert queue.lease(seconds=60) == []


def test_a_message_of_another_group_than_its_ordering_key_s_is_still_one_worker_s(pubsub: PubSubHarness) -> None:
    queue, other = pubsub.worker(), pubsub.worker()
    attributes = {"group": "book", "kind": pubsub.kind}
    for n in range(4):
        message = Message(b"{}", {**attributes, "key": f"{n}"}, ordering_key=f"stray-{n}")
        pubsub.client.publish(queue.topic, [message])
        if n == 0:
            lease = take(pubsub, queue)
        else:
            assert other.lease(seconds=60) == []
    queue.ack(lease, lease.deliveries)
    rest: set[str] = set()

    def look() -> bool:
        for found in other.lease(seconds=60):
            rest.update(keys(found))
            other.ack(found, found.deliveries)
        return len(rest) == 3

    assert pubsub.until(look)


def test_ensuring_twice_changes_nothing_and_another_order_is_refused(pubsub: PubSubHarness) -> None:
    queue = pubsub.worker()
    queue.ensure()
    queue.publish([job("a", "book", pubsub.kind)])
    queue.ensure()
    assert keys(take(pubsub, queue)) == ["a"]
    with pytest.raises(RequestRejectedError, match="Neither can be changed"):
        pubsub.client.ensure_subscription(
            queue.subscription, queue.topic, ordered=False, ack_deadline_seconds=10, keep_days=7
        )


def test_a_topic_that_is_not_there_is_missed_by_name(pubsub: PubSubHarness) -> None:
    queue = pubsub_queue(pubsub.engine, "test_missing", pubsub.client)
    for ask in (lambda: queue.publish([job("a", kind="test_missing")]), lambda: queue.lease(seconds=1)):
        with pytest.raises(TargetMissingError, match=r"drivetrain-test_missing is not there: PubSubQueue.ensure\(\)"):
            ask()


def test_a_pubsub_that_is_not_there_is_unavailable(pubsub: PubSubHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{closed.getsockname()[1]}")
        waits: list[float] = []
        client = PubSubClient(retry=RetryPolicy(attempts=2, sleep=waits.append))
        queue = pubsub_queue(pubsub.engine, pubsub.kind, client)
        for ask in (lambda: queue.publish([job("a", kind=pubsub.kind)]), queue.dead_letters):
            with pytest.raises(UnavailableError) as caught:
                ask()
            assert "\n" not in str(caught.value)
    assert len(waits) == 2


def test_a_delay_beyond_the_longest_deadline_is_kept_by_the_message(pubsub: PubSubHarness) -> None:
    queue = pubsub.worker()
    pubsub.client.ensure_subscription("watcher", queue.topic, ordered=False, ack_deadline_seconds=10, keep_days=7)
    queue.publish([job("a", "book", pubsub.kind)])
    lease = take(pubsub, queue)
    before = pubsub.now()
    assert queue.nack(lease, lease.deliveries[0], retry_in_seconds=86_400, reason="tomorrow")
    for _ in range(3):
        assert queue.lease(seconds=60) == []
    seen: list[str] = []

    def look() -> bool:
        seen.extend(each.attributes.get("not_before", "") for each in pubsub.client.pull("watcher", 9, wait_seconds=2))
        return len(seen) >= 2

    pubsub.until(look)
    assert seen[0] == ""
    assert 86_400 <= (dt.datetime.fromisoformat(seen[1]) - before).total_seconds() < 86_460


def test_what_was_pulled_and_not_leased_is_given_back_on_closing(pubsub: PubSubHarness) -> None:
    queue, other = pubsub.worker(), pubsub.worker()
    queue.publish([job(f"{n}", f"book-{n}", pubsub.kind) for n in range(5)])
    first = take(pubsub, queue)
    queue.close()
    seen = set(keys(first))

    def look() -> bool:
        seen.update(keys(other.lease(seconds=60, max_groups=9)))
        return len(seen) == 5

    assert pubsub.until(look)


def test_a_done_job_leaves_no_count(pubsub: PubSubHarness) -> None:
    queue = pubsub.worker()
    queue.publish([job(name, "book", pubsub.kind) for name in "abc"])
    lease = take(pubsub, queue)
    done, dead, failed = lease.deliveries
    queue.ack(lease, [done])
    queue.bury(lease, dead, reason="no")
    queue.nack(lease, failed, retry_in_seconds=0, reason="no")
    counted = sa.select(job_tries.c.key, job_tries.c.tries).where(job_tries.c.kind == pubsub.kind)
    with pubsub.engine.connect() as connection:
        assert connection.execute(counted).all() == [("c", 1)]


def test_a_group_that_the_other_queue_has_is_not_delivered(pubsub: PubSubHarness) -> None:
    """Both queues may be drained at once, as while jobs move from one to the other."""
    locks = PostgresGroupLocks(pubsub.engine, kind=pubsub.kind)
    lock = locks.take(["book"], seconds=60)["book"]
    locks.count(lock, ["elsewhere"])
    queue = pubsub.worker()
    queue.publish([job("a", "book", pubsub.kind)])
    for _ in range(3):
        assert queue.lease(seconds=60) == []
    locks.settle(lock, ["elsewhere"], Settled.DONE)
    assert keys(take(pubsub, queue)) == ["a"]


def test_it_can_not_tell_how_much_is_waiting(pubsub: PubSubHarness) -> None:
    assert pubsub.worker().depth() == Depth(ready=None, delayed=None, leased=None, dead=None, oldest_seconds=None)
