"""One round: what holds is held against what was told, and each channel hears what it does not know."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from drivetrain.alerts.alert import PLATFORM, Alert, Kind, Severity, one_line
from drivetrain.alerts.conditions import Findings
from drivetrain.alerts.entry import Entry, Settled, settle
from drivetrain.alerts.notice import Item, Links, Notice, worst_first
from drivetrain.errors import DrivetrainError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from drivetrain.alerts.notice import Sender
    from drivetrain.alerts.routes import AlertRoutes
    from drivetrain.jobs.clock import Clock

log = logging.getLogger(__name__)

ITEMS_AT_ONCE = 500


class Memory(Protocol):
    """Where entries are kept. Every method may be repeated with the same effect, and may raise UnavailableError."""

    def current(self) -> Sequence[Entry]:
        """Those that are not history."""

    def keep(self, entries: Collection[Entry]) -> None:
        """Put them in the place of what was known of their keys, all or none."""

    def forget(self, keys: Collection[tuple[str, str]]) -> None:
        """Remove them."""


@dataclass
class Report:
    """How a round went.

    Attributes:
        alerts: how many hold.
        told: items that were delivered.
        failed: channels that could not be told, with the reason; what they have to hear waits for the next round.
        unheard: those of them of which nobody could be told that they fail.
    """

    alerts: int = 0
    told: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    unheard: list[str] = field(default_factory=list)


class Teller:
    """Tells the channels.

    Args:
        routes: who hears what.
        senders: by the channels' names, all of them.
        memory: what was told.
        links: where pages are.
        clock: aware.
    """

    def __init__(
        self, routes: AlertRoutes, senders: Mapping[str, Sender], memory: Memory, *, links: Links, clock: Clock
    ) -> None:
        self._routes, self._senders, self._memory, self._links = routes, senders, memory, links
        self._clock = clock

    def pending(self, found: Findings) -> dict[str, list[Item]]:
        """What each channel would hear; nothing is sent or remembered."""
        now = self._clock()
        return self._news(self._settled(found, tuple(Kind), now).current, now)

    def tell(self, found: Findings) -> Report:
        """One round. A channel that fails stops no other one, and hears it all in the next round."""
        report = Report(alerts=len(found.alerts))
        self._round(found, report, set(Kind) - {Kind.CHANNEL})
        # Now it is known which channels fail: the others hear of it, and also when one works again.
        broken = tuple(_broken(*failure) for failure in report.failed.items())
        self._round(Findings(broken, frozenset({Kind.CHANNEL})), report, {Kind.CHANNEL})
        known = {entry.alert.subject for entry in self._memory.current() if entry.told_at and _is_broken(entry)}
        report.unheard = sorted(set(report.failed) - known)
        return report

    def _round(self, found: Findings, report: Report, kinds: Collection[Kind]) -> None:
        now = self._clock()
        settled = self._settled(found, kinds, now)
        self._memory.keep(settled.changed)
        self._memory.forget(settled.forget)
        for channel, items in self._news(settled.current, now).items():
            if channel not in report.failed:
                self._deliver(channel, items, report)

    def _settled(self, found: Findings, kinds: Collection[Kind], now: dt.datetime) -> Settled:
        return settle(
            [entry for entry in self._memory.current() if entry.alert.kind in kinds],
            found.alerts,
            self._channels_of,
            now,
            judged=found.judged,
            glimpsed=found.glimpsed,
            quiet_after=self._routes.quiet,
        )

    def _channels_of(self, alert: Alert) -> Sequence[str]:
        channels = self._routes.channels_of(alert)
        # A channel need not be told that it can't be told.
        return [name for name in channels if alert.kind is not Kind.CHANNEL or name != alert.subject]

    def _news(self, entries: Iterable[Entry], now: dt.datetime) -> dict[str, list[Item]]:
        by_channel: dict[str, list[Item]] = {}
        for entry in entries:
            if news := entry.news(now, self._routes.repeat):
                by_channel.setdefault(entry.channel, []).append(Item(news, entry))
        return by_channel

    def _deliver(self, channel: str, items: Sequence[Item], report: Report) -> None:
        ordered = worst_first(items)
        for start in range(0, len(ordered), ITEMS_AT_ONCE):
            part = ordered[start : start + ITEMS_AT_ONCE]
            now = self._clock()
            try:
                self._senders[channel].send(Notice(part, now, self._links))
            except DrivetrainError as error:
                report.failed[channel] = one_line(str(error))
            except Exception as error:  # a channel's own fault must not silence the others
                log.exception("channel %s", channel)
                report.failed[channel] = one_line(f"unexpected {type(error).__name__}: {error}")
            if channel in report.failed:
                log.warning("channel %s: not told: %s", channel, report.failed[channel])
                return
            self._memory.keep([item.entry.told(item.news, now) for item in part])
            report.told += len(part)


def _broken(channel: str, reason: str) -> Alert:
    return Alert(
        kind=Kind.CHANNEL,
        subject=channel,
        severity=Severity.WARNING,  # a blink of Slack is no reason to wake somebody
        team=PLATFORM,
        line=f"alert channel {channel}: can't be told: {reason}",
        fix="correct its connection; what it has to hear waits and comes then",
        runbook="sheets.md#an-alert-channel-fails",
    )


def _is_broken(entry: Entry) -> bool:
    return entry.alert.kind is Kind.CHANNEL and entry.over_at is None
