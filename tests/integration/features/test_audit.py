"""What is served against what BigQuery's emulator has."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from drivetrain.features.redis_layout import feature_field, time_field
from drivetrain.state.feature_tables import feature_audits
from hooks.state import StateHook
from operators.feature_audit import AuditFeaturesOperator
from tests.integration.features.conftest import NOON, Store, cars_spec
from tests.support.operators import Context

HOUR = dt.timedelta(hours=1)


def audit(run_id: str = "audit", entities: int = 100, max_skew: float = 0.0) -> dict[str, Any]:
    spec = cars_spec(audit={"entities": entities, "max_skew": max_skew})
    return AuditFeaturesOperator(task_id="cars", spec=spec).execute(Context(run_id))


def kept() -> list[tuple[Any, ...]]:
    columns = [feature_audits.c[name] for name in ("run_id", "entities", "missing", "older", "newer", "different")]
    with StateHook().engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(feature_audits.c.audited_at))]


def key_of(store: Store, car: int) -> bytes:
    (key,) = (key for key in store.redis.keys("*") if car.to_bytes(8, "little") in key)
    return bytes(key)


@pytest.fixture
def served(store: Store) -> Store:
    """Twenty cars, written, some with nulls; and rows that are not there yet."""
    with StateHook().engine.begin() as connection:
        connection.execute(sa.delete(feature_audits))
    store.insert(*({"car": car, "price": car + 0.5, "at": NOON - 3 * HOUR} for car in range(1_000, 1_018)))
    store.insert({"car": 1_018, "price": None, "city": None, "badges": [], "at": NOON - 3 * HOUR})
    store.insert({"car": 1_019, "price": 1.0, "at": NOON - 3 * HOUR}, {"car": None, "at": NOON - 3 * HOUR})
    store.run("one")
    store.insert({"car": 1_000, "price": 7.0, "at": NOON - HOUR, "made_at": NOON + HOUR}, {"car": 5, "at": NOON + HOUR})
    store.now = NOON + 2 * HOUR
    return store


def test_what_was_written_is_what_is_served(served: Store) -> None:
    found = audit()
    assert found == {
        "entities": 20,
        "missing": 0,
        "older": 0,
        "newer": 0,
        "different": {},
        "examples": (),
        "skew": 0.0,
    }, "what came after the watermark is not asked for"
    assert served.staged_tables() == []
    assert kept() == [("audit", 20, 0, 0, 0, {})]


def test_each_kind_of_skew_is_counted_by_feature_and_told(served: Store) -> None:
    redis = served.redis
    redis.hset(key_of(served, 1_001), feature_field("cars", "price"), b"\x29" + bytes(8))
    redis.hset(key_of(served, 1_002), feature_field("cars", "price"), b"\x29" + bytes(8))
    redis.hdel(key_of(served, 1_002), feature_field("cars", "city"))
    redis.delete(key_of(served, 1_003))
    redis.hset(key_of(served, 1_004), time_field("cars"), b"\x08\x01")
    redis.hset(key_of(served, 1_005), time_field("cars"), b"\x08\xff\xff\xff\xff\x0f")
    with pytest.raises(AirflowFailException) as told:
        audit(max_skew=0.15)
    for part in (
        "for 20.00% of 20 entities (at most 15.00%)",
        "1 are missing, 1 are older",
        "2 of feature price differ",
    ):
        assert part in str(told.value)
    assert kept() == [("audit", 20, 1, 1, 1, {"price": 2, "city": 1})]
    assert audit("lenient", max_skew=0.2)["skew"] == 0.2


def test_other_entities_are_drawn_each_time_and_the_same_in_a_run_that_is_tried_again(served: Store) -> None:
    for car in range(1_000, 1_010):
        served.redis.delete(key_of(served, car))
    found = {run: audit(run, entities=5, max_skew=1)["missing"] for run in map(str, range(8))}
    assert len(set(found.values())) > 1
    assert {run: audit(run, entities=5, max_skew=1)["missing"] for run in found} == found
    assert {each[1] for each in kept()} == {5}


def test_where_nothing_was_ever_written_there_is_nothing_to_compare(store: Store) -> None:
    with pytest.raises(AirflowSkipException, match="nothing was ever written"):
        audit()
    store.run("one")
    with pytest.raises(AirflowSkipException, match="BigQuery has no rows that Redis should have"):
        audit()
    with pytest.raises(AirflowFailException, match="unknown key entities"):
        AuditFeaturesOperator(task_id="cars", spec=cars_spec()).execute(Context("x", entities=5))
