"""What is worth telling of feature views: pure, from what the state database knows of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from drivetrain.alerts.alert import Alert, Kind, Severity, one_line, span
from drivetrain.alerts.conditions import Findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain.alerts.thresholds import Thresholds

BOARD = "/drivetrain/features"
_STALE = "features.md#features-are-old"


@dataclass(frozen=True)
class ViewStanding:
    """One view that has a spec.

    Attributes:
        freshness: how old what is served may become.
        fresh_at: all that was there before that is in Redis; of a view of which nothing was ever written, when it
            became known.
        is_written: whether anything ever was.
        refused: what the gates said of its newest run; "": they let it pass.
        last_run_at: when its newest run began; None: there was none.
    """

    view: str
    team: str
    owner: str
    freshness: dt.timedelta
    fresh_at: dt.datetime
    is_written: bool
    refused: str
    last_run_at: dt.datetime | None


def stale(views: Sequence[ViewStanding], now: dt.datetime, limits: Thresholds) -> list[ViewStanding]:
    """Views beyond their objective and its grace."""
    grace = limits.span("late_grace")
    return [view for view in views if now > view.fresh_at + view.freshness + grace]


def feature_findings(views: Sequence[ViewStanding], now: dt.datetime, limits: Thresholds) -> Findings:
    """Every view of which what is served is too old, and why."""
    alerts = tuple(_alert(view, now, limits) for view in stale(views, now, limits))
    return Findings(alerts, frozenset({Kind.STALE}))


def _alert(view: ViewStanding, now: dt.datetime, limits: Thresholds) -> Alert:
    age, over_at = now - view.fresh_at, view.fresh_at + view.freshness
    if view.refused:
        why = f"its last run was refused: {one_line(view.refused, 300)}"
        fix = "mend the source, or the gate, and clear the run's task stage"
    elif view.last_run_at is None or view.last_run_at < over_at:
        why = "no run found rows that were fit to be written since then"
        fix = f"see whether DAG features_{view.view} runs, and what its tasks say; it may be paused"
    else:
        why = "a run began, and did not write all of its rows"
        fix = f"see what the tasks of DAG features_{view.view} say"
    told = f"what is served is {span(age)} old" if view.is_written else "nothing was ever written"
    return Alert(
        kind=Kind.STALE,
        subject=view.view,
        severity=Severity.CRITICAL if age >= limits.late_critical * view.freshness else Severity.WARNING,
        team=view.team,
        owner=view.owner,
        line=f"feature view {view.view}: {told}, its objective is {span(view.freshness)}: {why}",
        fix=fix,
        page=f"{BOARD}/{quote(view.view, safe='')}",
        runbook=_STALE,
        since=over_at,
    )
