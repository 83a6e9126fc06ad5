"""Told once, again after a while, and when it is over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from drivetrain.alerts.alert import Alert, Kind
from drivetrain.alerts.entry import Entry, News, Settled, settle
from tests.support.alerts import HOUR, MINUTE, NOON, alert

REPEAT = 4 * HOUR


class Channel:
    """One channel that hears everything, unless it is down."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.heard: list[tuple[str, str]] = []
        self.routes: list[str] = ["ops"]

    def round(
        self,
        now: dt.datetime,
        *alerts: Alert,
        judged: Sequence[Kind] = tuple(Kind),
        glimpsed: Sequence[Kind] = (),
        down: bool = False,
    ) -> list[tuple[str, str]]:
        settled: Settled = settle(
            [entry for entry in self.entries if entry.over_told_at is None],
            alerts,
            lambda _: self.routes,
            now,
            judged=judged,
            glimpsed=glimpsed,
            quiet_after=HOUR,
        )
        self.entries, heard = [], []
        for entry in settled.current:
            news = entry.news(now, REPEAT)
            if news and not down:
                heard.append((entry.alert.subject, news.name))
                self.entries.append(entry.told(news, now))
            else:
                self.entries.append(entry)
        return heard


def test_an_alert_is_told_once_again_after_the_interval_and_once_that_it_is_over() -> None:
    channel = Channel()
    assert channel.round(NOON, alert()) == [("stock", "NEW")]
    assert channel.round(NOON + 5 * MINUTE, alert()) == []
    assert channel.round(NOON + REPEAT, alert()) == [("stock", "AGAIN")]
    assert channel.round(NOON + REPEAT + 5 * MINUTE, alert()) == [], "the interval begins anew"
    assert channel.round(NOON + REPEAT + 10 * MINUTE) == [("stock", "OVER")]
    assert channel.round(NOON + REPEAT + 15 * MINUTE) == []
    assert channel.round(NOON + REPEAT + 20 * MINUTE, alert()) == [("stock", "NEW")], "it came again"


def test_what_a_channel_that_is_down_did_not_hear_it_hears_afterwards() -> None:
    channel = Channel()
    assert channel.round(NOON, alert(), down=True) == []
    assert channel.round(NOON + 5 * MINUTE, down=True) == [], "over before anybody heard of it"
    assert channel.round(NOON + 10 * MINUTE) == [("stock", "OVER")]
    assert channel.entries[0].began_at == NOON
    assert channel.entries[0].over_at == NOON + 5 * MINUTE


def test_one_that_is_back_before_its_end_was_told_never_ended() -> None:
    channel = Channel()
    channel.round(NOON, alert())
    channel.round(NOON + 5 * MINUTE, down=True)
    assert channel.round(NOON + 10 * MINUTE, alert()) == []
    assert channel.round(NOON + 15 * MINUTE) == [("stock", "OVER")]


def test_one_that_has_to_hold_is_told_late_or_not_at_all() -> None:
    channel, quota = Channel(), alert("write/p", Kind.QUOTA, hold=10 * MINUTE)
    assert channel.round(NOON, quota) == []
    assert channel.round(NOON + 5 * MINUTE) == []
    assert channel.entries == [], "it did not hold"
    assert channel.round(NOON + 10 * MINUTE, quota) == []
    assert channel.round(NOON + 15 * MINUTE, quota) == []
    assert channel.round(NOON + 20 * MINUTE, quota) == [("write/p", "NEW")]


def test_what_could_not_be_looked_at_is_not_over() -> None:
    channel = Channel()
    channel.round(NOON, alert(kind=Kind.DEAD))
    assert channel.round(NOON + 5 * MINUTE, judged=[Kind.LATE]) == []
    assert channel.round(NOON + 10 * MINUTE, judged=[Kind.DEAD]) == [("stock", "OVER")]


def test_what_is_only_seen_at_times_is_over_when_it_was_not_seen_for_a_while() -> None:
    channel, task = Channel(), alert("dag/task", Kind.TASK)
    channel.round(NOON, task, glimpsed=[Kind.TASK])
    channel.round(NOON + 30 * MINUTE, task, glimpsed=[Kind.TASK])
    assert channel.round(NOON + 89 * MINUTE, glimpsed=[Kind.TASK]) == []
    assert channel.round(NOON + 90 * MINUTE, glimpsed=[Kind.TASK]) == [("dag/task", "OVER")]


def test_a_channel_that_is_not_asked_any_more_hears_nothing_more() -> None:
    channel = Channel()
    channel.round(NOON, alert())
    channel.routes = ["others"]
    assert channel.round(NOON + 5 * MINUTE, alert()) == [("stock", "NEW")]
    assert [entry.channel for entry in channel.entries] == ["others"]


def test_news_names_are_what_people_read() -> None:
    assert [news.value for news in News] == ["new", "still on", "over"]
