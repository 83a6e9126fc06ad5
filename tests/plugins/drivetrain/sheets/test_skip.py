from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from drivetrain.sheets.dispatch import Trigger
from drivetrain.sheets.memory import Remembered
from drivetrain.sheets.skip import SourceVersion, is_check_due, skip, source_version
from tests.support.sheets import sync_spec

NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
VERSION = SourceVersion("v1", NOON)
REMEMBERED = Remembered(
    sync="small",
    spec_hash="h1",
    source_version="v1",
    source_read_at=NOON - HOUR,
    result_digest="r1",
    tab_digest="t1",
    row_hashes=b"",
    rows=7,
    checked_at=NOON - HOUR,
)


def decided(remembered: Remembered | None = REMEMBERED, **changes: Any) -> Any:
    facts: dict[str, Any] = {"spec": sync_spec(), "spec_hash": "h1", "trigger": Trigger.SCHEDULE, "version": VERSION}
    return skip(**(facts | changes), remembered=remembered, now=NOON)


def test_a_job_whose_source_is_as_it_was_ends_unchanged_without_a_query_or_a_look() -> None:
    outcome = decided()
    assert (outcome.outcome, outcome.source, outcome.rows, outcome.source_read_at) == ("unchanged", "skipped", 7, NOON)
    assert (outcome.read_calls, outcome.write_calls, outcome.looks) == (0, 0, 0)
    assert decided(trigger=Trigger.FRESHNESS) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"spec_hash": "h2"},
        {"version": SourceVersion("v2", NOON)},
        {"version": None},
        {"trigger": Trigger.DEMAND},
        {"spec": sync_spec(mode="append")},
        {"spec": sync_spec(source={"query": "SELECT 1", "always_run": True})},
        {"spec": sync_spec(check_every="1h")},
        {"remembered": None},
        {"remembered": replace(REMEMBERED, result_digest="")},
        {"remembered": replace(REMEMBERED, source_version="", checked_at=NOON)},
        {"remembered": replace(REMEMBERED, checked_at=NOON - 24 * HOUR)},
        {"remembered": replace(REMEMBERED, checked_at=NOON + 24 * HOUR)},
    ],
    ids=str,
)
def test_it_runs_where_anything_is_not_as_it_was_or_not_known(changes: dict[str, Any]) -> None:
    assert decided(**changes) is None


def test_the_sheet_is_looked_at_when_somebody_asks_or_it_is_time() -> None:
    spec = sync_spec(check_every="2h")
    assert not is_check_due(spec, Trigger.SCHEDULE, REMEMBERED, NOON)
    assert is_check_due(spec, Trigger.DEMAND, REMEMBERED, NOON)
    assert is_check_due(spec, Trigger.SCHEDULE, REMEMBERED, NOON + HOUR)
    assert is_check_due(spec, Trigger.SCHEDULE, None, NOON)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"watermark": "SELECT 1", "always_run": True}, "no use where always_run is true"),
        ({"watermark": "SELECT {{ ds }}"}, "workers render no template"),
        ({"watermark": "SELECT %(day)s, %(city)s", "parameters": {"city": "Pune"}}, "watermark: day has no value"),
    ],
)
def test_a_watermark_that_could_not_be_asked_is_refused_with_its_spec(source: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        sync_spec(source={"query": "SELECT 1", **source})


def test_a_version_changes_with_each_thing_that_the_result_depends_on_and_with_no_other() -> None:
    facts = ["account", "role"], [["D", "S", "T", "12:00"]], {"day": NOON.date(), "city": "Pune", "n": 1}
    version = source_version(*facts, NOON)
    assert source_version(*facts, NOON + HOUR).value == version.value
    others = [
        (["account", "other role"], *facts[1:]),
        (facts[0], [["D", "S", "T", "12:01"]], facts[2]),
        *((*facts[:2], {**facts[2], **other}) for other in ({"day": NOON.date() + dt.timedelta(1)}, {"n": "1"})),
    ]
    assert len({version.value, *(source_version(*other, NOON).value for other in others)}) == 5
