from __future__ import annotations

import datetime as dt

from drivetrain.metrics.platform import TEXTS, Live, PlatformFacts, Queued, TableSize, measures

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)


def ago(seconds: float) -> dt.datetime:
    return NOW - dt.timedelta(seconds=seconds)


def values(facts: PlatformFacts) -> dict[tuple[str, ...], float]:
    return {(measure.name, *measure.tags.values()): measure.value for measure in measures(facts)}


EMPTY = PlatformFacts(at=NOW, database_bytes=1, silent_tasks=0)
FULL = PlatformFacts(
    at=NOW,
    database_bytes=10**9,
    silent_tasks=2,
    oldest_parse=ago(70),
    tables=(TableSize("log", 500, 20),),
    heartbeats={"SchedulerJob": ago(4), "DagProcessorJob": None, "TriggererJob": ago(-2)},
    refreshed={"drivetrain": ago(12), "new": None},
    live=(Live("narrow", "queued", 3, ago(90)), Live("narrow", "running", 1)),
    queued=(Queued("narrow", 7, 1.5, 30.0),),
    pools=("default_pool", "narrow"),
)


def test_ages_are_told_by_the_databases_clock_and_are_never_negative() -> None:
    found = values(FULL)
    assert found["heartbeat_age_seconds", "scheduler"] == 4
    assert found["heartbeat_age_seconds", "triggerer"] == 0
    assert found["bundle_refresh_age_seconds", "drivetrain"] == 12
    assert found["oldest_parse_age_seconds",] == 70


def test_what_is_unknown_is_left_out_since_a_zero_would_say_that_all_is_well() -> None:
    found = values(FULL)
    assert ("heartbeat_age_seconds", "dag_processor") not in found
    assert ("bundle_refresh_age_seconds", "new") not in found
    assert set(values(EMPTY)) == {("database_bytes",), ("silent_tasks",)}


def test_each_pool_has_each_state_even_where_nothing_is_in_it() -> None:
    found = values(FULL)
    assert [found["tasks", "narrow", state] for state in ("scheduled", "queued", "running", "deferred")] == [0, 3, 1, 0]
    assert found["tasks", "default_pool", "running"] == 0
    assert (
        found["oldest_waiting_seconds", "narrow", "queued"],
        found["oldest_waiting_seconds", "narrow", "scheduled"],
    ) == (
        90,
        0,
    )


def test_the_time_in_the_queue_is_told_by_pool_with_how_many_it_is_about() -> None:
    found = values(FULL)
    assert found["tasks_started", "narrow"] == 7
    assert (found["task_queued_seconds", "narrow", "0.5"], found["task_queued_seconds", "narrow", "0.99"]) == (1.5, 30)


def test_every_gauge_has_its_text_and_the_same_tags_each_time() -> None:
    tags: dict[str, tuple[str, ...]] = {}
    for measure in measures(FULL):
        assert tags.setdefault(measure.name, tuple(measure.tags)) == tuple(measure.tags)
    assert set(tags) == set(TEXTS)
