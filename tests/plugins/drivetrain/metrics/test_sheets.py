"""The gauges."""

from __future__ import annotations

from drivetrain.alerts.facts import QuotaUse
from drivetrain.alerts.thresholds import Thresholds
from drivetrain.metrics.sheets import OUTCOMES, measures
from tests.support.alerts import HOUR, NOON, depth, facts, letter, standing

Key = tuple[str, ...]


def gauges(what: object, **changes: object) -> dict[Key, float]:
    return {(m.name, *m.tags.values()): m.value for m in measures(facts(*what, **changes), Thresholds())}  # type: ignore[misc, arg-type]


def test_every_team_has_its_numbers_zeros_included() -> None:
    syncs = [
        standing(),
        standing("old", fresh_at=NOON - 5 * HOUR, failures=2),
        standing("loan", team="lending", is_paused=True, failures=1),
    ]
    found = gauges(syncs, runs={("retail", "written"): 7}, dead_letters=[letter(), letter("x", None)])
    assert found["syncs", "retail"] == 2
    assert found["late", "retail"] == found["failing", "retail"] == 1
    assert found["late", "lending"] == found["failing", "lending"] == 0
    assert found["paused", "lending"] == 1
    assert found["runs_last_hour", "retail", "written"] == 7
    assert {key[2] for key in found if key[:2] == ("runs_last_hour", "lending")} == set(OUTCOMES)
    assert [found["dead_letters", team] for team in ("retail", "lending", "none")] == [1, 0, 1]
    assert found[("checked_at",)] == NOON.timestamp()


def test_queue_and_quota_are_told_where_they_can_be_seen() -> None:
    unseen = gauges([standing()])
    assert not [key for key in unseen if key[0].startswith(("queue", "quota", "dead"))]
    uses = [
        QuotaUse("p", "", "read", 120, 240),
        QuotaUse("p", "a@p", "read", 36, 48),
        QuotaUse("p", "b@p", "read", 1, 48),
    ]
    found = gauges([standing()], depth=depth(ready=4, oldest_seconds=61.5), quota=uses)
    assert found["queue_depth", "ready"] == 4
    assert found[("queue_age_seconds",)] == 61.5
    assert found["quota_share", "read", "project"] == 0.5
    assert found["quota_share", "read", "account"] == 0.75, "of the busiest one"
    assert found["quota_share", "write", "project"] == 0


def test_every_gauge_has_its_tags_in_one_order() -> None:
    orders = {}
    for measure in measures(facts(standing(), dead_letters=[], depth=depth(), quota=[]), Thresholds()):
        assert orders.setdefault(measure.name, tuple(measure.tags)) == tuple(measure.tags)
    assert orders["runs_last_hour"] == ("team", "outcome"), "as k8s/monitoring/statsd-mapping.yaml says"
    assert orders["quota_share"] == ("kind", "scope")
