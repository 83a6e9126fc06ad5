"""Drains the queue: a workbook at a time, all of its jobs together, and says how each went before it lets go.

A worker may die anywhere. What it had is leased again when its lease ends; what it wrote is found in the sheet, what it
recorded in the registry.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, Self

from drivetrain.errors import DrivetrainError, FatalError, RetriableError, UnavailableError
from drivetrain.jobs.keeper import Keeper
from drivetrain.jobs.queue import LeaseLostError
from drivetrain.sheets.message import MessageRefusedError, SyncMessage, read_message
from drivetrain.sheets.registry import RunRecord
from drivetrain.sheets.spec import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from drivetrain.jobs.queue import Delivery, JobQueue, Lease
    from drivetrain.sheets.catalog import Sync
    from drivetrain.sheets.engine import GroupResult
    from drivetrain.sheets.outcome import SyncOutcome
    from drivetrain.sheets.registry import SyncRegistry


@dataclass(frozen=True)
class Work:
    """One job of one sync, checked.

    Attributes:
        covers: earlier jobs of the same sync whose work this one does too.
    """

    delivery: Delivery
    message: SyncMessage
    sync: Sync
    covers: tuple[Work, ...] = ()

    @property
    def key(self) -> str:
        """The job's."""
        return self.delivery.job.key


class Runner(Protocol):
    """Runs syncs of one workbook."""

    def __call__(self, works: Sequence[Work], still_ours: Callable[[], bool]) -> GroupResult:
        """Run them, each once, as one group.

        Args:
            works: of one workbook, no sync twice.
            still_ours: asked before every write: False where the lease is about to end, and then nothing may be
                written any more.
        """


@dataclass(frozen=True)
class WorkerSettings:
    """How a worker drains.

    Attributes:
        threads: workbooks at a time.
        lease_seconds: how long a workbook is ours without a sign of life.
        write_seconds: the longest that one write may take; a lease with less than that left is not written under.
        budget_seconds: no workbook is begun after that.
        idle_seconds: how long to look for more once the queue is empty.
        poll_seconds: between two looks at an empty queue.
        first_retry_seconds: before a second attempt; each later wait is twice as long.
        max_retry_seconds: the longest wait before an attempt.
    """

    threads: int = 8
    lease_seconds: float = 600
    write_seconds: float = 200
    budget_seconds: float = 600
    idle_seconds: float = 0
    poll_seconds: float = 0.5
    first_retry_seconds: float = 15
    max_retry_seconds: float = 600


@dataclass
class Drained:
    """What a worker did; jobs by how they ended, those that ended well also by where their rows are from.

    Attributes:
        queries: asked the source.
        shared: fetched the result of another sync's equal query.
        skipped: neither asked nor looked, since the source has not changed.
    """

    workbooks: int = 0
    good: int = 0
    retried: int = 0
    failed: int = 0
    refused: int = 0
    repeated: int = 0
    superseded: int = 0
    lost_leases: int = 0
    write_calls: int = 0
    read_calls: int = 0
    queries: int = 0
    shared: int = 0
    skipped: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, **counts: int) -> None:
        """Count, from any thread."""
        with self._lock:
            for name, value in counts.items():
                setattr(self, name, getattr(self, name) + value)

    def summary(self) -> dict[str, int]:
        """The numbers, for XCom and the log."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


class Worker:
    """One shard of the fleet.

    Args:
        queue: of jobs of kind sheet_sync.
        registry: what is known of the syncs.
        syncs: the specs by name, as git has them.
        run: runs a workbook's syncs.
        settings: how much at a time, how long.
        now: the clock of due times and records.
        log: told what happens, one line each.
    """

    def __init__(
        self,
        queue: JobQueue,
        registry: SyncRegistry,
        syncs: Mapping[str, Sync],
        run: Runner,
        *,
        settings: WorkerSettings,
        now: Callable[[], dt.datetime],
        log: Callable[[str], None],
    ) -> None:
        self.queue, self.registry, self.syncs, self.run = queue, registry, syncs, run
        self.settings, self.now, self.log = settings, now, log
        self.drained = Drained()

    def drain(self) -> Drained:
        """Work until the queue is empty or the time is up."""
        deadline = time.monotonic() + self.settings.budget_seconds
        with ThreadPoolExecutor(self.settings.threads, thread_name_prefix="workbook") as pool:
            for ended in [pool.submit(self._loop, deadline) for _ in range(self.settings.threads)]:
                ended.result()
        return self.drained

    def _loop(self, deadline: float) -> None:
        idle_since: float | None = None
        while (clock := time.monotonic()) < deadline:
            try:
                leases = self.queue.lease(seconds=self.settings.lease_seconds)
            except UnavailableError as error:
                self.log(f"the queue: {error}")
                leases = ()
            if leases:
                idle_since = None
                for lease in leases:
                    self._work(lease)
                continue
            idle_since = idle_since if idle_since is not None else clock
            if clock - idle_since >= self.settings.idle_seconds:
                return
            time.sleep(self.settings.poll_seconds)

    def _work(self, lease: Lease) -> None:
        holder = _Holder(self.queue, lease, self.settings)
        self.drained.add(workbooks=1)
        try:
            with holder:
                waiting: dict[str, float] = {}
                for works in self._rounds(holder):
                    # An append that has to be tried again goes before the later ones.
                    for work in works:
                        if work.sync.spec.sync in waiting:
                            holder.postpone([work.delivery], waiting[work.sync.spec.sync])
                    waiting |= self._run(holder, [work for work in works if work.sync.spec.sync not in waiting])
        except LeaseLostError as error:
            self.drained.add(lost_leases=1)
            self.log(f"workbook {lease.group}: {error}; whoever has it now goes on")
        except UnavailableError as error:
            self.log(f"workbook {lease.group}: {error}; its jobs come again when the lease ends")

    def _rounds(self, holder: _Holder) -> Iterable[list[Work]]:
        """A lease's jobs in rounds of at most one a sync, in the order of their due times."""
        works = []
        for delivery in holder.lease.deliveries:
            try:
                message, sync = read_message(delivery.job, self.syncs)
            except MessageRefusedError as error:
                self.log(str(error))
                holder.bury(delivery, str(error))
                self.drained.add(refused=1)
                continue
            works.append(Work(delivery, message, sync))
        finished = self.registry.finished([work.key for work in works]) if works else set()
        if again := [work.delivery for work in works if work.key in finished]:
            holder.ack(again)
            self.drained.add(repeated=len(again))
        by_sync: dict[str, list[Work]] = {}
        for work in sorted(works, key=lambda work: work.message.due_at):
            if work.key not in finished:
                by_sync.setdefault(work.sync.spec.sync, []).append(work)
        queues = [_worth_doing(each) for each in by_sync.values()]
        for place in range(max(map(len, queues), default=0)):
            yield [each[place] for each in queues if place < len(each)]

    def _run(self, holder: _Holder, works: Sequence[Work]) -> dict[str, float]:
        """Run one round; of those that will be tried again, by name, in how many seconds."""
        if not works:
            return {}
        started = self.now()
        try:
            result = self.run(works, holder.still_ours)
            errors: Mapping[str, DrivetrainError] = result.errors
            outcomes = result.outcomes
        except DrivetrainError as error:
            errors, outcomes = {work.sync.spec.sync: error for work in works}, {}
        except Exception as error:  # a mistake of ours must not lose a job nor stop the other workbooks
            self.log(f"workbook {holder.lease.group}: {type(error).__name__}: {error}")
            unexpected = RetriableError(f"unexpected {type(error).__name__}: {error}")
            errors, outcomes = {work.sync.spec.sync: unexpected for work in works}, {}
        ended = self.now()
        records: list[RunRecord] = []
        for work in works:
            name = work.sync.spec.sync
            records.append(_record(work, started, ended, outcomes.get(name), errors.get(name)))
            if name in outcomes:
                records += [_superseded(old, started, ended) for old in work.covers]
        self.registry.record(records)
        waits = self._let_go(holder, works, errors)
        self.drained.add(
            write_calls=sum(outcome.write_calls for outcome in outcomes.values()),
            read_calls=sum(outcome.read_calls for outcome in outcomes.values()),
            queries=sum(outcome.source == "query" for outcome in outcomes.values()),
            shared=sum(outcome.source == "shared" for outcome in outcomes.values()),
            skipped=sum(outcome.source == "skipped" for outcome in outcomes.values()),
        )
        return waits

    def _let_go(
        self, holder: _Holder, works: Sequence[Work], errors: Mapping[str, DrivetrainError]
    ) -> dict[str, float]:
        """Acknowledge, retry or give up each job, after all of it is on record; the waits of those tried again."""
        waits: dict[str, float] = {}
        good = [work for work in works if work.sync.spec.sync not in errors]
        if good:
            covered = [old.delivery for work in good for old in work.covers]
            holder.ack([*(work.delivery for work in good), *covered])
            self.drained.add(good=len(good), superseded=len(covered))
        for work in works:
            error = errors.get(work.sync.spec.sync)
            if error is None:
                continue
            self.log(f"{work.key}, attempt {work.delivery.attempt} of {work.delivery.job.attempts}: {error}")
            if isinstance(error, FatalError):
                holder.bury(work.delivery, str(error))
                self.drained.add(failed=1)
            else:
                asked = error.retry_after_seconds if isinstance(error, RetriableError) else None
                wait = self._wait(work.delivery.attempt, asked)
                again = holder.nack(work.delivery, wait, str(error))
                self.drained.add(**{"retried" if again else "failed": 1})
                if again:
                    waits[work.sync.spec.sync] = wait
        return waits

    def _wait(self, attempt: int, asked: float | None) -> float:
        grown = self.settings.first_retry_seconds * 2.0 ** (attempt - 1)
        return max(min(grown, self.settings.max_retry_seconds), asked or 0)


def _worth_doing(works: list[Work]) -> list[Work]:
    """An append is about its own time; of anything else only the latest matters, and it does the others' work."""
    if works[0].sync.spec.mode is Mode.APPEND:
        return works
    return [replace(works[-1], covers=tuple(works[:-1]))]


class _Holder:
    """A lease that is kept alive while its jobs are worked on, and given back at the end."""

    def __init__(self, queue: JobQueue, lease: Lease, settings: WorkerSettings) -> None:
        self._queue, self.lease = queue, lease
        self._lock = threading.Lock()  # a beat and a settlement may not cross
        self._keeper = Keeper(
            self._extend,
            seconds=settings.lease_seconds,
            write_seconds=settings.write_seconds,
            name=f"lease {lease.group}",
        )
        self.still_ours = self._keeper.still_ours

    def __enter__(self) -> Self:
        self._keeper.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._keeper.__exit__(*error)
        self._queue.release(self.lease)

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """See JobQueue."""
        with self._lock:
            self._queue.ack(self.lease, deliveries)

    def nack(self, delivery: Delivery, retry_in_seconds: float, reason: str) -> bool:
        """See JobQueue."""
        with self._lock:
            return self._queue.nack(self.lease, delivery, retry_in_seconds=retry_in_seconds, reason=reason)

    def postpone(self, deliveries: Sequence[Delivery], seconds: float) -> None:
        """See JobQueue."""
        with self._lock:
            self._queue.postpone(self.lease, deliveries, seconds=seconds)

    def bury(self, delivery: Delivery, reason: str) -> None:
        """See JobQueue."""
        with self._lock:
            self._queue.bury(self.lease, delivery, reason=reason)

    def _extend(self, seconds: float) -> None:
        with self._lock:
            self.lease = self._queue.extend(self.lease, seconds=seconds)


def _record(
    work: Work,
    started: dt.datetime,
    ended: dt.datetime,
    outcome: SyncOutcome | None,
    error: DrivetrainError | None,
) -> RunRecord:
    return _superseded(work, started, ended).ended(outcome, error, is_last=work.delivery.is_last)


def _superseded(work: Work, started: dt.datetime, ended: dt.datetime) -> RunRecord:
    return RunRecord(
        sync=work.sync.spec.sync,
        job_key=work.key,
        due_at=work.message.due_at,
        trigger=work.message.trigger,
        attempt=work.delivery.attempt,
        started_at=started,
        finished_at=ended,
        outcome="superseded",
        is_final=True,
    )
