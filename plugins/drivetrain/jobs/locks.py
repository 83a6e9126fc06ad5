"""The port of locks on groups, for whoever needs a group and has no lease of it.

That is a queue whose own word on who has a group is best effort only, and a person's run beside the workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping


@dataclass(frozen=True)
class GroupLock:
    """A group that is ours alone until `expires_at`.

    Attributes:
        token: rises with every lock, so that a holder of before is told from the one of now.
    """

    group: str
    token: str
    expires_at: dt.datetime


class Settled(Enum):
    """What became of a job's try."""

    DONE = auto()  # or given up: its count is forgotten
    FAILED = auto()
    UNTRIED = auto()


class GroupLocks(Protocol):
    """Locks on groups of one kind, and a count of tries that outlives whoever tries.

    A lock under which jobs were counted ends by itself with the last of them that is settled. Every method may raise
    UnavailableError; then nothing changed or a repeat is safe.
    """

    def take(self, groups: Collection[str], *, seconds: float) -> Mapping[str, GroupLock]:
        """Lock those of the groups that nobody has; it waits for none."""

    def check(self, lock: GroupLock) -> bool:
        """Whether it is still ours.

        Returns:
            False where it ended by our own doing, with its last job: then there is nothing left to do.

        Raises:
            LeaseLostError: it has ended and somebody else may have the group.
        """

    def extend(self, lock: GroupLock, *, seconds: float) -> GroupLock:
        """Keep it for so long from now on.

        Raises:
            LeaseLostError: see check.
        """

    def count(self, lock: GroupLock, keys: Collection[str]) -> Mapping[str, int]:
        """Count a try of each of these jobs of the group, before it begins.

        Returns:
            Which try it is, 1 for the first; tries of holders that died are among them.

        Raises:
            LeaseLostError: see check.
        """

    def settle(self, lock: GroupLock, keys: Collection[str], how: Settled) -> None:
        """These jobs are out of our hands.

        Raises:
            LeaseLostError: see check.
        """

    def release(self, lock: GroupLock) -> frozenset[str]:
        """Give a group back. Jobs that were counted and not settled were not tried after all.

        Returns:
            Their keys. A lock that has ended is none to give back, and no error.
        """
