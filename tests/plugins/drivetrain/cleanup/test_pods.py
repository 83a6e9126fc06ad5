from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from drivetrain.cleanup.pods import LABELS, Pod, left_over

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def goes(**given: Any) -> bool:
    fields = {"labels": LABELS, "phase": "Succeeded", "ended_at": NOON - 2 * HOUR} | given
    return bool(list(left_over([Pod("airflow", "p", "u", **fields)], now=NOON, finished_for=HOUR)))


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_tasks_pod_that_ended_long_enough_ago_goes(phase: str) -> None:
    assert goes(phase=phase)
    assert goes(phase=phase, ended_at=NOON - HOUR)


@pytest.mark.parametrize(
    "given",
    [
        {"phase": "Running"},
        {"phase": "Pending"},
        {"phase": "Unknown"},
        {"ended_at": NOON - HOUR + dt.timedelta(seconds=1)},
        {"ended_at": None},
        {"is_leaving": True},
        {"labels": LABELS[:3]},
        {"labels": ()},
    ],
    ids=str,
)
def test_any_other_pod_stays(given: dict[str, Any]) -> None:
    assert not goes(**given)
