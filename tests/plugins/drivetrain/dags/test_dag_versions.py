from __future__ import annotations

import datetime as dt

from drivetrain.dags.versions import DagVersion, inflated, made_since, measures, midnight

NOW = dt.datetime(2026, 11, 26, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))


def test_versions_of_today_count_by_dag_and_the_first_one_does_not() -> None:
    day = midnight(NOW)
    assert day.isoformat() == "2026-11-25T00:00:00+00:00"
    versions = [
        DagVersion("new", 1, day),
        DagVersion("old", 7, day),
        DagVersion("old", 6, day - dt.timedelta(seconds=1)),
        *(DagVersion("piling", number, day + dt.timedelta(minutes=number)) for number in range(2, 5)),
    ]
    counts = made_since(versions, day)
    assert counts == {"piling": 3, "old": 1}
    assert inflated(counts, 2) == {"piling": 3}
    assert {one.name: one.value for one in measures(counts, 1)} == {
        "dag_versions_today": 4,
        "dag_versions_today_most": 3,
        "dag_import_errors": 1,
    }
