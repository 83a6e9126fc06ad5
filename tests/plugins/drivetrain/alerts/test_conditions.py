"""What is worth telling."""

from __future__ import annotations

import pytest

from drivetrain.alerts.alert import PLATFORM, Alert, Kind, Severity
from drivetrain.alerts.conditions import findings
from drivetrain.alerts.facts import Facts, QuotaUse
from drivetrain.alerts.thresholds import Thresholds
from tests.support.alerts import DAY, HOUR, MINUTE, NOON, depth, facts, letter, standing

LIMITS = Thresholds()
OLD = {"fresh_at": NOON - 3 * HOUR, "last_success_at": NOON - 3 * HOUR, "last_attempt_at": NOON - 3 * HOUR}


def found(what: Facts, kind: Kind) -> list[Alert]:
    return [alert for alert in findings(what, LIMITS).alerts if alert.kind is kind]


def test_where_all_is_well_there_is_nothing_to_tell() -> None:
    all_seen = findings(facts(standing(), dead_letters=[], depth=depth(), quota=[]), LIMITS)
    assert all_seen.alerts == ()
    of_others = {Kind.TASK, Kind.CHANNEL, Kind.PUSH, Kind.IMPORT, Kind.VERSIONS, Kind.POD, Kind.STALE}
    assert all_seen.judged == set(Kind) - of_others


def test_a_sync_is_late_beyond_its_objective_and_the_grace() -> None:
    on_time = standing(fresh_at=NOON - 2 * HOUR - 10 * MINUTE)
    beyond = standing("beyond", fresh_at=NOON - 2 * HOUR - 11 * MINUTE)
    (alert,) = found(facts(on_time, beyond), Kind.LATE)
    assert (alert.subject, alert.team, alert.owner) == ("beyond", "retail", "retail@drivetrain.example")
    assert alert.since == NOON - 11 * MINUTE, "when it became late, not when its data was read"
    assert alert.page == "/drivetrain/sheets/beyond"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (OLD | {"failures": 1, "last_error": "no such table"}, "failed: no such table"),
        (OLD, "no run ended since it became late"),
        (OLD | {"last_attempt_at": NOON - MINUTE}, "its runs end well, but too rarely"),
        (OLD | {"last_success_at": None, "last_attempt_at": None}, "never synced"),
    ],
)
def test_a_late_sync_says_why(changes: dict[str, object], words: str) -> None:
    (alert,) = found(facts(standing(**changes)), Kind.LATE)
    assert words in alert.line
    assert alert.line.startswith("sync stock: ")
    assert alert.fix


def test_a_sync_that_is_paused_or_on_demand_is_never_late() -> None:
    paused = standing("paused", is_paused=True, failures=9, last_error="x", **OLD)
    assert findings(facts(paused, standing("by_hand", is_scheduled=False, **OLD)), LIMITS).alerts == ()


def test_three_times_the_objective_is_critical() -> None:
    (mild,) = found(facts(standing(fresh_at=NOON - 5 * HOUR)), Kind.LATE)
    (bad,) = found(facts(standing(fresh_at=NOON - 6 * HOUR)), Kind.LATE)
    assert (mild.severity, bad.severity) == (Severity.WARNING, Severity.CRITICAL)


def test_a_sync_that_failed_three_times_in_a_row_is_told() -> None:
    assert found(facts(standing(failures=2, last_error="x")), Kind.FAILING) == []
    (alert,) = found(facts(standing(failures=3, last_error="no such\ntable \x1b[31m")), Kind.FAILING)
    assert alert.line == "sync stock: failed 3 times in a row: no such table [31m", "one line, whatever the error is"


def test_drift_is_told_at_the_first_failure_and_is_over_with_a_good_run() -> None:
    error = "sync stock: columns: the query does not give PRICE; it gives ID: correct the spec's columns or the query"
    (alert,) = found(facts(standing(failures=1, last_error=error)), Kind.DRIFT)
    assert error in alert.line
    assert alert.runbook == "sheets.md#columns-drifted"
    assert found(facts(standing(failures=0, last_error=error)), Kind.DRIFT) == []


def test_dead_letters_of_a_sync_are_one_alert_that_names_the_latest() -> None:
    letters = [letter("stock@1", buried_at=NOON - 2 * HOUR), letter("stock@2", reason="a newer reason")]
    (alert,) = found(facts(standing(**OLD), dead_letters=letters), Kind.DEAD)
    assert "2 jobs were given up, the last one stock@2: a newer reason" in alert.line
    assert (alert.team, alert.since) == ("retail", NOON - 2 * HOUR)


def test_a_later_success_makes_a_dead_letter_good_except_for_an_append() -> None:
    later = facts(standing(), standing("log", mode="append"), dead_letters=[letter(), letter("log@1", "log")])
    assert [alert.subject for alert in found(later, Kind.DEAD)] == ["log"]


def test_a_dead_letter_that_names_no_sync_goes_to_the_platform_for_a_day() -> None:
    strange = [letter("x", None), letter("y", "removed_one"), letter("old", None, buried_at=NOON - DAY)]
    (alert,) = found(facts(standing(), dead_letters=strange), Kind.DEAD)
    assert (alert.team, alert.subject) == (PLATFORM, "refused")
    assert alert.line.startswith("2 jobs were given up")


def test_a_payload_of_any_shape_is_taken() -> None:
    odd = letter(payload={"sync": 7.5, "team": None})
    assert found(facts(standing(), dead_letters=[odd]), Kind.DEAD)[0].subject == "refused"


def test_an_old_queue_is_critical() -> None:
    assert found(facts(depth=depth(ready=3, oldest_seconds=900.0)), Kind.QUEUE) == []
    (alert,) = found(facts(depth=depth(ready=3, oldest_seconds=1500.0)), Kind.QUEUE)
    assert (alert.severity, alert.team) == (Severity.CRITICAL, PLATFORM)
    assert "3 jobs wait, the oldest for 25 min" in alert.line
    assert alert.since == NOON - 10 * MINUTE


def test_a_quota_has_to_be_used_up_for_a_while() -> None:
    used = [QuotaUse("p.example", "", "write", 192, 240), QuotaUse("p.example", "a@p.example", "read", 47, 48)]
    (alert,) = found(facts(quota=used), Kind.QUOTA)
    assert (alert.subject, alert.hold) == ("read/a@p.example", 10 * MINUTE)
    assert "47 reads in the last minute, 98%" in alert.line


def test_what_could_not_be_seen_is_not_judged() -> None:
    seen = {Kind.LATE, Kind.FAILING, Kind.DRIFT, Kind.BLIND}
    assert findings(facts(standing()), LIMITS).judged == seen
    cannot_count = depth(ready=None, dead=None)
    partly = findings(facts(standing(), dead_letters=[], depth=cannot_count, quota=None), LIMITS)
    assert partly.judged == seen
    assert partly.glimpsed == {Kind.TASK, Kind.DEAD}


def test_what_should_be_there_and_can_not_be_seen_is_told_once_it_lasts() -> None:
    (alert,) = found(facts(standing(), blind={"dead letters": "no\nanswer"}), Kind.BLIND)
    assert (alert.subject, alert.team, alert.hold) == ("dead-letters", PLATFORM, 10 * MINUTE)
    assert alert.line == "sheets_health can't see the dead letters: no answer"
