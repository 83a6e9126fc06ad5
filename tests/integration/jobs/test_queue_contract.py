"""What every job queue keeps, over real servers: Postgres, and Google's Pub/Sub emulator."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drivetrain.jobs.queue import LeaseLostError
from tests.support.jobs import Busy, job, keys

if TYPE_CHECKING:
    from drivetrain.jobs.queue import Job, JobQueue, Lease
    from tests.support.jobs import Harness

ROOT = Path(__file__).parents[3]


def put(harness: Harness, *jobs: Job) -> JobQueue:
    """A worker's queue, with these jobs in it."""
    queue = harness.worker()
    queue.publish(jobs)
    return queue


def take(harness: Harness, queue: JobQueue, seconds: float = 60, count: int = 1) -> Lease:
    """A lease of at least so many jobs of one group, given back and looked for again until they are there together."""

    def look() -> Lease | None:
        for lease in queue.lease(seconds=seconds):
            if len(lease.deliveries) >= count:
                return lease
            queue.release(lease)
        return None

    lease = harness.until(look)
    assert lease
    return lease


def test_a_job_comes_back_as_it_was_published(harness: Harness) -> None:
    payload = {"sync": "stock", "n": 7, "share": 0.5, "yes": True, "none": None, "text": "Käse ☂ \x00"}
    published = job("stock@12:00", "book-1", harness.kind, payload=payload, priority=3, attempts=2)
    lease = take(harness, put(harness, published))
    assert lease.group == "book-1"
    (delivery,) = lease.deliveries
    assert (delivery.job, delivery.attempt, delivery.is_last) == (published, 1, False)


def test_a_job_that_is_published_twice_is_in_one_worker_s_hands(harness: Harness) -> None:
    queue = put(harness, job("once", "book", harness.kind))
    new = queue.publish([job("once", "book", harness.kind), job("once", "book", harness.kind)])
    if harness.is_exact:
        assert new == 0
    lease = take(harness, queue)
    assert keys(lease) == ["once"]
    assert keys(harness.worker().lease(seconds=60)) == [], "the copies are of a group that somebody has"
    queue.ack(lease, lease.deliveries)
    if harness.is_exact:
        assert queue.lease(seconds=60) == []


def test_a_queue_takes_jobs_of_its_own_kind_only(harness: Harness) -> None:
    with pytest.raises(ValueError, match="kind: other is not this queue's"):
        harness.worker().publish([job("a", "book", harness.kind), job("b", "book", "other")])


def test_jobs_of_a_group_come_together_and_in_their_order(harness: Harness) -> None:
    names = [f"job-{n:02}" for n in range(20)]
    queue = put(harness, *(job(name, "book", harness.kind) for name in names))
    done: list[str] = []

    def look() -> bool:
        for lease in queue.lease(seconds=60):
            done.extend(keys(lease))
            queue.ack(lease, lease.deliveries)
        return len(done) >= len(names)

    harness.until(look)
    assert done == names
    if harness.is_exact:
        queue.publish([job(name, "book", harness.kind) for name in names])
        assert keys(queue.lease(seconds=60, max_jobs=7)) == names[:7]


def test_eight_workers_lose_nothing_and_never_share_a_group(harness: Harness) -> None:
    jobs = [job(f"{n}-{group}", f"book-{group}", harness.kind) for n in range(3) for group in range(200)]
    put(harness, *jobs)
    done: Counter[str] = Counter()
    busy, lock, deadline = Busy(), threading.Lock(), time.monotonic() + 120

    def work(_: int) -> None:
        queue = harness.worker()
        while len(done) < len(jobs) and time.monotonic() < deadline:
            for lease in queue.lease(seconds=60, max_groups=3):
                busy.enter(lease.group)
                first, *rest = lease.deliveries
                queue.ack(lease, rest)
                with lock:
                    done.update(keys(lease))
                busy.leave(lease.group)  # before the last acknowledgement, which ends the lease
                queue.ack(lease, [first])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert busy.clashes == []
    assert done.keys() == {each.key for each in jobs}
    if harness.is_exact:
        assert set(done.values()) == {1}


def test_a_lease_that_ended_is_another_worker_s_and_its_old_holder_can_do_nothing(harness: Harness) -> None:
    queue = put(harness, job("a", "book", harness.kind, attempts=1_000), job("b", "book", harness.kind, attempts=1_000))
    old = take(harness, queue, harness.short_seconds, count=2)
    assert keys(harness.worker().lease(seconds=60)) == []
    harness.pass_time(harness.short_seconds)
    other = harness.worker()
    new = take(harness, other, count=2)
    assert [each.attempt for each in new.deliveries] == [2, 2]
    assert new.token != old.token
    first = old.deliveries[0]
    with pytest.raises(LeaseLostError, match="book"):
        queue.ack(old, old.deliveries)
    with pytest.raises(LeaseLostError):
        queue.nack(old, first, retry_in_seconds=0, reason="late")
    with pytest.raises(LeaseLostError):
        queue.bury(old, first, reason="late")
    with pytest.raises(LeaseLostError):
        queue.extend(old, seconds=60)
    queue.release(old)
    assert keys(harness.worker().lease(seconds=60)) == [], "the old holder gave nothing back"
    assert queue.dead_letters() == []
    other.ack(new, new.deliveries)


def test_a_lease_that_is_extended_does_not_end(harness: Harness) -> None:
    queue = put(harness, job("a", "book", harness.kind))
    lease = take(harness, queue, harness.short_seconds)
    longer = queue.extend(lease, seconds=100 * harness.short_seconds)
    assert longer.expires_at > lease.expires_at
    harness.pass_time(harness.short_seconds + 1)
    other = harness.worker()

    def over() -> bool:
        assert other.lease(seconds=60) == []
        return harness.now() > lease.expires_at

    harness.until(over)
    queue.ack(longer, longer.deliveries)


def test_a_job_that_arrives_for_a_leased_group_waits_for_the_next_lease(harness: Harness) -> None:
    queue = put(harness, job("early", "book", harness.kind))
    lease = take(harness, queue)
    queue.publish([job("late", "book", harness.kind)])
    assert keys(harness.worker().lease(seconds=60)) == []
    queue.ack(lease, lease.deliveries)
    assert keys(take(harness, harness.worker())) == ["late"]


def test_the_last_settled_job_ends_the_lease(harness: Harness) -> None:
    a, b, c = (job(name, "book", harness.kind) for name in "abc")
    queue = put(harness, a, b, c)
    lease = take(harness, queue, count=3)
    first, second, third = lease.deliveries
    queue.ack(lease, [first])
    queue.bury(lease, second, reason="it can't be done")
    lease = queue.extend(lease, seconds=60)
    assert queue.nack(lease, third, retry_in_seconds=0, reason="not now")
    with pytest.raises(LeaseLostError):
        queue.extend(lease, seconds=60)
    assert keys(take(harness, harness.worker())) == ["c"]


def test_a_last_word_that_is_repeated_is_no_error(harness: Harness) -> None:
    queue = put(harness, job("a", "book", harness.kind))
    lease = take(harness, queue)
    queue.ack(lease, lease.deliveries)
    queue.ack(lease, lease.deliveries)
    queue.release(lease)


def test_a_failed_job_waits_and_is_a_dead_letter_after_its_last_attempt(harness: Harness) -> None:
    queue = put(harness, job("a", "book", harness.kind, payload={"n": 1}, attempts=2))
    lease = take(harness, queue)
    failed_at = harness.now()
    assert queue.nack(lease, lease.deliveries[0], retry_in_seconds=harness.short_seconds, reason="quota used up")
    assert queue.lease(seconds=60) == []
    harness.pass_time(harness.short_seconds)
    lease = take(harness, queue)
    assert (harness.now() - failed_at).total_seconds() >= harness.short_seconds
    (delivery,) = lease.deliveries
    assert (delivery.attempt, delivery.is_last) == (2, True)
    assert not queue.nack(lease, delivery, retry_in_seconds=0, reason="quota used up again")
    (letter,) = harness.until(queue.dead_letters)
    assert (letter.key, letter.group, letter.kind, letter.payload) == ("a", "book", harness.kind, {"n": 1})
    assert (letter.reason, letter.attempts) == ("quota used up again", 2)
    assert queue.lease(seconds=60) == []


def test_a_failed_job_lets_the_others_of_its_group_go_on(harness: Harness) -> None:
    queue = put(harness, job("a", "book", harness.kind), job("b", "book", harness.kind))
    lease = take(harness, queue, count=2)
    queue.nack(lease, lease.deliveries[0], retry_in_seconds=3_000, reason="not now")
    queue.release(lease)
    assert keys(take(harness, queue)) == ["b"]


def test_a_buried_job_is_a_dead_letter_at_once_and_can_be_read_again_and_revived(harness: Harness) -> None:
    queue = put(harness, job("a", "book", harness.kind, payload={"n": 1}, priority=4, attempts=7))
    lease = take(harness, queue)
    queue.bury(lease, lease.deliveries[0], reason="no sync is called so\nnor will be")
    for _ in range(2):
        (letter,) = harness.until(queue.dead_letters)
        assert (letter.key, letter.attempts) == ("a", 1)
        assert letter.reason.startswith("no sync is called so")
        assert abs((letter.buried_at - harness.now()).total_seconds()) < 60
    assert queue.revive(["b"]) == 0
    assert harness.until(lambda: queue.revive(["a", "b"])) == 1
    (delivery,) = take(harness, queue).deliveries
    assert (delivery.job, delivery.attempt) == (lease.deliveries[0].job, 1)
    assert queue.dead_letters() == []


def test_what_is_given_back_was_not_tried(harness: Harness) -> None:
    queue = put(harness, job("a", "book", harness.kind, attempts=1), job("b", "book", harness.kind))
    for _ in range(3):
        lease = take(harness, queue, count=2)
        assert [each.attempt for each in lease.deliveries] == [1, 1]
        queue.release(lease)
        queue.release(lease)
    lease = take(harness, queue, count=2)
    queue.release(lease)
    with pytest.raises(LeaseLostError):
        queue.ack(lease, lease.deliveries)
    assert queue.dead_letters() == []


def test_what_is_postponed_waits_and_was_not_tried(harness: Harness) -> None:
    queue = put(harness, *(job(name, "book", harness.kind, attempts=1) for name in "abc"))
    lease = take(harness, queue, count=3)
    first, second, third = lease.deliveries
    queue.postpone(lease, [first, second], seconds=harness.short_seconds)
    queue.ack(lease, [third])
    assert queue.lease(seconds=60) == []
    harness.pass_time(harness.short_seconds)
    lease = take(harness, queue, count=2)
    assert sorted((each.job.key, each.attempt) for each in lease.deliveries) == [("a", 1), ("b", 1)]
    queue.ack(lease, lease.deliveries)


def test_nothing_is_delivered_before_its_time(harness: Harness) -> None:
    due = harness.now() + timedelta(seconds=harness.short_seconds)
    queue = put(harness, job("later", "book", harness.kind, not_before=due), job("now", "book", harness.kind))
    lease = take(harness, queue)
    assert keys(lease) == ["now"]
    queue.ack(lease, lease.deliveries)
    harness.pass_time(harness.short_seconds)
    assert keys(take(harness, queue)) == ["later"]
    assert harness.now() >= due


def test_a_job_that_kills_its_workers_is_a_dead_letter_in_the_end(harness: Harness) -> None:
    queue = put(harness, job("deadly", "book", harness.kind, attempts=2), job("fine", "book", harness.kind, attempts=9))
    for attempt in (1, 2):
        lease = take(harness, queue, harness.short_seconds, count=2)
        assert [each.attempt for each in lease.deliveries] == [attempt, attempt]
        harness.pass_time(harness.short_seconds)
    lease = take(harness, queue)
    assert keys(lease) == ["fine"]
    (letter,) = harness.until(queue.dead_letters)
    assert (letter.key, letter.attempts) == ("deadly", 2)
    assert letter.reason == "its worker died or lost its lease in try 2"


def test_a_worker_that_is_killed_in_the_middle_loses_nothing(harness: Harness) -> None:
    jobs = [job(f"{n}-{group}", f"book-{group}", harness.kind) for n in range(2) for group in range(5)]
    queue = put(harness, *jobs)
    asked = {**harness.child, "jobs": len(jobs), "seconds": 3, "now": harness.now().isoformat()}
    command = [sys.executable, "-m", "tests.support.dying_worker", json.dumps(asked)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        held = json.loads(worker.stdout.readline())
        worker.kill()
    assert sorted(set(held)) == sorted(each.key for each in jobs)
    harness.pass_time(3)
    done: set[str] = set()

    def look() -> bool:
        for lease in queue.lease(seconds=60, max_groups=10):
            assert all(each.attempt > 1 for each in lease.deliveries), "the dead worker's try counts"
            done.update(keys(lease))
            queue.ack(lease, lease.deliveries)
        return len(done) == len(jobs)

    assert harness.until(look)


def test_the_most_urgent_group_comes_first(harness: Harness) -> None:
    if not harness.is_exact:
        pytest.skip("Pub/Sub has no priorities: they count among the messages only that one worker has pulled")
    queue = put(
        harness,
        job("soon-enough", "book-5", harness.kind, deadline=harness.now() + timedelta(hours=2)),
        job("old", "book-1", harness.kind),
        job("older-low", "book-2", harness.kind, priority=-10),
        job("urgent-later", "book-3", harness.kind, priority=50, not_before=harness.now() + timedelta(hours=1)),
        job("young-and-late", "book-6", harness.kind, deadline=harness.now() - timedelta(minutes=1)),
        job("young", "book-4", harness.kind),
        job("urgent-young", "book-4", harness.kind, priority=10),
    )
    assert [lease.group for lease in queue.lease(seconds=60, max_groups=3)] == ["book-4", "book-6", "book-1"]
    harness.pass_time(3_600)
    leases = queue.lease(seconds=60, max_groups=9)
    assert [lease.group for lease in leases] == ["book-3", "book-4", "book-6", "book-1", "book-5", "book-2"]
    assert keys(leases[1]) == ["urgent-young", "young"]
