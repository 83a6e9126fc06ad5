"""Messages that were pulled and wait here for their group's turn.

Pub/Sub hands out messages, not groups: a pull brings messages of many groups, and the queue leases a few. To give the
others back each time would pull every message dozens of times.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable

    from drivetrain.jobs.queue import Job
    from hooks.pubsub_client import Received


@dataclass(frozen=True)
class Pulled:
    """A job and the message that brought it.

    Attributes:
        at: when it was pulled, on the stash's clock.
    """

    job: Job
    received: Received
    at: float = 0.0


def order(pulled: Pulled) -> tuple[int, dt.datetime]:
    """By which jobs of a group are done: by priority, then by deadline."""
    return -pulled.job.priority, pulled.job.deadline or pulled.received.published_at


def _urgency(waiting: Iterable[Pulled]) -> tuple[int, dt.datetime]:
    priorities, deadlines = zip(*map(order, waiting), strict=True)
    return min(priorities), min(deadlines)


class Stash:
    """Pulled jobs by group, each job once. Safe to share between threads.

    Args:
        seconds: how long a message may wait here: less than its deadline, for after that another worker has it too.
        clock: monotonic, in seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._groups: dict[str, list[Pulled]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Groups."""
        with self._lock:
            return len(self._groups)

    def put(self, pulled: Iterable[Pulled]) -> list[Received]:
        """Keep jobs in their order.

        Returns:
            Messages to acknowledge: their job is here already, by another message.
        """
        now = self._clock()
        needless: list[Received] = []
        with self._lock:
            for each in pulled:
                each = replace(each, at=now)
                waiting = self._groups.setdefault(each.job.group, [])
                place = next((i for i, other in enumerate(waiting) if other.job.key == each.job.key), None)
                if place is None:
                    waiting.append(each)
                elif waiting[place].received.message_id == each.received.message_id:
                    waiting[place] = each  # the same message, delivered anew: only the new delivery can be acknowledged
                else:
                    needless.append(each.received)
        return needless

    def take(self, groups: int) -> list[list[Pulled]]:
        """Take the most urgent groups out, each with all of its jobs that are here."""
        with self._lock:
            urgent = sorted(self._groups, key=lambda name: _urgency(self._groups[name]))
            return [self._groups.pop(name) for name in urgent[:groups]]

    def stale(self) -> list[Pulled]:
        """Take out what has waited for too long, with all of its group: their order would not hold otherwise."""
        oldest = self._clock() - self._seconds
        with self._lock:
            late = [name for name, waiting in self._groups.items() if any(each.at < oldest for each in waiting)]
            return [each for name in late for each in self._groups.pop(name)]

    def clear(self) -> list[Pulled]:
        """Take everything out."""
        with self._lock:
            left = [each for waiting in self._groups.values() for each in waiting]
            self._groups.clear()
            return left
