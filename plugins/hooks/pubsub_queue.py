"""The queue in Google Pub/Sub: jobs come from anywhere, by Google's permissions. Workers need Postgres for the locks.

What Pub/Sub does not promise is made up for here:

- **One worker a group.** An ordering key is the group, which makes it likely. GroupLocks make it certain.
- **Attempts.** Pub/Sub counts deliveries, and those that were only put back too; and only where it buries by itself. So
  the locks count tries, and dead letters are ours: the subscription has no dead-letter policy.
- **Delays.** A deadline is 600 s at most. A job that has to wait is published again with `not_before`, and without an
  ordering key: else all of its group would wait with it. It may overtake and be overtaken.

And what it can't do, it can't do here: priority and deadline decide among the messages that one worker has pulled, no
further.
How many wait is told by Cloud Monitoring alone (`subscription/num_undelivered_messages` and
`subscription/oldest_unacked_message_age`). A job that is published twice may be delivered twice, one after the other;
and where Pub/Sub delivers a message again, it does so with all later ones of its key, even those that are done
(https://cloud.google.com/pubsub/docs/ordering).
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from drivetrain.errors import DrivetrainError
from drivetrain.jobs.clock import utc_now
from drivetrain.jobs.locks import GroupLock, Settled
from drivetrain.jobs.messages import MalformedJobError, decode, decode_dead, encode, encode_dead, revived
from drivetrain.jobs.queue import Delivery, Depth, Lease, lost_in
from hooks.pubsub_client import MAX_KEEP_DAYS, Message, PubSubClient
from hooks.pubsub_stash import Pulled, Stash, order

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from drivetrain.jobs.clock import Clock
    from drivetrain.jobs.locks import GroupLocks
    from drivetrain.jobs.queue import DeadLetter, Job
    from hooks.pubsub_client import Received

_PULL = 100  # messages at a time
_MOST_DEAD = 10_000  # dead letters that are looked through for those to revive


class PubSubQueue:
    """See JobQueue. Safe to share between threads, which then share what was pulled.

    Args:
        kind: of the jobs.
        locks: of the same kind, shared by all workers: who has a group, and how often a job was tried.
        gcp_conn_id: a connection of type google_cloud_platform.
        project_id: None: the connection's.
        topic: its name; subscription, dead letters' topic and theirs are named after it. None: drivetrain-KIND.
        client: instead of a new one, for example with another patience.
        wait_seconds: how long lease() waits for Pub/Sub's answer, which may be slow where there is nothing.
        ack_deadline_seconds: from when on others get what a worker pulled and then died; 10 at least.
        busy_seconds: until a message is looked at again whose group somebody else has.
        keep_days: how long Pub/Sub keeps what nobody does, dead letters too; after that it is lost.
        clock: an aware time, for delays and dead letters; the locks have their own.
    """

    def __init__(
        self,
        *,
        kind: str,
        locks: GroupLocks,
        gcp_conn_id: str = "google_cloud_default",
        project_id: str | None = None,
        topic: str | None = None,
        client: PubSubClient | None = None,
        wait_seconds: float = 2.0,
        ack_deadline_seconds: int = 60,
        busy_seconds: float = 10.0,
        keep_days: int = MAX_KEEP_DAYS,
        clock: Clock = utc_now,
    ) -> None:
        self._kind, self._locks, self._clock = kind, locks, clock
        self.topic = self.subscription = topic or f"drivetrain-{kind}"
        self.dead_topic = self.dead_subscription = f"{self.topic}-dead"
        self._client = client or PubSubClient(gcp_conn_id, project_id=project_id)
        self._wait_seconds, self._ack_deadline_seconds = wait_seconds, ack_deadline_seconds
        self._busy_seconds, self._keep_days = busy_seconds, keep_days
        self._stash = Stash(ack_deadline_seconds / 2)

    def ensure(self) -> None:
        """Make topics and subscriptions, unless they are there. The dead letters first: nothing is buried nowhere."""
        for topic, subscription, ordered in (
            (self.dead_topic, self.dead_subscription, False),
            (self.topic, self.subscription, True),
        ):
            self._client.ensure_topic(topic)
            self._client.ensure_subscription(
                subscription,
                topic,
                ordered=ordered,
                ack_deadline_seconds=self._ack_deadline_seconds,
                keep_days=self._keep_days,
            )

    def publish(self, new: Sequence[Job]) -> int:
        """See JobQueue. Pub/Sub does not know what it has: all count as new, and a repeat is a second delivery."""
        for job in new:
            if job.kind != self._kind:
                raise ValueError(f"job {job.key}: kind: {job.kind} is not this queue's, {self._kind}")
        now = self._clock()
        self._client.publish(self.topic, [_message(job, ordered=not _waits(job, now)) for job in new])
        return len(new)

    def lease(self, *, seconds: float, max_groups: int = 1, max_jobs: int = 200) -> Sequence[Lease]:
        """See JobQueue. It waits up to `wait_seconds` where Pub/Sub has nothing."""
        self._put_back(self._stash.stale(), 0)
        if len(self._stash) < max_groups:
            self._sort(self._client.pull(self.subscription, _PULL, wait_seconds=self._wait_seconds))
        leases: list[Lease] = []
        taken: dict[str, GroupLock] = {}
        try:
            while len(leases) < max_groups and (batches := self._stash.take(max_groups - len(leases))):
                mine = self._locks.take([batch[0].job.group for batch in batches], seconds=seconds)
                taken.update(mine)
                for batch in batches:
                    lock = mine.get(batch[0].job.group)
                    if lock is None:
                        self._put_back(batch, self._busy_seconds)
                    elif lease := self._deliver(lock, batch, seconds, max_jobs):
                        leases.append(lease)
        except DrivetrainError:
            for lock in taken.values():
                with suppress(DrivetrainError):
                    self._locks.release(lock)
            raise
        return leases

    def extend(self, lease: Lease, *, seconds: float) -> Lease:
        """See JobQueue. Beyond 600 s others may be delivered its messages, which they put back."""
        lock = self._locks.extend(_lock(lease), seconds=seconds)
        self._client.set_deadline(self.subscription, [each.receipt for each in lease.deliveries], seconds)
        return replace(lease, expires_at=lock.expires_at)

    def ack(self, lease: Lease, deliveries: Sequence[Delivery]) -> None:
        """See JobQueue."""
        lock = _lock(lease)
        if self._locks.check(lock):
            self._client.acknowledge(self.subscription, [each.receipt for each in deliveries])
            self._locks.settle(lock, [each.job.key for each in deliveries], Settled.DONE)

    def nack(self, lease: Lease, delivery: Delivery, *, retry_in_seconds: float, reason: str) -> bool:
        """See JobQueue."""
        if delivery.is_last:
            self.bury(lease, delivery, reason=reason)
            return False
        self._put_off(lease, [delivery], retry_in_seconds, Settled.FAILED)
        return True

    def bury(self, lease: Lease, delivery: Delivery, *, reason: str) -> None:
        """See JobQueue."""
        lock = _lock(lease)
        if self._locks.check(lock):
            self._bury(delivery, reason)
            self._locks.settle(lock, [delivery.job.key], Settled.DONE)

    def postpone(self, lease: Lease, deliveries: Sequence[Delivery], *, seconds: float) -> None:
        """See JobQueue."""
        self._put_off(lease, deliveries, seconds, Settled.UNTRIED)

    def release(self, lease: Lease) -> None:
        """See JobQueue."""
        back = self._locks.release(_lock(lease))
        receipts = [each.receipt for each in lease.deliveries if each.job.key in back]
        self._client.set_deadline(self.subscription, receipts, 0)

    def depth(self) -> Depth:
        """Pub/Sub can't tell."""
        return Depth(ready=None, delayed=None, leased=None, dead=None, oldest_seconds=None)

    def dead_letters(self, *, limit: int = 100) -> Sequence[DeadLetter]:
        """See JobQueue. The latest of those that Pub/Sub gives when asked for `limit`, which may be any.

        They are put back, and for a moment another reader does not see them.
        """
        with self._dead(limit) as found:
            letters = [
                decode_dead(each.body, each.attributes, kind=self._kind, published_at=each.published_at)
                for each in found
            ]
        letters.sort(key=lambda letter: letter.buried_at, reverse=True)
        # A burial whose answer was lost may have happened twice.
        return [each for i, each in enumerate(letters) if not each.key or each.key not in {a.key for a in letters[:i]}]

    def revive(self, keys: Collection[str]) -> int:
        """See JobQueue. Looks through 10,000 dead letters at most."""
        back: dict[str, Message] = {}
        with self._dead(_MOST_DEAD) as found:
            wanted = [each for each in found if each.attributes.get("key") in set(keys)]
            for each in wanted:
                attributes = revived(each.attributes)
                back[attributes["key"]] = Message(each.body, attributes, attributes.get("group", ""))
            self._client.publish(self.topic, list(back.values()))
            self._client.acknowledge(self.dead_subscription, [each.ack_id for each in wanted])
            found[:] = [each for each in found if each not in wanted]
        return len(back)

    def close(self) -> None:
        """Give back what was pulled and not leased, which others would get a little later in any case."""
        self._put_back(self._stash.clear(), 0)

    def _sort(self, received: Iterable[Received]) -> None:
        """Keep what may be done now; put back what may not yet, and bury what is no job."""
        now = self._clock()
        good: list[Pulled] = []
        bad: list[tuple[Received, str]] = []
        for each in received:
            try:
                job = decode(each.body, each.attributes, kind=self._kind)
            except MalformedJobError as error:
                bad.append((each, str(error)))
                continue
            if _waits(job, now):
                seconds = (job.not_before - now).total_seconds() if job.not_before else 0.0
                self._client.set_deadline(self.subscription, [each.ack_id], seconds)
            else:
                good.append(Pulled(job, each))
        needless = self._stash.put(good)
        self._client.acknowledge(self.subscription, [each.ack_id for each in needless])
        letters = [
            Message(*encode_dead(each.body, each.attributes, reason=reason, attempts=0, at=now, malformed=True))
            for each, reason in bad
        ]
        self._client.publish(self.dead_topic, letters)
        self._client.acknowledge(self.subscription, [each.ack_id for each, _ in bad])

    def _deliver(self, lock: GroupLock, batch: Sequence[Pulled], seconds: float, max_jobs: int) -> Lease | None:
        """A lease of a locked group's jobs; None where all of them were given up."""
        self._put_back(batch[max_jobs:], self._busy_seconds)
        batch = batch[:max_jobs]
        tries = self._locks.count(lock, [each.job.key for each in batch])
        deliveries = []
        for each in sorted(batch, key=order):
            delivery = Delivery(each.job, tries[each.job.key], each.received.ack_id)
            if delivery.attempt <= each.job.attempts:
                deliveries.append(delivery)
                continue
            lost = replace(delivery, attempt=delivery.attempt - 1)
            self._bury(lost, lost_in(lost.attempt))
            self._locks.settle(lock, [each.job.key], Settled.DONE)
        if not deliveries:
            return None
        self._client.set_deadline(self.subscription, [each.receipt for each in deliveries], seconds)
        return Lease(lock.group, tuple(deliveries), lock.token, lock.expires_at)

    def _put_off(self, lease: Lease, deliveries: Sequence[Delivery], seconds: float, how: Settled) -> None:
        lock = _lock(lease)
        if not self._locks.check(lock):
            return
        later = self._clock() + dt.timedelta(seconds=max(seconds, 0.0))
        copies = [_message(replace(each.job, not_before=later), ordered=False) for each in deliveries]
        # First out, then away: a worker that dies in between leaves the job twice, not never.
        self._client.publish(self.topic, copies)
        self._client.acknowledge(self.subscription, [each.receipt for each in deliveries])
        self._locks.settle(lock, [each.job.key for each in deliveries], how)

    def _bury(self, delivery: Delivery, reason: str) -> None:
        body, attributes = encode(delivery.job)
        letter = encode_dead(body, attributes, reason=reason, attempts=delivery.attempt, at=self._clock())
        self._client.publish(self.dead_topic, [Message(*letter)])
        self._client.acknowledge(self.subscription, [delivery.receipt])

    def _put_back(self, pulled: Sequence[Pulled], seconds: float) -> None:
        self._client.set_deadline(self.subscription, [each.received.ack_id for each in pulled], seconds)

    @contextmanager
    def _dead(self, most: int) -> Iterator[list[Received]]:
        """Dead letters, which are put back afterwards unless they are taken off the list."""
        found: list[Received] = []
        try:
            while len(found) < most:
                some = self._client.pull(self.dead_subscription, most - len(found), wait_seconds=self._wait_seconds)
                if not some:
                    break
                found += some
            yield found
        finally:
            self._client.set_deadline(self.dead_subscription, [each.ack_id for each in found], 0)


def _waits(job: Job, now: dt.datetime) -> bool:
    return job.not_before is not None and job.not_before > now


def _message(job: Job, *, ordered: bool) -> Message:
    return Message(*encode(job), job.group if ordered else "")


def _lock(lease: Lease) -> GroupLock:
    return GroupLock(lease.group, lease.token, lease.expires_at)
