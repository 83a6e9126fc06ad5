"""From when on a condition is worth telling."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field

from drivetrain.spec_types import Duration, parse_duration
from drivetrain.specs import ClosedModel


class Thresholds(ClosedModel):
    """Limits of the conditions; durations are written as 30m, 6h or 2d.

    Attributes:
        late_grace: beyond a sync's objective. A daily sync with an objective of a day is late for as long as it runs.
        late_critical: so many times the objective is critical.
        failures: runs of one sync that failed in a row.
        queue_age: how long the oldest job that may be done waits.
        quota_share: of the calls in a minute from which on callers wait.
        quota_for: for so long without a break.
        dead_for: how long a dead letter is told that no later run can make good: one that names no sync of ours.
    """

    late_grace: Duration = "10m"
    late_critical: Annotated[float, Field(ge=1, le=100)] = 3.0
    failures: Annotated[int, Field(ge=1, le=1000)] = 3
    queue_age: Duration = "15m"
    quota_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    quota_for: Duration = "10m"
    dead_for: Duration = "1d"

    def span(self, name: str) -> dt.timedelta:
        """One of the durations."""
        return parse_duration(getattr(self, name))
