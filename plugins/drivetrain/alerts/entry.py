"""What is remembered of an alert on one channel: told once, again after a while, and told when it is over.

An entry is kept before anything is sent, and marked as told after it was delivered. Killed in between, the same thing
is told once more; it is never forgotten, not even where it is over before a channel that was down could be told.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from drivetrain.alerts.alert import Alert, Kind


class News(StrEnum):
    """What is told of an alert."""

    NEW = "new"
    AGAIN = "still on"
    OVER = "over"


@dataclass(frozen=True)
class Entry:
    """An alert on a channel.

    Attributes:
        began_at: since when it holds.
        seen_at: when it was last found to hold.
        tell_from: not before, see Alert.hold.
        told_at: when the channel was last told that it holds; None: not yet.
        over_at: since when it does not hold; None: it does.
        over_told_at: when the channel was told so; from then on the entry is history.
    """

    alert: Alert
    channel: str
    began_at: dt.datetime
    seen_at: dt.datetime
    tell_from: dt.datetime
    told_at: dt.datetime | None = None
    over_at: dt.datetime | None = None
    over_told_at: dt.datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The alert's key and the channel."""
        return self.alert.key, self.channel

    def news(self, now: dt.datetime, repeat_after: dt.timedelta) -> News | None:
        """What to tell now, if anything."""
        if self.over_told_at is not None:
            return None
        if self.over_at is not None:
            return News.OVER
        if self.told_at is None:
            return News.NEW if now >= self.tell_from else None
        return News.AGAIN if now - self.told_at >= repeat_after else None

    def told(self, news: News, now: dt.datetime) -> Entry:
        """The entry after that was delivered."""
        return replace(self, over_told_at=now) if news is News.OVER else replace(self, told_at=now)


@dataclass(frozen=True)
class Settled:
    """Entries as they are now.

    Attributes:
        current: all of them, each with the alert as it is now.
        changed: those that have to be kept. What an alert says changes with every minute; it is kept when it is told.
        forget: nobody needs to hear of these: gone before their time to be told, or routed elsewhere since.
    """

    current: tuple[Entry, ...]
    changed: tuple[Entry, ...]
    forget: tuple[tuple[str, str], ...]


def seen(known: Entry | None, alert: Alert, channel: str, now: dt.datetime) -> Entry:
    """An alert that holds, on one channel."""
    if known is None or known.over_told_at is not None:
        return Entry(alert, channel, began_at=alert.since or now, seen_at=now, tell_from=now + alert.hold)
    return replace(known, alert=alert, seen_at=now, over_at=None)


def settle(
    known: Iterable[Entry],
    alerts: Iterable[Alert],
    channels_of: Callable[[Alert], Collection[str]],
    now: dt.datetime,
    *,
    judged: Collection[Kind],
    glimpsed: Collection[Kind],
    quiet_after: dt.timedelta,
) -> Settled:
    """Hold what is remembered against what holds now.

    Args:
        known: entries that are not history; all of them.
        alerts: what holds.
        channels_of: where an alert goes.
        now: aware.
        judged: kinds of which `alerts` has all: others of them are over.
        glimpsed: kinds of which it has some at least.
        quiet_after: one of those is over when it was not seen for so long.
    """

    def is_over(entry: Entry) -> bool:
        if entry.alert.kind in glimpsed:
            return now - entry.seen_at >= quiet_after
        return entry.alert.kind in judged

    before = {entry.key: entry for entry in known}
    current, changed, forget = {}, [], []
    for alert in alerts:
        for channel in channels_of(alert):
            was = before.get((alert.key, channel))
            entry = current[alert.key, channel] = seen(was, alert, channel, now)
            if was is None or was.over_at is not None or alert.kind in glimpsed:
                changed.append(entry)
    on = {alert_key for alert_key, _ in current}
    for key, entry in before.items():
        if key in current:
            continue
        if entry.alert.key in on or entry.channel not in channels_of(entry.alert):
            forget.append(key)
        elif entry.over_at is not None or not is_over(entry):
            current[key] = entry
        elif entry.told_at is None and now < entry.tell_from:
            forget.append(key)
        else:
            current[key] = replace(entry, over_at=now)
            changed.append(current[key])
    return Settled(tuple(current.values()), tuple(changed), tuple(forget))
