"""Which rows a run reads: those that are new since the last one, by event time or by when they were made.

A row that is made late has an old event time and a new time of making, so that a watermark of event times alone would
never see it: https://github.com/feast-dev/feast/issues/4133 .
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from drivetrain.errors import FatalError


@dataclass(frozen=True)
class Window:
    """Rows whose event time is before `until`, and not before `since` where that is given.

    Attributes:
        until: no row of this time or later; what is of the future waits.
        since: no row before that; None: from the beginning.
        news_since: of those only the ones whose event time, or time of making, is not before that; None: all.
    """

    until: dt.datetime
    since: dt.datetime | None = None
    news_since: dt.datetime | None = None

    @property
    def parameters(self) -> dict[str, dt.datetime]:
        """Its times that are given, by their names."""
        named = {"until": self.until, "since": self.since, "news_since": self.news_since}
        return {name: at for name, at in named.items() if at is not None}


def next_window(
    read_until: dt.datetime | None,
    now: dt.datetime,
    *,
    overlap: dt.timedelta,
    lateness: dt.timedelta,
    ttl: dt.timedelta | None,
) -> Window:
    """What is new.

    Args:
        read_until: all that was made, or happened, before that was read before; None: nothing was ever read.
        now: the run's.
        overlap: how long a row may take from being made to being seen in a query.
        lateness: how long after it happened a row may be made.
        ttl: of the view: what is older is of no use to anybody.
    """
    oldest = None if ttl is None else now - ttl
    if read_until is None:
        return Window(until=now, since=oldest)
    late = read_until - max(lateness, overlap)
    since = late if oldest is None else max(late, oldest)
    return Window(until=now, since=since, news_since=read_until - overlap)


def backfill_window(start: dt.datetime, end: dt.datetime, now: dt.datetime) -> Window:
    """All rows of a range of event times, whenever they were made.

    Args:
        start: the first.
        end: the first that is no more part of it.
        now: the run's.

    Raises:
        FatalError: there is nothing between the two.
    """
    until = min(end, now)
    if start >= until:
        raise FatalError(
            f"start: {start.isoformat()} is not before end, {until.isoformat()}: give a range of event times that has "
            "begun"
        )
    return Window(until=until, since=start)
