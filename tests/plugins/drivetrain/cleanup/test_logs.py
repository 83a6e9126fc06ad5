from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.cleanup.logs import NO_TEAM, Owners, Sweep, first_day_kept
from drivetrain.cleanup.retention import Retention
from tests.plugins.drivetrain.cleanup.memory import KilledError, MemoryFiles

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
MB = 10**6
OWNERS = Owners({"sales": "retail", "loans": "lending"}, {("sales", "stuck")})


def log(dag: str, days: float, run: str = "r") -> str:
    return f"dag_id={dag}/run_id={run}{days:g}/task_id=t/attempt=1.log"


def folder(*dags: str, days: int = 60, size: int = MB) -> MemoryFiles:
    """A log a day for each DAG, and one of the DAG processor."""
    files = {log(dag, day): (size, NOON - day * DAY) for dag in dags for day in range(days)}
    return MemoryFiles(files | {"dag_processor/2026-01-01/x.py.log": (size, NOON - 300 * DAY)})


def left(store: MemoryFiles, dag: str) -> list[int]:
    return sorted((NOON - at).days for name, (_, at) in store.content.items() if name.startswith(f"dag_id={dag}/"))


def test_logs_go_by_the_age_of_their_teams() -> None:
    store = folder("sales", "loans", "gone_from_git")
    retention = Retention.model_validate({"default": {"logs": "30d"}, "teams": {"lending": {"logs": "50d"}}})
    freed = Sweep(store, retention, OWNERS, NOON).run()
    assert [len(left(store, dag)) for dag in ("sales", "loans", "gone_from_git")] == [31, 51, 31]
    assert freed.files == {"retail": 29, "lending": 9, NO_TEAM: 30}
    assert freed.bytes["lending"] == 9 * MB
    assert freed.kept_bytes == {"retail": 31 * MB, "lending": 51 * MB, NO_TEAM: 31 * MB}
    assert store.walks == 1, "nobody has too much: no second look"


def test_a_team_that_has_too_much_loses_its_oldest_days_and_others_nothing() -> None:
    store = folder("sales", "loans", days=30)
    retention = Retention.model_validate({"teams": {"retail": {"log_size": "10MB"}}})
    freed = Sweep(store, retention, OWNERS, NOON).run()
    assert left(store, "sales") == list(range(10))
    assert len(left(store, "loans")) == 30
    assert (freed.files["retail"], freed.kept_bytes["retail"]) == (20, 10 * MB)


def test_a_run_that_has_not_ended_and_what_is_of_the_last_day_stay_however_large() -> None:
    store = folder("sales", days=3, size=900 * MB)
    store.content["dag_id=sales/run_id=stuck/task_id=t/attempt=1.log"] = (MB, NOON - 300 * DAY)
    retention = Retention.model_validate({"default": {"log_size": "1MB"}})
    Sweep(store, retention, OWNERS, NOON).run()
    assert left(store, "sales") == [0, 1, 300]


def test_a_dry_run_counts_the_same_and_deletes_nothing() -> None:
    store = folder("sales", "loans")
    retention = Retention.model_validate({"default": {"logs": "20d", "log_size": "5MB"}})
    counted = Sweep(store, retention, OWNERS, NOON, dry_run=True).run()
    assert (len(store.content), store.calls) == (121, 0)
    assert counted == Sweep(store, retention, OWNERS, NOON).run()
    assert Sweep(store, retention, OWNERS, NOON).run().files == {}, "a second time there is nothing to do"


def test_what_could_not_be_deleted_is_not_counted() -> None:
    store = folder("sales")
    store.held = {log("sales", 40)}
    assert Sweep(store, Retention(), OWNERS, NOON).run().files["retail"] == 28


def test_killed_between_two_lots_the_next_one_ends_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivetrain.cleanup.logs._AT_ONCE", 3)
    retention = Retention.model_validate({"default": {"logs": "20d", "log_size": "5MB"}})
    whole = folder("sales", "loans")
    Sweep(whole, retention, OWNERS, NOON).run()
    for call in range(1, whole.calls + 1):
        store = folder("sales", "loans")
        store.dies_at = call
        with pytest.raises(KilledError):
            Sweep(store, retention, OWNERS, NOON).run()
        Sweep(store, retention, OWNERS, NOON).run()
        assert store.content == whole.content


def test_when_the_time_is_up_it_says_so_and_deletes_by_age_alone() -> None:
    asked = iter([False] * 70)
    store = folder("sales", "loans")
    freed = Sweep(
        store,
        Retention.model_validate({"default": {"log_size": "1MB"}}),
        OWNERS,
        NOON,
        is_over=lambda: next(asked, True),
    ).run()
    assert not freed.is_complete
    assert store.walks == 1
    assert freed.told()["is_complete"] is False


days_strategy = st.dictionaries(st.dates(dt.date(2026, 10, 1), dt.date(2026, 11, 24)), st.integers(0, 100), min_size=1)


@given(days_strategy, st.integers(0, 500))
def test_as_many_whole_days_stay_as_fit_and_the_last_two_in_any_case(days: dict[dt.date, int], limit: int) -> None:
    today = dt.date(2026, 11, 24)
    first = first_day_kept(days, limit, today)
    if sum(days.values()) <= limit:
        assert first is None
        return
    assert first is not None
    assert first <= today - DAY
    kept = sum(size for day, size in days.items() if day >= first)
    older = [day for day in days if day < first]
    assert kept <= limit or first == today - DAY
    assert older
    assert kept + days[max(older)] > limit, "one day more would not fit"
