"""What is refused before anybody is served it."""

from __future__ import annotations

from typing import Any

import pytest

from drivetrain.features.drift import Bins
from drivetrain.features.gates import GateSpecError, Profile, Seen, check_spec, judge
from drivetrain.features.spec import Gates
from drivetrain.features.value_types import VALUE_TYPES
from drivetrain.features.view import View

USUAL = [100, 90, 110, 100, 120]
VIEW = View(
    "marketplace",
    "cars",
    {"car": VALUE_TYPES["INT64"]},
    {"price": VALUE_TYPES["DOUBLE"], "city": VALUE_TYPES["STRING"]},
    "at",
)


def gates(rows: dict[str, Any] | None = None, **features: dict[str, Any]) -> Gates:
    return Gates.model_validate({"rows": rows or {}, "features": features, "psi_rows": 100})


def refused(asked: Gates, rows: int, usual: list[int] | None = None, **features: Seen) -> tuple[str, ...]:
    bins = {"price": Bins((1.0, 2.0), (0.5, 0.8))}
    return judge(asked, Profile(rows, features), usual=usual or [], bins=bins).refusals


def test_a_sudden_flood_of_rows_is_refused_and_the_usual_is_not() -> None:
    assert refused(gates(), 1_001, USUAL) == ("rows: 1,001 are more than 10 times the usual 100",)
    assert refused(gates(), 1_000, USUAL) == ()
    assert refused(gates(), 0, USUAL) == (), "a run that finds nothing new is a normal one"
    assert refused(gates({"min": 5}), 4, USUAL) == ("rows: 4 are fewer than 5",)


def test_with_few_runs_before_nobody_knows_what_is_usual_and_that_is_said() -> None:
    verdict = judge(gates(), Profile(10**9, {}), usual=USUAL[:4], bins={})
    assert (verdict.refusals, verdict.notes) == (
        (),
        ("rows: 4 runs before, 5 are needed to know how many are usual",),
    )


def test_missing_values_and_implausible_ones_are_refused_beyond_their_shares() -> None:
    asked = gates(price={"max_null_share": 0.1, "min": 0, "max": 9.5, "max_outside_share": 0.02}, city={})
    assert refused(asked, 100, price=Seen(10, outside=2, least=-1, most=12), city=Seen(100)) == ()
    assert refused(asked, 100, price=Seen(11, outside=3, least=-1, most=12), city=Seen(0)) == (
        "price: 11 of 100 rows have no value (at most 10.0%)",
        "price: 3 of 100 values are not between 0 and 9.5 (at most 2.0%); there are -1 to 12",
    )
    assert refused(gates(price={"min": 0}), 10, price=Seen(0, outside=1, least=-4, most=1)) == (
        "price: 1 of 10 values are not between 0 and inf (at most 0.0%); there are -4 to 1",
    )


def test_values_that_moved_since_last_week_are_refused_where_there_are_enough() -> None:
    asked = gates(price={"max_psi": 0.2})
    assert refused(asked, 200, price=Seen(0, at_most={1.0: 100, 2.0: 160})) == ()
    assert refused(asked, 200, price=Seen(0, at_most={1.0: 10, 2.0: 20})) == (
        "price: its values differ from last week's by 2.537 (PSI; at most 0.2)",
    )
    few = judge(asked, Profile(99, {"price": Seen(0)}), usual=[], bins={"price": Bins((1.0,), (0.5,))})
    assert few.refusals == ()
    assert few.notes[-1] == "price: 99 values are too few to compare with last week's (100)"
    new = judge(asked, Profile(200, {"price": Seen(0)}), usual=[], bins={})
    assert new.notes[-1] == "price: nothing is known of a week ago to compare its values with"


def test_a_gate_for_what_the_view_does_not_have_is_refused_by_name() -> None:
    check_spec(gates(price={"min": 0}, city={"max_null_share": 0}), VIEW)
    with pytest.raises(
        GateSpecError, match=r"cars.yaml: gates.features: prize is no feature of the view; it has price"
    ):
        check_spec(gates(prize={}), VIEW)
    with pytest.raises(
        GateSpecError, match=r"gates.features.city: is STRING, and min, max and max_psi are for numbers"
    ):
        check_spec(gates(city={"min": 0}), VIEW)
