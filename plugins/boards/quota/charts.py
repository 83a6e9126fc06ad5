"""Counts as lines of a small picture; attributes of SVG only: the page's policy allows no inline style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drivetrain.quota.usage import Usage

WIDTH = 360
HEIGHT = 64
_HEAD = 4  # between the highest line and the picture's edge


@dataclass(frozen=True)
class Chart:
    """Where the lines are.

    Attributes:
        line: path of the calls.
        area: the same, closed along the bottom.
        limit: height of Google's limit.
        normal: height from which on only high priority goes on.
        kind: "over" while the reserve is being spent, else "".
    """

    line: str
    area: str
    limit: float
    normal: float
    kind: str


def chart(usage: Usage) -> Chart:
    """The last quarter of an hour, the newest at the right; the limit is always in the picture."""
    most = max(usage.limit, *usage.calls)
    step = WIDTH / (len(usage.calls) - 1)

    def height(calls: float) -> float:
        return round(HEIGHT - (HEIGHT - _HEAD) * calls / most, 1)

    points = " ".join(f"{round(place * step, 1)},{height(calls)}" for place, calls in enumerate(usage.calls))
    return Chart(
        line=f"M{points}",
        area=f"M0,{HEIGHT} {points} {WIDTH},{HEIGHT} Z",
        limit=height(usage.limit),
        normal=height(usage.normal),
        kind="over" if usage.now > usage.normal else "",
    )


def summary(usage: Usage) -> str:
    """The same in words."""
    return (
        f"{usage.kind.value}s: {usage.now} of {usage.limit} in the last minute; "
        f"at most {max(usage.calls)} in a minute of the last quarter of an hour"
    )
