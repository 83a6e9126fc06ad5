"""An age against its objective as a small bar. Attributes of SVG: the page's policy allows no inline style."""

from __future__ import annotations

from dataclasses import dataclass

BAR_WIDTH = 96
_NEAR = 0.8


@dataclass(frozen=True)
class AgeBar:
    """The age against the objective, which is at the middle."""

    filled: float
    kind: str


def age_bar(share: float, *, is_late: bool, is_watched: bool = True, is_idle: bool = False) -> AgeBar:
    """A bar that is full at twice the objective.

    Args:
        share: the age as a share of the objective.
        is_late: it is above it.
        is_watched: somebody minds if it gets there.
        is_idle: nobody expects anything now.
    """
    kind = "late" if is_late else "near" if share > _NEAR and is_watched else "fresh"
    return AgeBar(round(BAR_WIDTH * min(share / 2, 1.0), 1), "idle" if is_idle else kind)
