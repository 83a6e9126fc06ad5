"""The walk over Airflow's tables, on a database in memory that dies, is slow, or is held by somebody."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections import Counter
from typing import Any

import pytest

from drivetrain.cleanup.archive import Archive
from drivetrain.cleanup.database import clean_database
from drivetrain.cleanup.metadata import BatchTooLongError, Cleaner
from drivetrain.cleanup.pace import Pace
from drivetrain.cleanup.retention import Batches, Retention
from drivetrain.errors import FatalError
from tests.plugins.drivetrain.cleanup.memory import KilledError, MemoryDatabase, MemoryFiles

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
SMALL = Retention(batches=Batches(most_rows=10, rest=0), latest_runs=2)


def database(**given: Any) -> MemoryDatabase:
    """Two DAGs with a run a day for 200 days, five tasks each; an audit log of 400 days."""
    made = MemoryDatabase(**given)
    for day in range(200):
        for place, dag in enumerate(("sales", "loans")):
            run = day * 2 + place
            made.runs[run] = (dag, NOON - day * DAY)
            made.tasks[run] = [run * 10 + task for task in range(5)]
    made.aged = {day: NOON - (400 - day) * DAY for day in range(400)}
    made.tags = {"sales": "retail", "loans": "lending"}
    return made


def test_what_is_old_goes_oldest_first_and_children_before_their_parents() -> None:
    store = database()
    report = clean_database(store, SMALL, NOON)
    assert report.rows == {"dag_run": 2 * 109, "log": 220, "task_instance": 2 * 109 * 5}
    assert min(at for _, at in store.runs.values()) == NOON - 90 * DAY
    assert min(store.aged.values()) == NOON - 180 * DAY
    assert report.is_complete
    assert max(store.transactions) <= 10
    assert report.transactions == len(store.transactions)


def test_the_newest_runs_of_each_dag_stay_however_old() -> None:
    store = database()
    store.runs = {run: (dag, at - 1_000 * DAY) for run, (dag, at) in store.runs.items()}
    clean_database(store, SMALL, NOON)
    assert sorted(store.runs) == [0, 1, 2, 3]


def test_a_team_that_keeps_longer_keeps_longer() -> None:
    store = database()
    retention = Retention.model_validate({"teams": {"lending": {"runs": "150d"}}, "batches": {"rest": 0}})
    clean_database(store, retention, NOON)
    days = {dag: (NOON - min(at for one, at in store.runs.values() if one == dag)).days for dag in ("sales", "loans")}
    assert days == {"sales": 90, "loans": 150}


def test_a_misspelled_team_stops_everything_before_its_runs_go_too_early() -> None:
    store = database()
    with pytest.raises(FatalError, match=r"teams.lendng: no DAG has the tag team:lendng.*there are: lending, retail"):
        clean_database(store, Retention.model_validate({"teams": {"lendng": {"runs": "400d"}}}), NOON)
    assert len(store.runs) == 400


def test_a_dry_run_counts_the_same_and_deletes_nothing() -> None:
    store = database()
    counted = clean_database(store, SMALL, NOON, dry_run=True)
    assert (len(store.runs), len(store.aged), store.transactions) == (400, 400, [])
    assert counted.rows == clean_database(store, SMALL, NOON).rows


def end_state(store: MemoryDatabase) -> tuple[Any, ...]:
    return (sorted(store.runs), sorted(store.tasks.items()), sorted(store.aged))


def test_killed_at_any_call_and_run_again_the_end_is_the_same() -> None:
    whole = database()
    clean_database(whole, SMALL, NOON)
    assert whole.calls > 100
    for call in range(1, whole.calls + 1, 31):
        store = database(dies_at=call)
        with pytest.raises(KilledError):
            clean_database(store, SMALL, NOON)
        clean_database(store, SMALL, NOON)
        assert end_state(store) == end_state(whole)


def archived(files: MemoryFiles) -> Counter[tuple[str, int]]:
    lines = [line for body in files.written.values() for line in gzip.decompress(body).splitlines()]
    return Counter((row["table"], row["row"]["id"]) for row in map(json.loads, lines))


def rows_of(store: MemoryDatabase) -> set[tuple[str, int]]:
    tasks = {("task_instance", task) for tasks in store.tasks.values() for task in tasks}
    return {("dag_run", run) for run in store.runs} | tasks | {("log", key) for key in store.aged}


@pytest.mark.parametrize("dies", ["database", "archive"])
def test_no_row_goes_that_is_not_in_the_archive_wherever_it_was_killed(dies: str) -> None:
    for call in range(1, 160, 13):
        store = database(dies_at=call if dies == "database" else 0)
        files = MemoryFiles(dies_at=call if dies == "archive" else 0)
        before = rows_of(store)
        with pytest.raises(KilledError):
            clean_database(store, SMALL, NOON, archive=Archive(files, NOON))
        assert before - rows_of(store) <= set(archived(files))
        clean_database(store, SMALL, NOON, archive=Archive(files, NOON))
        assert set(archived(files)) == before - rows_of(store)


def test_without_a_kill_each_row_is_archived_once_in_a_folder_of_its_day() -> None:
    store, files = database(), MemoryFiles()
    report = clean_database(store, SMALL, NOON, archive=Archive(files, NOON))
    assert set(archived(files).values()) == {1}
    assert report.archived_rows == sum(report.rows.values()) == archived(files).total()
    assert report.archived_bytes == sum(map(len, files.written.values()))
    assert all(name.startswith(("runs/dt=2026-", "log/dt=2026-05-28/20261124T120000Z-")) for name in files.written)


def test_a_transaction_that_is_too_long_is_tried_smaller() -> None:
    store = database(seconds_a_row=0.1, longest=1.0)
    report = clean_database(store, Retention(batches=Batches(rest=0)), NOON, sleep=lambda _: None)
    assert report.rows["dag_run"] == 218
    assert report.longest_seconds <= 1.0


def test_a_single_row_that_is_too_long_is_said() -> None:
    store = database(seconds_a_row=5.0, longest=1.0)
    cleaner = Cleaner(store, Pace(), sleep=lambda _: None)
    with pytest.raises(BatchTooLongError):
        cleaner.clean_runs({"sales": NOON}, [])


def test_runs_that_somebody_holds_are_left_and_the_others_go() -> None:
    store = database(busy={399})
    cleaner = Cleaner(store, Pace(most=10), sleep=lambda _: None)
    assert cleaner.clean_runs({"sales": NOON, "loans": NOON}, [])
    assert 399 in store.runs
    assert cleaner.tally.skipped == 1
    assert len(store.runs) < 10, "its batch, and nothing else"


def test_when_the_time_is_up_it_stops_between_two_transactions_and_says_so() -> None:
    store, asked = database(), iter([False] * 30)
    report = clean_database(store, SMALL, NOON, is_over=lambda: next(asked, True))
    assert not report.is_complete
    assert 0 < len(store.transactions) < 30
    assert clean_database(store, SMALL, NOON).is_complete


def test_it_rests_after_each_transaction_for_a_share_of_its_time() -> None:
    naps: list[float] = []
    cleaner = Cleaner(database(seconds_a_row=0.01), Pace(most=10), rest=0.25, sleep=naps.append)
    cleaner.clean_runs({"sales": NOON - 190 * DAY}, [])
    assert sum(naps) == pytest.approx(cleaner.tally.seconds * 0.25)


def test_much_freed_space_is_made_usable_and_little_is_left_to_autovacuum(monkeypatch: pytest.MonkeyPatch) -> None:
    store = database()
    assert clean_database(store, SMALL, NOON).vacuumed == []
    monkeypatch.setattr("drivetrain.cleanup.database.VACUUM_FROM_ROWS", 1_000)
    store = database()
    assert clean_database(store, SMALL, NOON).vacuumed == ["task_instance"]
    store = database()
    assert clean_database(store, SMALL, NOON, dry_run=True).vacuumed == store.vacuumed == []
