"""Which rows a run reads."""

from __future__ import annotations

import datetime as dt

import pytest

from drivetrain.errors import FatalError
from drivetrain.features.window import Window, backfill_window, next_window

NOON = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def news(read_until: dt.datetime | None, **options: dt.timedelta | None) -> Window:
    chosen = {"overlap": HOUR, "lateness": 7 * DAY, "ttl": None} | options
    return next_window(read_until, NOON, **chosen)  # type: ignore[arg-type]


def test_the_first_run_reads_all_that_somebody_could_still_use() -> None:
    assert news(None) == Window(until=NOON)
    assert news(None, ttl=2 * DAY) == Window(until=NOON, since=NOON - 2 * DAY)


def test_the_next_run_reads_what_is_new_and_some_of_the_last_again() -> None:
    before = NOON - HOUR
    assert news(before) == Window(until=NOON, since=before - 7 * DAY, news_since=before - HOUR)


def test_what_is_older_than_the_ttl_is_not_read_however_late_it_may_come() -> None:
    before = NOON - HOUR
    assert news(before, ttl=2 * DAY).since == NOON - 2 * DAY
    assert news(before, ttl=30 * DAY).since == before - 7 * DAY


def test_after_a_month_of_silence_the_month_is_read() -> None:
    before = NOON - 30 * DAY
    assert news(before) == Window(until=NOON, since=before - 7 * DAY, news_since=before - HOUR)


def test_a_lateness_below_the_overlap_hides_nothing_of_the_overlap() -> None:
    before = NOON - HOUR
    assert news(before, lateness=dt.timedelta(minutes=1)).since == before - HOUR


def test_a_backfill_reads_a_range_whenever_its_rows_were_made_and_nothing_of_the_future() -> None:
    assert backfill_window(NOON - DAY, NOON - HOUR, NOON) == Window(until=NOON - HOUR, since=NOON - DAY)
    assert backfill_window(NOON - DAY, NOON + DAY, NOON).until == NOON
    for start, end in ((NOON, NOON), (NOON + HOUR, NOON + DAY), (NOON, NOON - DAY)):
        with pytest.raises(FatalError, match="is not before end"):
            backfill_window(start, end, NOON)


def test_only_times_that_are_given_become_parameters() -> None:
    assert set(Window(until=NOON).parameters) == {"until"}
    assert set(news(NOON - HOUR).parameters) == {"until", "since", "news_since"}
