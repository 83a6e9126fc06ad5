"""Numbers of the sheet syncs for dashboards: pure, from the same look as the alerts.

All are gauges of now or of the last hour: a round that is repeated, or missed, makes no number wrong afterwards.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from drivetrain.alerts.conditions import late
from drivetrain.metrics.measure import Measure
from drivetrain.sheets.registry import GOOD_OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivetrain.alerts.facts import Facts
    from drivetrain.alerts.thresholds import Thresholds

PREFIX = "drivetrain.sheets"
OUTCOMES = (*sorted(GOOD_OUTCOMES), "failed")
NO_TEAM = "none"  # of dead letters that name no sync of ours


def measures(facts: Facts, limits: Thresholds) -> list[Measure]:
    """Every gauge that can be told, zeros included: one that is not sent keeps its last value in most backends."""
    teams = sorted({sync.team for sync in facts.syncs})
    return [*_syncs(facts, limits, teams), *_queue(facts, teams), *_quota(facts), Measure("checked_at", _epoch(facts))]


def _syncs(facts: Facts, limits: Thresholds, teams: list[str]) -> Iterator[Measure]:
    every = Counter(sync.team for sync in facts.syncs)
    overdue = Counter(sync.team for sync in late(facts, limits))
    failing = Counter(sync.team for sync in facts.syncs if sync.failures and not sync.is_paused)
    paused = Counter(sync.team for sync in facts.syncs if sync.is_paused)
    for team in teams:
        tags = {"team": team}
        yield Measure("syncs", every[team], tags)
        yield Measure("late", overdue[team], tags)
        yield Measure("failing", failing[team], tags)
        yield Measure("paused", paused[team], tags)
        for outcome in OUTCOMES:
            yield Measure("runs_last_hour", facts.runs.get((team, outcome), 0), tags | {"outcome": outcome})


def _queue(facts: Facts, teams: list[str]) -> Iterator[Measure]:
    if facts.dead_letters is not None:
        team_of = {sync.sync: sync.team for sync in facts.syncs}
        dead = Counter(team_of.get(str(letter.payload.get("sync")), NO_TEAM) for letter in facts.dead_letters)
        for team in (*teams, NO_TEAM):
            yield Measure("dead_letters", dead[team], {"team": team})
    if facts.depth is None or facts.depth.ready is None:
        return
    for state in ("ready", "delayed", "leased"):
        count = getattr(facts.depth, state)
        if count is not None:
            yield Measure("queue_depth", count, {"state": state})
    yield Measure("queue_age_seconds", facts.depth.oldest_seconds or 0.0)


def _quota(facts: Facts) -> Iterator[Measure]:
    if facts.quota is None:
        return
    for scope, whose in (("project", False), ("account", True)):
        for kind in ("read", "write"):
            shares = [use.share for use in facts.quota if use.kind == kind and bool(use.account) is whose]
            yield Measure("quota_share", round(max(shares, default=0.0), 4), {"kind": kind, "scope": scope})


def _epoch(facts: Facts) -> float:
    return round(facts.at.timestamp())
