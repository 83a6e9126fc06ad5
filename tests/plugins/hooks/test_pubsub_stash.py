"""Messages that wait for their group's turn."""

from __future__ import annotations

import datetime as dt
from typing import Any

from drivetrain.jobs.queue import Job
from hooks.pubsub_client import Received
from hooks.pubsub_stash import Pulled, Stash

NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def pulled(key: str, group: str = "g", *, message: str = "", delivery: int = 1, **fields: Any) -> Pulled:
    message = message or f"message of {key}"
    received = Received(f"{message}, delivery {delivery}", message, b"{}", {}, NOON)
    return Pulled(Job(key=key, group=group, kind="k", **fields), received)


def keys(batches: list[list[Pulled]]) -> list[list[str]]:
    return [[each.job.key for each in batch] for batch in batches]


def test_a_group_is_taken_with_all_of_its_jobs_in_their_order() -> None:
    stash = Stash(60)
    assert stash.put([pulled("a1", "a"), pulled("b1", "b"), pulled("a2", "a")]) == []
    assert stash.put([pulled("a3", "a")]) == []
    assert len(stash) == 2
    assert keys(stash.take(1)) == [["a1", "a2", "a3"]]
    assert keys(stash.take(9)) == [["b1"]]
    assert stash.take(1) == []


def test_the_most_urgent_group_is_taken_first() -> None:
    stash = Stash(60)
    stash.put([pulled("a1", "a"), pulled("b1", "b", priority=-1), pulled("c1", "c"), pulled("c2", "c", priority=5)])
    assert keys(stash.take(3)) == [["c1", "c2"], ["a1"], ["b1"]]


def test_of_equal_priorities_the_earlier_deadline_is_first_and_none_is_the_time_of_publication() -> None:
    stash = Stash(60)
    minute = dt.timedelta(minutes=1)
    times = {"a": NOON + minute, "b": None, "c": NOON - minute, "d": NOON + 2 * minute}
    stash.put([pulled(f"{name}1", name, deadline=at) for name, at in times.items()])
    stash.put([pulled("d2", "d", deadline=NOON - 2 * minute)])
    assert [batch[0].job.group for batch in stash.take(4)] == ["d", "c", "b", "a"]


def test_a_copy_is_needless() -> None:
    stash = Stash(60)
    stash.put([pulled("a")])
    copy = pulled("a", message="a copy")
    assert stash.put([copy]) == [copy.received]
    assert keys(stash.take(1)) == [["a"]]


def test_of_a_message_that_is_delivered_again_the_last_delivery_counts_and_nothing_is_needless() -> None:
    stash = Stash(60)
    stash.put([pulled("a"), pulled("b")])
    assert stash.put([pulled("a", delivery=2)]) == [], "to acknowledge it would be to lose it"
    ((first, second),) = stash.take(1)
    assert (first.received.ack_id, second.job.key) == ("message of a, delivery 2", "b")


def test_what_waited_too_long_goes_with_its_group() -> None:
    clock = Clock()
    stash = Stash(30, clock)
    stash.put([pulled("a1", "a"), pulled("b1", "b")])
    clock.now = 20
    stash.put([pulled("a2", "a"), pulled("c1", "c")])
    assert stash.stale() == []
    clock.now = 31
    assert sorted(each.job.key for each in stash.stale()) == ["a1", "a2", "b1"]
    assert [each.job.key for each in stash.clear()] == ["c1"]
    assert len(stash) == 0
