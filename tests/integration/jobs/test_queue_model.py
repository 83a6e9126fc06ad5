"""The queue in Postgres against a model of it that is written for reading alone."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.jobs.queue import LeaseLostError
from tests.support.jobs import NOON, FakeClock, job

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from drivetrain.jobs.queue import Job, Lease


@dataclass
class Entry:
    job: Job
    number: int
    not_before: dt.datetime
    deadline: dt.datetime
    tries: int = 0
    holder: int | None = None


@dataclass
class Model:
    """Lists and loops."""

    entries: dict[str, Entry] = field(default_factory=dict)
    dead: dict[str, tuple[str, int, Job]] = field(default_factory=dict)
    leases: dict[str, tuple[int, dt.datetime]] = field(default_factory=dict)
    finished: dict[str, int] = field(default_factory=dict)  # leases that ended with their last job, until the next
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def publish(self, new: Job, now: dt.datetime) -> int:
        self.dead.pop(new.key, None)
        if new.key in self.entries:
            return 0
        not_before = max(new.not_before or now, now)
        self.entries[new.key] = Entry(new, next(self.numbers), not_before, new.deadline or not_before)
        return 1

    def revive(self, key: str, now: dt.datetime) -> None:
        self.publish(replace(self.dead.pop(key)[2], not_before=None, deadline=None), now)

    def pass_time(self, now: dt.datetime) -> None:
        for group, (_, ends) in list(self.leases.items()):
            if ends <= now:
                del self.leases[group]

    def take_back(self) -> None:
        """What the next lease does with jobs whose lease ended."""
        for key, entry in list(self.entries.items()):
            if entry.holder is not None and self.leases.get(entry.job.group, (None,))[0] != entry.holder:
                entry.holder = None
                if entry.tries >= entry.job.attempts:
                    self.dead[key] = (f"its worker died or lost its lease in try {entry.tries}", entry.tries, entry.job)
                    del self.entries[key]

    def lease(self, number: int, now: dt.datetime, until: dt.datetime, most: int) -> list[tuple[str, int]]:
        self.take_back()
        ready: dict[str, list[Entry]] = {}
        for entry in self.entries.values():
            if entry.job.group not in self.leases and entry.not_before <= now:
                ready.setdefault(entry.job.group, []).append(entry)
        if not ready:
            return []
        group = min(
            ready,
            key=lambda name: (
                -max(e.job.priority for e in ready[name]),
                min(e.deadline for e in ready[name]),
                min(e.number for e in ready[name]),
            ),
        )
        mine = sorted(ready[group], key=lambda entry: (-entry.job.priority, entry.deadline, entry.number))[:most]
        for entry in mine:
            entry.holder, entry.tries = number, entry.tries + 1
        self.leases[group] = (number, until)
        self.finished.pop(group, None)
        return [(entry.job.key, entry.tries) for entry in mine]

    def settled(self, group: str, number: int) -> None:
        if not any(entry.holder == number for entry in self.entries.values()):
            del self.leases[group]
            self.finished[group] = number


@pytest.mark.parametrize("seed", range(8))
def test_a_long_history_is_as_in_the_model(engine: Engine, seed: int) -> None:
    rng = random.Random(seed)
    clock = FakeClock(NOON)
    kind = f"model_{seed}"
    queue = PostgresQueue(engine, kind=kind, clock=clock)
    model = Model()
    held: list[tuple[int, Lease]] = []
    for number in range(250):
        step = rng.choices(["publish", "lease", "settle", "time", "revive"], [5, 4, 8, 2, 1])[0]
        if step == "publish":
            new = job(
                f"job-{rng.randrange(12)}",
                f"book-{rng.randrange(4)}",
                kind,
                priority=rng.randint(-1, 1),
                attempts=rng.randint(1, 3),
                deadline=rng.choice([None, clock.now + dt.timedelta(seconds=rng.randint(-60, 60))]),
                not_before=rng.choice([None, None, clock.now + dt.timedelta(seconds=30)]),
            )
            assert queue.publish([new]) == model.publish(new, clock.now)
        elif step == "lease":
            most = rng.randint(1, 4)
            leases = queue.lease(seconds=20, max_jobs=most)
            expected = model.lease(number, clock.now, clock.now + dt.timedelta(seconds=20), most)
            assert [(d.job.key, d.attempt) for lease in leases for d in lease.deliveries] == expected
            held += [(number, lease) for lease in leases]
        elif step == "settle" and held:
            _settle(rng, queue, model, clock.now, *rng.choice(held[-4:]))
        elif step == "time":
            clock.advance(rng.choice([1, 10, 19, 20, 40]))
            model.pass_time(clock.now)
        elif step == "revive" and model.dead:
            key = rng.choice(sorted(model.dead))
            assert queue.revive([key]) == 1
            model.revive(key, clock.now)
        letters = {letter.key: (letter.reason, letter.attempts) for letter in queue.dead_letters()}
        assert letters == {key: (reason, tries) for key, (reason, tries, _) in model.dead.items()}
        depth = queue.depth()
        mine = [e for e in model.entries.values() if model.leases.get(e.job.group, (None,))[0] == e.holder is not None]
        assert depth.leased == len(mine)
        assert (depth.ready or 0) + (depth.delayed or 0) == len(model.entries) - len(mine)


def _settle(
    rng: random.Random, queue: PostgresQueue, model: Model, now: dt.datetime, number: int, lease: Lease
) -> None:
    """One word of a holder, in time or too late."""
    how = rng.choice(["ack", "nack", "bury", "postpone", "release", "extend"])
    delivery = rng.choice(lease.deliveries)
    entry = model.entries.get(delivery.job.key)
    is_held = model.leases.get(lease.group, (None,))[0] == number
    in_hand = entry is not None and entry.holder == number
    try:
        if how == "ack":
            queue.ack(lease, [delivery])
        elif how == "nack":
            queue.nack(lease, delivery, retry_in_seconds=15, reason="no")
        elif how == "bury":
            queue.bury(lease, delivery, reason="no")
        elif how == "postpone":
            queue.postpone(lease, [delivery], seconds=15)
        elif how == "release":
            queue.release(lease)
        else:
            queue.extend(lease, seconds=50)
    except LeaseLostError:
        assert not is_held
        return
    if not is_held:
        repeats_its_last_word = model.finished.get(lease.group) == number and how != "extend"
        assert how == "release" or repeats_its_last_word
        return
    if how == "release":
        for mine in model.entries.values():
            if mine.holder == number:
                mine.holder, mine.tries = None, mine.tries - 1
        del model.leases[lease.group]
        return
    if how == "extend":
        model.leases[lease.group] = (number, now + dt.timedelta(seconds=50))
        return
    if in_hand and entry:
        key = delivery.job.key
        if how == "ack":
            del model.entries[key]
        elif how == "bury" or (how == "nack" and entry.tries >= entry.job.attempts):
            model.dead[key] = ("no", entry.tries, entry.job)
            del model.entries[key]
        else:
            entry.holder, entry.not_before = None, now + dt.timedelta(seconds=15)
            entry.tries -= how == "postpone"
    model.settled(lease.group, number)
