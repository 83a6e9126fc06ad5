from __future__ import annotations

import datetime as dt

import pytest

from boards.formats import count, counted, from_now, moment, span

NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.0, "0 ms"),
        (0.2434, "243 ms"),
        (3.21, "3.2 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_600, "1 h"),
        (3_661, "1 h 1 min"),
        (86_400 * 3 + 3_600 * 2 + 59, "3 d 2 h"),
        (86_405, "1 d"),
    ],
)
def test_a_span_has_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (5, "in 5 s"),
        (-5, "5 s ago"),
        (-1369, "22 min ago"),
        (7_265, "in 2 h 1 min"),
        (-90, "1 min 30 s ago"),
    ],
)
def test_a_moment_is_told_by_its_distance(seconds: int, text: str) -> None:
    assert from_now(NOON + dt.timedelta(seconds=seconds), NOON) == text


def test_what_is_not_known_is_a_dash() -> None:
    assert (from_now(None, NOON), moment(None), count(None)) == ("–", "–", "–")


def test_numbers_and_zones() -> None:
    india = NOON.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30)))
    assert moment(india) == "2026-11-25 12:00:00 UTC"
    assert [counted(number, "write") for number in (0, 1, 1_200)] == ["0 writes", "1 write", "1,200 writes"]
