"""/drivetrain/metrics: who may read it, and what it costs. tests/e2e/test_monitoring.py has Prometheus read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from boards import metrics
from drivetrain.errors import UnavailableError
from drivetrain.metrics.measure import Measure

if TYPE_CHECKING:
    from tests.boards.conftest import Board

TOKEN = {"Authorization": "Bearer tell-me"}


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the database was asked; with a connection that has the token."""
    asked: list[int] = []

    def look() -> bytes:
        asked.append(1)
        return metrics.exposition(
            [Measure("tasks", 3, {"pool": 'a "pool"', "state": "queued"}), Measure("silent_tasks", 0)]
        )

    monkeypatch.setattr(metrics, "_look", metrics._Once(look))
    monkeypatch.setenv("AIRFLOW_CONN_DRIVETRAIN_METRICS", '{"conn_type": "http", "password": "tell-me"}')
    return asked


def test_who_knows_the_token_gets_every_gauge_as_prometheus_reads_it(board: Board, looks: list[int]) -> None:
    board.user = None
    answer = board.get("/metrics", headers=TOKEN)
    assert answer.status_code == 200
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert {family.type for family in families.values()} == {"gauge"}
    [sample] = families["drivetrain_tasks"].samples
    assert (sample.labels, sample.value) == ({"pool": 'a "pool"', "state": "queued"}, 3)


def test_nobody_else_does_and_the_database_is_not_asked_for_them(board: Board, looks: list[int]) -> None:
    for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic tell-me"}):
        assert board.get("/metrics", headers=headers).status_code == 401
    assert looks == []


def test_without_a_token_to_compare_with_it_says_what_is_missing(
    board: Board, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_DRIVETRAIN_METRICS")
    answer = board.get("/metrics", headers={"Authorization": "Bearer "})
    assert (answer.status_code, looks) == (503, [])
    assert "connection drivetrain_metrics" in answer.text


def test_however_often_it_is_asked_the_database_is_asked_once_in_a_while(board: Board, looks: list[int]) -> None:
    for _ in range(5):
        assert board.get("/metrics", headers=TOKEN).status_code == 200
    assert len(looks) == 1


def test_a_database_that_is_away_fails_every_scrape_and_is_asked_once_in_a_while(
    board: Board, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def away() -> bytes:
        asked.append(1)
        raise UnavailableError("Airflow's database: gone")

    monkeypatch.setattr(metrics, "_look", metrics._Once(away))
    for _ in range(3):
        answer = board.get("/metrics", headers=TOKEN)
        assert (answer.status_code, answer.text) == (503, "Airflow's database: gone\n")
    assert asked == [1]
