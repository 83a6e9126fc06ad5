"""What is known of staged rows: figures for the gates, and bins of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drivetrain.features import warehouse_sql
from drivetrain.features.drift import Bins, edges_of
from drivetrain.features.gates import Profile, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drivetrain.features.registry import RegisteredView
    from drivetrain.features.spec import Gates
    from drivetrain.features.warehouse_sql import Statement


def look(
    registered: RegisteredView,
    gates: Gates,
    bins: Mapping[str, Bins],
    *,
    staged: str,
    ask: Callable[[Statement], Sequence[Any]],
) -> tuple[Profile, Mapping[str, Bins]]:
    """Look at staged rows: what the gates ask, and bins of the values, for later runs to be compared with.

    Args:
        registered: what the rows are of.
        gates: the spec's.
        bins: last week's, by feature.
        staged: the table.
        ask: runs a statement, and gives its rows.
    """
    (figures,) = ask(warehouse_sql.profile(registered, gates, staged=staged))
    own = {
        name: edges_of(quantiles)
        for number, name in enumerate(gates.features)
        if (quantiles := [float(each) for each in figures.get(f"quantiles_{number}") or ()])
    }
    edges = {name: sorted({*found, *(bins[name].edges if name in bins else ())}) for name, found in own.items()}
    edges = {name: found for name, found in edges.items() if found}
    counts: dict[str, dict[float, int]] = {}
    if edges:
        (answer,) = ask(warehouse_sql.at_most(registered.view, edges, staged=staged))
        for number, (name, asked) in enumerate(edges.items()):
            counts[name] = dict(zip(asked, map(int, answer[f"at_most_{number}"]), strict=True))
    features = {name: _seen(figures, number, counts.get(name, {})) for number, name in enumerate(gates.features)}
    rows, deleted = int(figures["n"]), int(figures["deleted"])
    kept = {
        name: Bins(found, tuple(counts[name][edge] / (rows - deleted - features[name].nulls) for edge in found))
        for name, found in own.items()
        if found
    }
    return Profile(rows, features, deleted), kept


def _seen(figures: Mapping[str, Any], number: int, at_most: Mapping[float, int]) -> Seen:
    least, most = figures.get(f"least_{number}"), figures.get(f"most_{number}")
    return Seen(
        nulls=int(figures[f"nulls_{number}"]),
        outside=int(figures.get(f"outside_{number}") or 0),
        least=None if least is None else float(least),
        most=None if most is None else float(most),
        at_most=at_most,
    )
