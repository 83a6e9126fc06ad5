"""One number for dashboards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Measure:
    """A gauge's value.

    Attributes:
        name: below a prefix such as drivetrain.sheets.
        tags: in one order for each name.
    """

    name: str
    value: float
    tags: Mapping[str, str] = field(default_factory=dict)
