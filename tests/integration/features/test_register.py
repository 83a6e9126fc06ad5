"""What the board of features is told: by each run of its own view, and once a day of all."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from drivetrain.state.feature_tables import feature_views
from hooks.state import StateHook
from operators.feature_register import RegisterFeatureViewsOperator
from tests.integration.features.conftest import LANDED, NOON, SPEC, cars_spec
from tests.support.operators import Context

if TYPE_CHECKING:
    from tests.integration.features.conftest import Store

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _nothing_known(store: Store) -> None:
    with StateHook().engine.begin() as connection:
        connection.execute(sa.delete(feature_views))


def known() -> list[dict[str, Any]]:
    with StateHook().engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(feature_views).order_by("view")).mappings()]


def test_a_run_tells_what_its_spec_says_whatever_comes_of_it(store: Store) -> None:
    store.insert({"car": 1, "at": NOON - dt.timedelta(hours=1)})
    store.run("first")
    (first,) = known()
    store.now = NOON + dt.timedelta(hours=1)
    store.stage(Context("dry", dry_run=True), LANDED)
    (again,) = known()
    assert first == {
        "project": "marketplace",
        "view": "cars",
        "team": "pricing",
        "owner": "pricing@drivetrain.example",
        "freshness_seconds": 86_400,
        "cron": None,
        "lands_in": None,
        "registered_at": NOON,
        "removed_at": None,
    }
    assert again == first | {"lands_in": "gs://landing/cars/"}


def test_a_view_without_a_spec_is_removed_once_all_specs_are_known(store: Store) -> None:
    others = cars_spec(view="dealers")
    assert RegisterFeatureViewsOperator(task_id="register", specs=[SPEC, others]).execute(Context("one")) == 2
    store.now = NOON + dt.timedelta(days=1)
    RegisterFeatureViewsOperator(task_id="register", specs=[SPEC], is_whole=False).execute(Context("two"))
    assert [row["removed_at"] for row in known()] == [None, None]
    for number in range(2):
        store.now = NOON + dt.timedelta(days=2 + number)
        RegisterFeatureViewsOperator(task_id="register", specs=[SPEC]).execute(Context("three"))
    assert [row["removed_at"] for row in known()] == [None, NOON + dt.timedelta(days=2)]
