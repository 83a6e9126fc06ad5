"""What people and programs read."""

from __future__ import annotations

import json
from dataclasses import replace

from drivetrain.alerts.alert import Severity, one_line, span
from drivetrain.alerts.entry import News, seen
from drivetrain.alerts.notice import Item, Links, Notice, worst_first
from tests.support.alerts import DAY, HOUR, MINUTE, NOON, alert

LINKS = Links("https://airflow.example/base/", "https://git.example/docs/runbooks")


def item(subject: str = "stock", news: News = News.NEW, **changes: object) -> Item:
    entry = seen(None, alert(subject, **changes), "ops", NOON)
    if news is News.OVER:
        entry = replace(entry, over_at=NOON + HOUR, told_at=NOON)
    return Item(news, entry)


def test_a_line_names_the_thing_the_fix_and_the_pages() -> None:
    told = Notice((item(owner="a@b.example", runbook="sheets.md#late"),), NOON, LINKS)
    assert told.headline == "Drivetrain: 1 new"
    assert told.lines(5) == [
        "[warning] retail (a@b.example): sync stock: 3 h old. Fix: look "
        "https://airflow.example/base/drivetrain/sheets/stock https://git.example/docs/runbooks/sheets.md#late"
    ]


def test_an_end_says_how_long_it_lasted() -> None:
    (line,) = Notice((item(news=News.OVER),), NOON + HOUR, Links()).lines(5)
    assert line == "[over] retail: late/stock: after 1 h. It was: sync stock: 3 h old"


def test_thousands_of_alerts_are_a_short_message() -> None:
    told = Notice(tuple(item(f"s{n}") for n in range(2_500)), NOON, LINKS)
    lines = told.lines(20)
    assert len(lines) == 21
    assert lines[-1] == "… and 2480 more: https://airflow.example/base/drivetrain/sheets"
    assert len(json.dumps(told.document())) < 2_000_000


def test_the_worst_comes_first_and_ends_last() -> None:
    over, mild, bad = item("a", News.OVER), item("b"), item("c", severity=Severity.CRITICAL)
    assert worst_first([over, mild, bad]) == (bad, mild, over)


def test_a_repeated_delivery_has_the_same_id_and_a_repeated_alert_another() -> None:
    first = item()
    assert first.id == item().id
    again = Item(News.AGAIN, replace(first.entry, told_at=NOON))
    later = Item(News.AGAIN, replace(first.entry, told_at=NOON + HOUR))
    assert len({first.id, again.id, later.id, Item(News.OVER, first.entry).id}) == 4


def test_lengths_of_time_are_written_as_people_say_them() -> None:
    assert span(30 * MINUTE) == "30 min"
    assert span(26 * HOUR + MINUTE) == "1 d 2 h"
    assert span(3 * DAY) == "3 d"
    assert span(MINUTE / 2) == "less than a minute"


def test_texts_from_outside_become_one_line() -> None:
    assert one_line("a\n\tb\x00c\u2028d") == "a b c d"
    assert len(one_line("x" * 10_000)) == 600
