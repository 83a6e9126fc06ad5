"""The feature store of the local platform: `make demo-features`, and what runs beside it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from standins.bigquery.program import bigquery_python
from standins.feast import feast_program
from standins.platform import features_demo
from standins.platform.features import why_no_files
from standins.platform.testing import LocalPlatform
from standins.supervisor.errors import SupervisorError
from tests.e2e.conftest import run_dag
from tests.support.rest_page import blocks, run_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def store() -> Iterator[LocalPlatform]:
    try:
        bigquery_python(), feast_program()
    except (FileNotFoundError, SupervisorError) as error:
        pytest.skip(str(error))
    with LocalPlatform(without=("sheets",), features=True, scheduled=True) as running:
        yield running


def test_every_view_is_brought_into_redis_and_served_as_bigquery_has_it(store: LocalPlatform) -> None:
    shown = Console(file=io.StringIO(), width=160)
    snapshot = features_demo.run_views(store.layout, store.api, shown)
    assert set(snapshot.states.values()) == {"success"}
    assert features_demo.verify(store.layout, shown, snapshot) >= 700
    written = {row.dag_id: row.summary["written"] for row in snapshot.rows if row.task_id == "finish"}
    assert written["features_dealer_quality"] > written["features_car_demand"] == 2_000, "with those from Snowflake"
    assert "car_demand, as the feature server gives it out" in shown.file.getvalue()  # type: ignore[attr-defined]
    # And what looks after them finds nothing wrong.
    audited = run_dag(store, "features_audit")
    assert {task["state"] for task in audited.values()} == {"success"}
    views = [dag_id.removeprefix("features_") for dag_id in snapshot.states]
    found = {name: (audited[name]["entities"], audited[name]["skew"]) for name in views}
    assert found == dict.fromkeys(views, (1_000, 0.0))
    pruned = run_dag(store, "features_prune", {"dry_run": True})["car_listing"]
    assert (pruned["state"], pruned["gone"]) == ("success", 0)
    looked = run_dag(store, "features_health")["look"]
    assert (looked["views"], looked["alerts"]) == (4, 0)


def test_every_example_of_the_rest_page_does_what_it_says(store: LocalPlatform, tmp_path: Path) -> None:
    token = next(block for block in blocks(of_features=False) if block[0] == "token")
    of_features = blocks(of_features=True)
    assert len(of_features) >= 7
    run_blocks(store, tmp_path, [token, *of_features])


@pytest.mark.skipif(why_no_files() is not None, reason=str(why_no_files()))
def test_a_file_that_arrives_is_served(store: LocalPlatform) -> None:
    assert features_demo.let_a_file_arrive(store.layout, store.api) < 60
