"""What one channel is told at once, whatever it is made of in the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from drivetrain.alerts.alert import span
from drivetrain.alerts.entry import News

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from drivetrain.alerts.entry import Entry


@dataclass(frozen=True)
class Item:
    """One alert's news."""

    news: News
    entry: Entry

    @property
    def id(self) -> str:
        """The same however often it is delivered: by it a receiver can tell what it knows already."""
        times = self.entry.told_at.isoformat() if self.news is News.AGAIN and self.entry.told_at else ""
        return "|".join(filter(None, [self.entry.alert.key, self.entry.began_at.isoformat(), self.news.value, times]))


@dataclass(frozen=True)
class Links:
    """Where pages are.

    Attributes:
        airflow: Airflow's own address, "" if it is not known.
        runbooks: likewise.
    """

    airflow: str = ""
    runbooks: str = ""

    def of(self, item: Item) -> list[str]:
        """The pages of an alert."""
        alert = item.entry.alert
        board = f"{self.airflow.rstrip('/')}{alert.page}" if self.airflow and alert.page else ""
        runbook = f"{self.runbooks.rstrip('/')}/{alert.runbook}" if self.runbooks and alert.runbook else ""
        return [link for link in (board, runbook) if link]


@dataclass(frozen=True)
class Notice:
    """Several items, the worst first."""

    items: tuple[Item, ...]
    at: dt.datetime
    links: Links

    @property
    def headline(self) -> str:
        """Such as "Drivetrain: 2 new, 1 over"."""
        counts = Counter(item.news for item in self.items)
        return "Drivetrain: " + ", ".join(f"{counts[news]} {news.value}" for news in News if counts[news])

    def lines(self, most: int) -> list[str]:
        """One line an item, and at the end how many more there are."""
        shown = [self.line(item) for item in self.items[:most]]
        left = len(self.items) - most
        if left > 0:
            board = f": {self.links.airflow.rstrip('/')}/drivetrain/sheets" if self.links.airflow else ""
            shown.append(f"… and {left} more{board}")
        return shown

    def line(self, item: Item) -> str:
        """What happened to whom, and what to do."""
        entry, alert = item.entry, item.entry.alert
        links = "".join(f" {link}" for link in self.links.of(item))
        owner = f" ({alert.owner})" if alert.owner else ""
        if item.news is News.OVER:
            lasted = span((entry.over_at or self.at) - entry.began_at)
            unheard = ", could not be told before" if entry.told_at is None else ""
            return f"[over] {alert.team}: {alert.key}: after {lasted}{unheard}. It was: {alert.line}{links}"
        mark = alert.severity.value if item.news is News.NEW else f"{alert.severity.value}, {item.news.value}"
        return f"[{mark}] {alert.team}{owner}: {alert.line}. Fix: {alert.fix}{links}"

    def document(self) -> dict[str, Any]:
        """As JSON for programs."""
        return {
            "version": 1,
            "at": self.at.isoformat(),
            "headline": self.headline,
            "alerts": [
                {
                    "id": item.id,
                    "news": item.news.name.lower(),
                    "key": item.entry.alert.key,
                    "kind": item.entry.alert.kind.value,
                    "severity": item.entry.alert.severity.value,
                    "team": item.entry.alert.team,
                    "owner": item.entry.alert.owner,
                    "line": item.entry.alert.line,
                    "fix": item.entry.alert.fix,
                    "links": self.links.of(item),
                    "began_at": item.entry.began_at.isoformat(),
                    "over_at": item.entry.over_at.isoformat() if item.entry.over_at else None,
                }
                for item in self.items
            ],
        }


class Sender(Protocol):
    """A channel that can be told something."""

    def send(self, notice: Notice) -> None:
        """Deliver it; returns once the other side has it.

        Raises:
            DrivetrainError: it may not have it.
        """


def worst_first(items: Sequence[Item]) -> tuple[Item, ...]:
    """What holds before what is over, critical before warning, then the oldest."""
    return tuple(
        sorted(
            items,
            key=lambda item: (
                item.news is News.OVER,
                -item.entry.alert.severity.rank,
                item.entry.began_at,
                item.entry.alert.key,
            ),
        )
    )
