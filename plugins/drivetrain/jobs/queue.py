"""The port of a job queue: what dispatchers publish and workers drain.

Delivery is at least once: a worker that dies keeps its jobs until their lease ends, and then another one gets them. So
a job's effect has to be the same however often it happens. Events only wake; what there is to do is in the queue.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import orjson

from drivetrain.errors import RetriableError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    Payload = Mapping[str, str | int | float | bool | None]

MAX_ATTEMPTS = 1_000
MAX_PRIORITY = 1_000_000
_NAME = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True)
class Job:
    """One thing to do.

    Attributes:
        key: what makes it this job and no other, for example "retail_new_leads@2026-11-25T00:30:00+00:00". A job whose
            key is in the queue already is not published again.
        group: what no two workers may touch at the same time, for example a workbook's id. Jobs of a group are leased
            together.
        kind: which worker's it is, for example "sheet_sync".
        payload: what the worker needs to know, as single JSON values. No secrets: dead letters are shown to people.
        priority: groups with a higher one are leased first, and within a group jobs with a higher one.
        deadline: by when it is to be done: among equal priorities the earlier one goes first. With its time zone. None:
            at once, as if it were the time at which it was published or, if that is later, `not_before`.
        not_before: nothing is delivered earlier. With its time zone.
        attempts: how often a worker may try before the job is a dead letter.

    Raises:
        ValueError: a field that no queue could keep; the message names it.
    """

    key: str
    group: str
    kind: str
    payload: Payload = field(default_factory=dict)
    priority: int = 0
    deadline: dt.datetime | None = None
    not_before: dt.datetime | None = None
    attempts: int = 5

    def __post_init__(self) -> None:
        for name in ("key", "group", "kind"):
            value = getattr(self, name)
            if not _NAME.fullmatch(value):
                raise ValueError(f"{name}: {value!r:.80} is not 1 to 200 printable characters without blanks")
        if not 1 <= self.attempts <= MAX_ATTEMPTS:
            raise ValueError(f"attempts: {self.attempts} is not between 1 and {MAX_ATTEMPTS}")
        if abs(self.priority) > MAX_PRIORITY:
            raise ValueError(f"priority: {self.priority} is not between -{MAX_PRIORITY} and {MAX_PRIORITY}")
        for name in ("deadline", "not_before"):
            at = getattr(self, name)
            if at is not None and at.tzinfo is None:
                raise ValueError(f"{name}: {at.isoformat()} has no time zone")
        for name, value in self.payload.items():
            _check_value(name, value)


def _check_value(name: object, value: object) -> None:
    """Refuse what JSON has no way to write, or the queue's servers none to keep."""
    single = value is None or isinstance(value, str | int | float)
    if not isinstance(name, str) or not single or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"payload: {name!r:.80} is no text, number, boolean or null")
    try:
        orjson.dumps([name, value])
    except orjson.JSONEncodeError as error:
        raise ValueError(f"payload: {name!r:.80}: {error}") from None


@dataclass(frozen=True)
class Delivery:
    """A job in a worker's hands.

    Attributes:
        job: what to do.
        attempt: 1 for the first time; tries of workers that died are counted too.
        receipt: the adapter's own handle.
    """

    job: Job
    attempt: int
    receipt: str

    @property
    def is_last(self) -> bool:
        """Whether a failure now makes it a dead letter."""
        return self.attempt >= self.job.attempts


@dataclass(frozen=True)
class Lease:
    """Jobs of one group, which are this worker's alone until `expires_at`, or until the last of them is settled.

    Attributes:
        deliveries: by priority, then by deadline, then as they were published.
        token: changes with every lease, so that one that ended can't act any more.
    """

    group: str
    deliveries: tuple[Delivery, ...]
    token: str
    expires_at: dt.datetime


@dataclass(frozen=True)
class DeadLetter:
    """A job that is given up, and why.

    Attributes:
        attempts: how often it was tried.
    """

    key: str
    group: str
    kind: str
    payload: Payload
    reason: str
    attempts: int
    buried_at: dt.datetime


@dataclass(frozen=True)
class Depth:
    """How much is waiting. None where a queue can't tell.

    Attributes:
        ready: jobs whose time has come and that no worker has; those of a leased group wait for its lease to end.
        delayed: jobs whose time has not come.
        leased: jobs in workers' hands.
        dead: dead letters.
        oldest_seconds: how long the oldest ready job has waited.
    """

    ready: int | None
    delayed: int | None
    leased: int | None
    dead: int | None
    oldest_seconds: float | None


class LeaseLostError(RetriableError):
    """A lease ended before its holder was done: another worker may have the jobs by now. Nothing was acknowledged."""


def lost_in(tries: int) -> str:
    """Why a job is given up whose last worker can't say."""
    return f"its worker died or lost its lease in try {tries}"


class JobQueue(Protocol):
    """A queue of jobs of one kind. Every method may raise UnavailableError; then nothing changed or a repeat is safe.

    A lease ends with its time, with release, and by itself with the last of its jobs that is settled: acknowledged,
    buried, or put off by nack or postpone. From then on the group is the next worker's.
    """

    def publish(self, jobs: Sequence[Job]) -> int:
        """Put jobs in; those whose key is there already are left as they are.

        A dead letter is not there: publishing its job again is a new beginning.

        Returns:
            How many are new, as far as the queue can tell.

        Raises:
            ValueError: a job of another kind.
        """

    def lease(self, *, seconds: float, max_groups: int = 1, max_jobs: int = 200) -> Sequence[Lease]:
        """Take groups that nobody else has, each with its jobs that may be done now, the most urgent groups first.

        Args:
            seconds: how long they are ours, unless extended.
            max_groups: at most so many leases.
            max_jobs: at most so many jobs a group.

        Returns:
            Nothing if nothing is ready; it does not wait.
        """

    def extend(self, lease: Lease, *, seconds: float) -> Lease:
        """Keep a lease for so long from now on.

        Raises:
            LeaseLostError: it has ended and somebody else may have its jobs.
        """

    def ack(self, lease: Lease, deliveries: Sequence[Delivery]) -> None:
        """Done for good: call it once the effect is durable.

        Raises:
            LeaseLostError: see extend.
        """

    def nack(self, lease: Lease, delivery: Delivery, *, retry_in_seconds: float, reason: str) -> bool:
        """Failed this time. After the job's last attempt it becomes a dead letter.

        Returns:
            Whether it will be tried again.

        Raises:
            LeaseLostError: see extend.
        """

    def bury(self, lease: Lease, delivery: Delivery, *, reason: str) -> None:
        """Make it a dead letter at once: no retry can help.

        Raises:
            LeaseLostError: see extend.
        """

    def postpone(self, lease: Lease, deliveries: Sequence[Delivery], *, seconds: float) -> None:
        """Not now: they may be leased again after so long, and were not tried.

        Raises:
            LeaseLostError: see extend.
        """

    def release(self, lease: Lease) -> None:
        """Give a lease back: jobs of it that were not settled may be leased again at once, and were not tried.

        A lease that has ended is none to give back, and no error.
        """

    def depth(self) -> Depth:
        """How much is waiting."""

    def dead_letters(self, *, limit: int = 100) -> Sequence[DeadLetter]:
        """The latest dead letters."""

    def revive(self, keys: Collection[str]) -> int:
        """Put dead letters back, as if their jobs had never been tried.

        Returns:
            How many there were.
        """
