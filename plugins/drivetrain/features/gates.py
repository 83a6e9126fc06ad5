"""Whether a run's rows are fit to be served: what is known of them, held to what the spec asks."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivetrain.errors import FatalError
from drivetrain.features.drift import Bins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivetrain.features.spec import FeatureGate, Gates
    from drivetrain.features.view import View

NUMBERS = frozenset({"INT32", "INT64", "FLOAT", "DOUBLE"})
USUAL_RUNS = 5  # with fewer than that nobody knows what is usual


class GateSpecError(FatalError):
    """The spec asks for what the view does not have."""


@dataclass(frozen=True)
class Seen:
    """What is known of one feature's values in a run.

    Attributes:
        nulls: rows without one.
        outside: rows whose value is below the gate's least or above its most.
        least: the smallest value; None: there is none, or it is no number. So is `most`.
        at_most: how many are at most that, by the edges of their own bins and of those that they are compared with;
            empty where nothing is compared.
    """

    nulls: int
    outside: int = 0
    least: float | None = None
    most: float | None = None
    at_most: Mapping[float, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """What is known of a run's rows.

    Attributes:
        rows: how many.
        features: of rows that delete nothing, by name.
        deleted: rows that take an entity's features away.
    """

    rows: int
    features: Mapping[str, Seen]
    deleted: int = 0


@dataclass(frozen=True)
class Verdict:
    """What the gates say.

    Attributes:
        refusals: why the rows are not to be served, one line each; none: they are.
        notes: what could not be asked, and why.
    """

    refusals: tuple[str, ...]
    notes: tuple[str, ...]


def check_spec(gates: Gates, view: View) -> None:
    """Whether the gates can be asked at all.

    Raises:
        GateSpecError: they name a feature that the view does not have, or bounds of what is no number.
    """
    for name, gate in gates.features.items():
        if name not in view.features:
            raise GateSpecError(
                f"{view.name}.yaml: gates.features: {name} is no feature of the view; it has {', '.join(view.features)}"
            )
        kind = view.features[name].name
        if gate.is_for_numbers and kind not in NUMBERS:
            raise GateSpecError(
                f"{view.name}.yaml: gates.features.{name}: is {kind}, and min, max and max_psi are for numbers: remove "
                "them"
            )


def judge(gates: Gates, profile: Profile, *, usual: Sequence[int], bins: Mapping[str, Bins]) -> Verdict:
    """Hold a run's rows to the gates.

    Args:
        gates: the spec's.
        profile: what is known of the rows.
        usual: how many rows the runs before had, of the same kind.
        bins: of last week's values, by feature; what is missing can't be compared.
    """
    refusals, notes = _rows(gates, profile.rows, usual)
    if with_features := profile.rows - profile.deleted:
        for name, gate in gates.features.items():
            seen = profile.features[name]
            refusals += _values(name, gate, seen, with_features)
            if gate.max_psi is None:
                continue
            present = with_features - seen.nulls
            if (why_not := _incomparable(name, present, gates, bins)) is not None:
                notes.append(why_not)
                continue
            index = bins[name].psi([seen.at_most[edge] / present for edge in bins[name].edges])
            if index > gate.max_psi:
                refusals.append(
                    f"{name}: its values differ from last week's by {index:.3f} (PSI; at most {gate.max_psi:g})"
                )
    return Verdict(tuple(refusals), tuple(notes))


def _rows(gates: Gates, rows: int, usual: Sequence[int]) -> tuple[list[str], list[str]]:
    if rows < gates.rows.min:
        return [f"rows: {rows:,} are fewer than {gates.rows.min:,}"], []
    if len(usual) < USUAL_RUNS:
        return [], [f"rows: {len(usual)} runs before, {USUAL_RUNS} are needed to know how many are usual"]
    median = max(statistics.median(usual), 1)
    if rows > median * gates.rows.max_times_usual:
        return [f"rows: {rows:,} are more than {gates.rows.max_times_usual:g} times the usual {median:,.0f}"], []
    return [], []


def _values(name: str, gate: FeatureGate, seen: Seen, rows: int) -> list[str]:
    found = []
    if seen.nulls / rows > gate.max_null_share:
        found.append(f"{name}: {seen.nulls:,} of {rows:,} rows have no value (at most {gate.max_null_share:.1%})")
    if gate.is_bounded and seen.outside / rows > gate.max_outside_share:
        least = "-inf" if gate.min is None else f"{gate.min:g}"
        most = "inf" if gate.max is None else f"{gate.max:g}"
        found.append(
            f"{name}: {seen.outside:,} of {rows:,} values are not between {least} and {most} (at most "
            f"{gate.max_outside_share:.1%}); there are {seen.least} to {seen.most}"
        )
    return found


def _incomparable(name: str, present: int, gates: Gates, bins: Mapping[str, Bins]) -> str | None:
    if present < gates.psi_rows:
        return f"{name}: {present:,} values are too few to compare with last week's ({gates.psi_rows:,})"
    if name not in bins:
        return f"{name}: nothing is known of a week ago to compare its values with"
    return None
