"""What a job may be."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from drivetrain.jobs.queue import Delivery, Job

NAIVE = dt.datetime(2026, 11, 25)  # noqa: DTZ001 - the point


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"key": ""}, "key: '' is not 1 to 200 printable characters"),
        ({"key": "a b"}, "key: 'a b' is not"),
        ({"key": "newline\n"}, "key: 'newline"),
        ({"group": "x" * 201}, "group: 'xxx"),
        ({"kind": "Käse"}, "kind: 'Käse' is not"),
        ({"attempts": 0}, "attempts: 0 is not between 1 and 1000"),
        ({"attempts": 1_001}, "attempts: 1001"),
        ({"priority": 10**6 + 1}, "priority: 1000001"),
        ({"not_before": NAIVE}, "not_before: 2026-11-25T00:00:00 has no time zone"),
        ({"payload": {"a": [1]}}, "payload: 'a' is no text, number, boolean or null"),
        ({"payload": {1: "a"}}, "payload: 1 is no text"),
        ({"payload": {"a": float("nan")}}, "payload: 'a' is no text"),
        ({"payload": {"a": float("inf")}}, "payload: 'a' is no text"),
        ({"payload": {"a": 2**64}}, "payload: 'a': Integer exceeds 64-bit range"),
        ({"payload": {"a": "half \ud83d"}}, "payload: 'a': str is not valid UTF-8"),
    ],
)
def test_what_no_queue_could_keep_is_refused_by_name(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="^" + message.replace("(", r"\(")):
        Job(**{"key": "a", "group": "g", "kind": "k", **fields})


def test_the_last_attempt_is_known_as_such() -> None:
    job = Job(key="a", group="g", kind="k", attempts=3)
    assert [Delivery(job, attempt, "").is_last for attempt in (1, 2, 3, 4)] == [False, False, True, True]
