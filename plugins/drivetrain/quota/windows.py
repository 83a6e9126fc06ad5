"""When the next call may be made, so that no window of time has more calls than a limit.

A log of calls is kept, and a new one is booked at the earliest moment at which **every** window that it falls into
still has room, those of booked calls in the future included. So the claim "no window has more than `limit`" is what
every single booking checks; nothing else has to be believed. It covers servers that count in sliding windows as well
as those that count calendar minutes, whenever their minutes begin: a calendar minute is one of the windows.

Why not a token bucket: a full bucket of 60, refilled at 60 a minute, lets 60 calls through at 11:59:59 and 59 more
until 12:00:58; that is 119 in one minute. With a small bucket (or GCRA, which is the same) it keeps to the limit only
by a rate that is lower by the bucket's size, and everybody waits from the first calls on. A log lets a burst through at
once, uses the limit to the last call, and costs 60 to 300 numbers an account or project.

Windows are half open, [t, t + window). Moments are whole microseconds: equal is equal, here and in Redis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Shape:
    """What is booked at once: `count` calls at a moment, or kept ones, to be made at any time until `keep` later.

    A kept call stands in the log twice, where its time begins and where it ends. Every window that it could fall into
    has one of the two in it, since `keep` is less than a window. So moving both to the moment of the call itself never
    adds to any window.
    """

    count: int
    keep: int = 0

    @property
    def most(self) -> int:
        """Entries in a window: the smallest limit for which it can be booked."""
        return self.count * 2 if self.keep else self.count

    def spans(self) -> tuple[tuple[int, int, int], ...]:
        """(first offset, last offset, entries) of what may lie in one window: each end alone, and both."""
        if not self.keep:
            return ((0, 0, self.count),)
        return (0, 0, self.count), (self.keep, self.keep, self.count), (0, self.keep, 2 * self.count)


@dataclass(frozen=True)
class Room:
    """One log that a booking has to fit into: its calls in order of time, and its limit."""

    times: Sequence[int]
    limit: int
    shape: Shape


def earliest(rooms: Iterable[Room], at: int, window: int) -> int:
    """The earliest moment from `at` on at which every log has room.

    Every step is to the least moment that breaks up one window that is too full, so none is stepped over.
    """
    rooms = tuple(rooms)
    for room in rooms:
        if room.shape.most > room.limit:
            raise ValueError(f"{room.shape} never fits into {room.limit}")
    moment, before = at, None
    while moment != before:
        before = moment
        for room in rooms:
            for first, last, count in room.shape.spans():
                until = _blocked_until(room.times, moment + first, moment + last, room.limit - count + 1, window)
                moment = max(moment, until - last)
    return moment


def _blocked_until(times: Sequence[int], start: int, stop: int, group: int, window: int) -> int:
    """When the latest `group` of calls in a row that share a window with [start, stop] lets go; `stop` if none does."""
    for i in range(len(times) - group, -1, -1):
        first, last = times[i], times[i + group - 1]
        if first + window <= stop:
            break  # and so are all before it
        if last < first + window and last < start + window:
            return first + window
    return stop
