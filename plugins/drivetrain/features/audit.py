"""What is served against what BigQuery has: the same rows, as they are written, compared byte by byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.features.timestamps import stored_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivetrain.features.online_rows import OnlineRows

_EXAMPLES = 5


@dataclass(frozen=True)
class Audited:
    """What an audit found.

    Attributes:
        entities: how many were looked at.
        missing: of those Redis has nothing of the view.
        older: Redis has an earlier event time, or none that can be read.
        newer: Redis has a later event time: it was written meanwhile, or BigQuery lost a row. No skew.
        different: of the same event time, how many have another value, by feature; features without are left out.
        examples: keys of some that are missing, older or different, as Redis has them.
    """

    entities: int
    missing: int
    older: int
    newer: int
    different: Mapping[str, int]
    examples: tuple[str, ...]

    @property
    def skew(self) -> float:
        """The largest share of entities, 0 to 1, that a feature is wrong for."""
        worst = max(self.different.values(), default=0)
        return (self.missing + self.older + worst) / self.entities if self.entities else 0.0


def compare(rows: OnlineRows, stored: Sequence[Sequence[bytes | None]]) -> Audited:
    """Hold what Redis has to what it should have.

    Args:
        rows: n entities.
        stored: of each what is in its fields, see OnlineRows.fields, shape (n, features + 1).
    """
    missing = older = newer = 0
    different: dict[str, int] = {}
    examples: list[str] = []
    columns = [column.to_pylist() for column in rows.values]
    for place, (key, values) in enumerate(zip(rows.keys.to_pylist(), stored, strict=True)):
        *features, time = values
        if time is None:
            missing += 1
        elif (event := stored_time(time)) > rows.times[place]:
            newer += 1
            continue
        elif event < rows.times[place]:
            older += 1
        else:
            # A null is no bytes; a feature that was never written is none either.
            wrong = [
                name
                for name, column, value in zip(rows.view.features, columns, features, strict=True)
                if column[place] != (value or b"")
            ]
            if not wrong:
                continue
            for name in wrong:
                different[name] = different.get(name, 0) + 1
        if len(examples) < _EXAMPLES:
            examples.append(repr(key))
    return Audited(len(rows), missing, older, newer, different, tuple(examples))
