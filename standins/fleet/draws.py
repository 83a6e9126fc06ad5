"""Random numbers by seed."""

from __future__ import annotations

import random


def stream(seed: int, part: str) -> random.Random:
    """The random numbers of one part, so that a change of one part leaves the others as they were."""
    return random.Random(f"{seed}/{part}")  # noqa: S311 - sheets, no secrets
