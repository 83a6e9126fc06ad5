"""Numbers of a row as lengths in a small picture. Attributes of SVG: the page's policy allows no inline style."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from boards.formats import span
from boards.sheets.queries import SPARK_RUNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from boards.sheets.queries import Row, Run

HEIGHT = 22
STEP = 4
WIDTH = SPARK_RUNS * STEP
BAR_WIDTH = 96
_LOWEST = 3.0


@dataclass(frozen=True)
class Column:
    """One run: where it stands, how high it is, and what it says."""

    x: int
    y: float
    height: float
    kind: str
    title: str


def columns(runs: Sequence[Run]) -> list[Column]:
    """The newest at the right. Heights by the root of the duration, so that one slow run leaves the others visible."""
    longest = max((run.seconds for run in runs), default=0.0) or 1.0
    drawn = []
    for index, run in enumerate(runs):
        height = round(_LOWEST + (HEIGHT - _LOWEST) * math.sqrt(run.seconds / longest), 1)
        drawn.append(
            Column(
                x=(SPARK_RUNS - len(runs) + index) * STEP,
                y=round(HEIGHT - height, 1),
                height=height,
                kind="good" if run.is_good else "bad",
                title=f"{run.due_at:%d %b %H:%M}: {run.outcome}, {span(run.seconds)}",
            )
        )
    return drawn


def summary(runs: Sequence[Run]) -> str:
    """The same in words."""
    if not runs:
        return "no runs yet"
    good = sum(run.is_good for run in runs)
    return f"{good} of the last {len(runs)} runs went well; the longest took {span(max(run.seconds for run in runs))}"


@dataclass(frozen=True)
class AgeBar:
    """The age against the objective, which is at the middle."""

    filled: float
    kind: str


def age_bar(row: Row) -> AgeBar:
    """A bar that is full at twice the objective."""
    kind = "late" if row.is_late else "near" if row.share > 0.8 and row.facts["cron"] else "fresh"
    return AgeBar(round(BAR_WIDTH * min(row.share / 2, 1.0), 1), "idle" if row.facts["paused_at"] else kind)
