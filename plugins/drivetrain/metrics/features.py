"""Numbers of feature views for dashboards: pure, from the same look as the alerts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from drivetrain.alerts.features import stale
from drivetrain.metrics.measure import Measure

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from drivetrain.alerts.features import ViewStanding
    from drivetrain.alerts.thresholds import Thresholds

PREFIX = "drivetrain.features"


def measures(views: Sequence[ViewStanding], now: dt.datetime, limits: Thresholds) -> Iterator[Measure]:
    """By team, zeros included: a gauge that is not sent keeps its last value in most backends.

    `age_share` is how old what is served of the team's oldest view is, as a share of that view's objective.
    """
    every = Counter(view.team for view in views)
    late = Counter(view.team for view in stale(views, now, limits))
    for team in sorted(every):
        tags = {"team": team}
        shares = [(now - view.fresh_at) / view.freshness for view in views if view.team == team]
        yield Measure("views", every[team], tags)
        yield Measure("stale", late[team], tags)
        yield Measure("age_share", round(max(shares), 3), tags)
    yield Measure("checked_at", round(now.timestamp()))
