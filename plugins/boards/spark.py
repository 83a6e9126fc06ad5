"""The last runs as a small picture. Attributes of SVG: the page's policy allows no inline style."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from boards.formats import span

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

RUNS = 30
HEIGHT = 22
STEP = 4
WIDTH = RUNS * STEP
_LOWEST = 3.0


@dataclass(frozen=True)
class Run:
    """One run as it is shown.

    Attributes:
        at: what it is called by: when it was due, or began.
        is_good: whether it did what it was for.
    """

    at: dt.datetime
    seconds: float
    outcome: str
    is_good: bool


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
                x=(RUNS - len(runs) + index) * STEP,
                y=round(HEIGHT - height, 1),
                height=height,
                kind="good" if run.is_good else "bad",
                title=f"{run.at:%d %b %H:%M}: {run.outcome}, {span(run.seconds)}",
            )
        )
    return drawn


def summary(runs: Sequence[Run]) -> str:
    """The same in words."""
    if not runs:
        return "no runs yet"
    good = sum(run.is_good for run in runs)
    return f"{good} of the last {len(runs)} runs went well; the longest took {span(max(run.seconds for run in runs))}"
