"""Training sets in BigQuery's emulator, held to an oracle that looks at every row."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from drivetrain.features.training_spec import TrainingSetSpec
from hooks.feature_warehouse import FeatureWarehouseHook
from operators.feature_training import BuildTrainingSetOperator
from tests.integration.features.conftest import CARS, DEALERS, NOON, Store
from tests.support.operators import Context

HOUR = dt.timedelta(hours=1)
TTL = 30 * 24  # hours, of cars
TARGET = "marketplace.training.sales"
SPEC = {
    "training_set": "sales",
    "description": "What cars sold for.",
    "team": "pricing",
    "owner": "pricing@drivetrain.example",
    "sql": "features/sales.sql",
    "time": "asked_at",
    "service": "page",
    "target": TARGET,
}
NO_ROWS = "SELECT CAST(NULL AS INT64) car, '' dealer, '' city, TIMESTAMP '2026-01-01' asked_at, 0 label WHERE FALSE"

# Few times, so that rows meet: several of one time, at a border, a little before and after. Many cars, so that one
# example asks much at once: a statement takes its time.
hours = st.sampled_from([0, 1, 2, TTL, TTL + 1, TTL + 2])
keys = st.integers(0, 19) | st.none()
cars = st.tuples(keys, hours, st.integers(0, 2) | st.none(), st.integers(0, 9) | st.none())
dealers = st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), hours, st.integers(0, 9))
asked = st.tuples(keys, st.sampled_from("abc"), st.sampled_from("xy"), hours)


def at(hour: int) -> dt.datetime:
    return NOON + hour * HOUR


def sql(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP '{value.isoformat()}'"
    return f"'{value}'" if isinstance(value, str) else str(value)


def selected(rows: list[tuple[Any, ...]], columns: str, nothing: str) -> str:
    """A SELECT of constants."""
    if not rows:
        return nothing
    names = columns.split()
    one = lambda row: "SELECT " + ", ".join(f"{sql(v)} AS {n}" for v, n in zip(row, names, strict=True))  # noqa: E731
    return " UNION ALL ".join(map(one, rows))


def build(query: str, run_id: str = "one", params: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    operator = BuildTrainingSetOperator(task_id="build", spec=TrainingSetSpec.model_validate(SPEC | changes), sql=query)
    return operator.execute(Context(run_id, **(params or {})))


def fill(store: Store, car_rows: list[Any], dealer_rows: list[Any]) -> None:
    """Features of cars and dealers: hours become times."""
    run = lambda text: store.bigquery.query(text).result()  # noqa: E731
    run(f"CREATE OR REPLACE TABLE {DEALERS} (dealer STRING, city STRING, event_at TIMESTAMP, rating INT64)")
    run(f"DELETE FROM {CARS} WHERE TRUE")
    if car_rows:
        values = ", ".join(
            f"({sql(car)}, {sql(price)}, 'Pune', ['new'], {sql(at(hour))}, "
            f"{sql(None if delay is None else at(hour + delay))})"
            for car, hour, delay, price in car_rows
        )
        run(f"INSERT INTO {CARS} VALUES {values}")
    if dealer_rows:
        values = ", ".join(f"({sql(d)}, {sql(c)}, {sql(at(hour))}, {r})" for d, c, hour, r in dealer_rows)
        run(f"INSERT INTO {DEALERS} VALUES {values}")


def price_then(car_rows: list[Any], car: int | None, hour: int, *, as_known: bool) -> Any:
    """The oracle: what was known of a car, by looking at all rows. None: nothing, or no price."""
    known = [
        (event, -1 if delay is None else event + delay, -1 if price is None else price)
        for key, event, delay, price in car_rows
        if key == car and key is not None and event <= hour and event >= hour - TTL
        if not as_known or delay is None or event + delay <= hour
    ]
    return max(known) if known else None


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # to look for a smaller example would take a quarter of an hour
)
@given(
    st.lists(cars, min_size=20, max_size=60),
    st.lists(dealers, max_size=6, unique_by=lambda row: row[:3]),
    st.lists(asked, min_size=20, max_size=60),
    st.booleans(),
)
def test_each_row_has_what_was_known_at_its_time(
    store: Store, car_rows: list[Any], dealer_rows: list[Any], asked_rows: list[Any], as_known: bool
) -> None:
    fill(store, car_rows, dealer_rows)
    rows = [(*row[:3], at(row[3]), number) for number, row in enumerate(asked_rows)]
    rows += rows[:2]  # the same again: there have to be as many rows
    done = build(selected(rows, "car dealer city asked_at label", NO_ROWS), as_known=as_known)
    assert done == {"rows": len(rows), "table": TARGET, "gib": 0.0}
    found = [tuple(row.values()) for row in store.bigquery.query(f"SELECT * FROM {TARGET} ORDER BY label").result()]
    assert [row[4] for row in found] == sorted(row[4] for row in rows)
    for row in found:
        car, dealer, city, hour = asked_rows[row[4]]
        expected = price_then(car_rows, car, hour, as_known=as_known)
        price = None if expected is None or expected[2] < 0 else float(expected[2])
        if expected is not None and sum(1 for one in car_rows if one[0] == car and one[1] == expected[0]) > 1:
            # Several rows of one time of event and of making: any of them, the same for equal rows.
            same = {
                None if one[3] is None else float(one[3])
                for one in car_rows
                if (one[0], one[1], -1 if one[2] is None else one[1] + one[2]) == (car, expected[0], expected[1])
            }
            assert row[5] in same
        else:
            assert row[5] == price
        assert (row[6] == ["new"]) == (expected is not None)
        ratings = [(event, rating) for d, c, event, rating in dealer_rows if (d, c) == (dealer, city) and event <= hour]
        assert row[7] == (max(ratings)[1] if ratings else None)


def test_a_set_that_can_t_be_made_leaves_the_one_that_is_there(store: Store) -> None:
    fill(store, [(1, 0, 0, 5)], [])
    good = selected([(1, "a", "x", at(3), 0)], "car dealer city asked_at label", NO_ROWS)
    build(good)
    short = selected([(1, "a", at(3), 0)], "car dealer asked_at label", NO_ROWS)
    taken = selected([(1, "a", "x", at(3), 0)], "car dealer city asked_at price", NO_ROWS)
    for query, changes, says in (
        (short, {}, "features/sales.sql: has no column city; it has car, dealer, asked_at, label"),
        (taken, {}, "features/sales.sql: column price is a feature's name: call it otherwise, or set full_names"),
        ("DELETE FROM x WHERE TRUE", {}, "features/sales.sql: is no SELECT"),
        ("SELEC 1", {}, "features/sales.sql: "),
        (good, {"service": "pages"}, "feature service pages: there is none; there are leads, page, twice"),
        (good, {"service": "twice"}, "price comes from several views: set full_names in the spec"),
        (
            "SELECT 1 AS x FROM marketplace.features.nothing",
            {},
            "BigQuery: .*nothing.*: create it, or correct its name",
        ),
    ):
        with pytest.raises(AirflowFailException, match=says):
            build(query, **changes)
    with pytest.raises(AirflowFailException, match="unknown key dryrun; known: dry_run"):
        build(good, params={"dryrun": True})
    (row,) = store.bigquery.query(f"SELECT * FROM {TARGET}").result()
    assert (row["car"], row["price"]) == (1, 5.0)


def test_full_names_tell_features_of_one_name_apart(store: Store) -> None:
    fill(store, [(1, 0, 0, 5)], [])
    build(selected([(1, at(3), 7)], "car asked_at price", NO_ROWS), service="twice", full_names=True)
    (row,) = store.bigquery.query(f"SELECT * FROM {TARGET}").result()
    assert dict(row.items()) == {"car": 1, "asked_at": at(3), "price": 7, "cars__price": 5.0, "offline__price": 5.0}


def test_a_dry_run_and_one_that_costs_too_much_make_nothing(store: Store) -> None:
    fill(store, [], [])
    store.bigquery.delete_table(TARGET, not_found_ok=True)
    query = selected([(1, "a", "x", at(3), 0)] * 3, "car dealer city asked_at label", NO_ROWS)
    assert build(query, params={"dry_run": True}) == {"rows": 3, "table": "", "gib": 0.0}
    with store.patch.context() as patch:
        patch.setattr(FeatureWarehouseHook, "gib", lambda *_: 501.0)
        with pytest.raises(AirflowFailException, match=r"would scan 501.0 GiB .*more than max_gib, 500"):
            build(query)
    assert "sales" not in [table.table_id for table in store.bigquery.list_tables("training")]
