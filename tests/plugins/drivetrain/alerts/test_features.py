"""What is told of feature views, and their gauges."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from drivetrain.alerts.alert import Kind, Severity
from drivetrain.alerts.features import ViewStanding, feature_findings
from drivetrain.alerts.thresholds import Thresholds
from drivetrain.metrics.features import measures
from tests.support.alerts import HOUR, MINUTE, NOON

LIMITS = Thresholds()  # ten minutes' grace, three times the objective is critical


def view(age: dt.timedelta, **changes: Any) -> ViewStanding:
    """Of an objective of an hour, whose last run began when it was read."""
    fields: dict[str, Any] = {
        "view": "cars",
        "team": "pricing",
        "owner": "pricing@drivetrain.example",
        "freshness": HOUR,
        "fresh_at": NOON - age,
        "is_written": True,
        "refused": "",
        "last_run_at": NOON - age,
    }
    return ViewStanding(**fields | changes)


def test_a_view_is_told_once_it_is_older_than_its_objective_and_the_grace() -> None:
    assert feature_findings([view(70 * MINUTE)], NOON, LIMITS).alerts == ()
    found = feature_findings([view(71 * MINUTE)], NOON, LIMITS)
    (alert,) = found.alerts
    assert (alert.key, alert.severity, alert.team) == ("stale/cars", Severity.WARNING, "pricing")
    assert alert.line == (
        "feature view cars: what is served is 1 h 11 min old, its objective is 1 h: no run found rows that were fit to "
        "be written since then"
    )
    assert alert.since == NOON - 11 * MINUTE
    assert found.judged == {Kind.STALE}, "and one that is well again ends its alert"


def test_it_is_critical_at_three_times_the_objective() -> None:
    (alert,) = feature_findings([view(3 * HOUR)], NOON, LIMITS).alerts
    assert alert.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"refused": "rows: 9 are fewer\nprice: ..."}, "its last run was refused: rows: 9 are fewer price: ..."),
        ({"last_run_at": None, "is_written": False}, "nothing was ever written, its objective is 1 h: no run found"),
        ({"last_run_at": NOON - 30 * MINUTE}, "a run began, and did not write all of its rows"),
    ],
    ids=["refused", "never", "stuck"],
)
def test_it_says_why(changes: dict[str, Any], says: str) -> None:
    (alert,) = feature_findings([view(2 * HOUR, **changes)], NOON, LIMITS).alerts
    assert says in alert.line


def test_each_team_has_its_numbers_zeros_included() -> None:
    views = [view(30 * MINUTE), view(2 * HOUR, view="old"), view(15 * MINUTE, view="loans", team="lending")]
    found = {(one.name, *one.tags.values()): one.value for one in measures(views, NOON, LIMITS)}
    assert found == {
        ("views", "pricing"): 2,
        ("stale", "pricing"): 1,
        ("age_share", "pricing"): 2.0,
        ("views", "lending"): 1,
        ("stale", "lending"): 0,
        ("age_share", "lending"): 0.25,
        ("checked_at",): NOON.timestamp(),
    }
