"""Workers over a real queue, a real registry and a real Sheets server: nothing lost, nothing doubled."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from drivetrain.errors import SourceError, UnavailableError
from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.jobs.queue import Job
from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.dispatch import KIND
from drivetrain.sheets.engine import SyncJob, run_group
from drivetrain.sheets.worker import Work, Worker, WorkerSettings
from drivetrain.state.migrate import migrate
from drivetrain.state.syncs import PostgresRegistry
from hooks.guarded_port import GuardedPort
from tests.support.postgres import database_url, empty_tables, running_postgres
from tests.support.sheets import ONE_LOOK, rows_source, sheets_client, sync_spec, tab_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from drivetrain.sheets.engine import GroupResult
    from standins.sheets.testing import SheetsStandin

NAMES = ("CODE", "NAME", "SCORE")
ROWS = [(f"{i:03}", f"car {i}", i) for i in range(5)]
NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_postgres(tmp_path_factory.mktemp("state")) as connection:
        url = database_url(connection).render_as_string(hide_password=False)
        engine = sa.create_engine(url)
        migrate(engine)
        engine.dispose()
        yield url


class Fleet:
    """A queue, a registry, syncs, and what their queries give."""

    def __init__(self, database: str, sheets: SheetsStandin) -> None:
        self.time = NOON
        self.engine = sa.create_engine(database)
        self.sheets = sheets
        self.queue = PostgresQueue(self.engine, kind=KIND, clock=lambda: self.time)
        self.registry = PostgresRegistry(self.engine)
        self.syncs: dict[str, Sync] = {}
        self.rows: dict[str, Any] = {}
        self.ran: list[str] = []
        self.said: list[str] = []

    def sync(self, workbook: str, name: str, rows: Any = ROWS, **changes: Any) -> Sync:
        spec = sync_spec(sync=name, target={"spreadsheet_id": workbook, "tab": name}, **changes)
        self.syncs[name], self.rows[name] = Sync(spec, "SELECT 1"), rows
        self.registry.register(list(self.syncs.values()), self.time)
        return self.syncs[name]

    def publish(self, name: str, at: dt.datetime = NOON, group: str | None = None, **payload: Any) -> Job:
        job = Job(
            key=f"{name}@{at.isoformat()}",
            group=group or self.syncs[name].spec.target.spreadsheet_id,
            kind=KIND,
            payload={"sync": name, "due_at": at.isoformat(), "trigger": "schedule"} | payload,
            attempts=3,
        )
        self.queue.publish([job])
        return job

    def run(self, works: Sequence[Work], still_ours: Callable[[], bool]) -> GroupResult:
        """A Runner whose queries are lists of rows, or errors."""
        port = GuardedPort(sheets_client(self.sheets), still_ours)
        self.ran += [work.key for work in works]
        return run_group([self._job(work) for work in works], port, settings=ONE_LOOK)

    def _job(self, work: Work) -> SyncJob:
        rows = self.rows[work.sync.spec.sync]

        def source() -> Any:
            if isinstance(rows, Exception):
                raise rows
            return nullcontext(rows_source(NAMES, rows))

        return SyncJob(work.sync.spec, source, run_id=work.key)

    def worker(self, **settings: Any) -> Worker:
        return Worker(
            self.queue,
            self.registry,
            self.syncs,
            self.run,
            settings=WorkerSettings(**{"threads": 2} | settings),
            now=lambda: self.time,
            log=self.said.append,
        )

    def history(self) -> dict[str, tuple[str, int]]:
        """Job key -> outcome and attempt."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.text("SELECT job_key, outcome, attempt FROM sheet_runs"))
            return {row.job_key: (row.outcome, row.attempt) for row in rows}

    def dead(self) -> dict[str, str]:
        return {letter.key: letter.reason for letter in self.queue.dead_letters()}


@pytest.fixture
def fleet(database: str, sheets: SheetsStandin) -> Iterator[Fleet]:
    fleet = Fleet(database, sheets)
    yield fleet
    with fleet.engine.begin() as connection:
        empty_tables(connection)
    fleet.engine.dispose()


def test_every_job_ends_in_its_tab_and_on_record_and_workbooks_share_their_calls(
    fleet: Fleet, sheets: SheetsStandin
) -> None:
    books = [sheets.create_spreadsheet(title=f"Fleet {i}", tabs=["Sheet1"], share_with=["sync-1"]) for i in range(4)]
    jobs = []
    for number in range(12):
        fleet.sync(books[number % 4], f"sync_{number}")
        jobs.append(fleet.publish(f"sync_{number}"))
    drained = fleet.worker().drain()
    assert (drained.good, drained.workbooks, drained.write_calls) == (12, 4, 4)
    assert fleet.history() == {job.key: ("written", 1) for job in jobs}
    for number in range(12):
        assert len(tab_values(sheets, books[number % 4], f"sync_{number}")) == 6
    depth = fleet.queue.depth()
    assert (depth.ready, depth.leased, depth.dead) == (0, 0, 0)


def test_of_several_due_times_the_latest_does_the_work_and_an_append_is_about_each(fleet: Fleet, workbook: str) -> None:
    fleet.sync(workbook, "latest")
    fleet.sync(workbook, "log", mode="append", keys=[])
    for minutes in (0, 10, 20):
        fleet.publish("latest", NOON + minutes * MINUTE)
        fleet.publish("log", NOON + minutes * MINUTE)
    drained = fleet.worker().drain()
    assert (drained.good, drained.superseded) == (4, 2)
    outcomes = {key.split("+")[0]: outcome for key, (outcome, _) in fleet.history().items()}
    assert outcomes == {
        "latest@2026-11-24T12:00:00": "superseded",
        "latest@2026-11-24T12:10:00": "superseded",
        "latest@2026-11-24T12:20:00": "written",
        "log@2026-11-24T12:00:00": "written",
        "log@2026-11-24T12:10:00": "written",
        "log@2026-11-24T12:20:00": "written",
    }
    assert len(tab_values(fleet.sheets, workbook, "log")) == 1 + 3 * 5
    assert fleet.queue.depth().ready == 0


def test_what_no_retry_can_help_is_a_dead_letter_and_the_workbook_s_others_go_on(fleet: Fleet, workbook: str) -> None:
    fleet.sync(workbook, "good")
    fleet.sync(workbook, "wrong", SourceError("sync wrong: Snowflake refuses the query: no such table"))
    fleet.publish("good")
    job = fleet.publish("wrong")
    drained = fleet.worker().drain()
    assert (drained.good, drained.failed) == (1, 1)
    assert fleet.dead() == {job.key: "sync wrong: Snowflake refuses the query: no such table"}
    assert fleet.history()[job.key] == ("failed", 1)


def test_what_may_succeed_later_is_tried_again_after_a_growing_wait_and_then_given_up(
    fleet: Fleet, workbook: str
) -> None:
    fleet.sync(workbook, "shy", UnavailableError("Snowflake can't be reached"))
    job = fleet.publish("shy")
    assert fleet.worker().drain().retried == 1
    assert fleet.worker().drain().workbooks == 0, "not before its wait is over"
    fleet.time += dt.timedelta(seconds=16)
    assert fleet.worker().drain().retried == 1
    fleet.time += dt.timedelta(seconds=16)
    assert fleet.worker().drain().workbooks == 0, "the second wait is longer"
    fleet.time += dt.timedelta(seconds=16)
    assert fleet.worker().drain().failed == 1
    assert fleet.dead() == {job.key: "Snowflake can't be reached"}
    assert fleet.history()[job.key] == ("failed", 3)


def test_an_append_that_has_to_be_tried_again_goes_before_the_later_ones(fleet: Fleet, workbook: str) -> None:
    fleet.sync(workbook, "log", UnavailableError("away"), mode="append", keys=[])
    first, second = fleet.publish("log"), fleet.publish("log", NOON + MINUTE)
    fleet.worker(threads=1).drain()
    assert set(fleet.ran) == {first.key}
    fleet.rows["log"], fleet.ran, fleet.time = ROWS, [], fleet.time + MINUTE
    fleet.worker(threads=1).drain()
    assert fleet.ran == [first.key, second.key]


@pytest.mark.parametrize(
    ("payload", "group", "why"),
    [
        ({"sync": "nobody"}, None, "no sync is called nobody"),
        ({"due_at": "noon"}, None, "due_at: "),
        ({"colour": "red"}, None, "colour: "),
        ({"team": "lending"}, None, "team: lending may not run mine, which is retail's"),
        ({"trigger": "demand"}, None, "team: a request names the team"),
        ({}, "2" * 44, "the workbook of mine"),
    ],
)
def test_a_message_that_is_malformed_or_not_allowed_is_a_dead_letter_with_its_reason(
    fleet: Fleet, workbook: str, payload: dict[str, Any], group: str | None, why: str
) -> None:
    fleet.sync(workbook, "mine")
    fleet.sync(workbook, "other")
    bad = fleet.publish("mine", group=group, **payload)
    fleet.publish("other")
    drained = fleet.worker().drain()
    assert (drained.refused, drained.good) == (1, 1)
    assert why in fleet.dead()[bad.key]


def test_a_job_that_comes_again_after_it_ended_well_is_not_run_again(fleet: Fleet, workbook: str) -> None:
    fleet.sync(workbook, "log", mode="append", keys=[])
    fleet.publish("log")
    fleet.worker().drain()
    fleet.publish("log")
    drained = fleet.worker().drain()
    assert (drained.repeated, drained.good) == (1, 0)
    assert len(tab_values(fleet.sheets, workbook, "log")) == 6


def _killed_worker(database: str, sheets: Any, workbook: str, where: str) -> None:
    """In a process of its own: one sync of one workbook, killed on the way."""
    fleet = Fleet(database, sheets)
    fleet.sync(workbook, "log", mode="append", keys=[])

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if where == "before the write":
        fleet.run = die  # type: ignore[method-assign,assignment]
    elif where == "before the record":
        fleet.registry.record = die  # type: ignore[method-assign]
    else:
        fleet.queue.ack = die  # type: ignore[method-assign]
    fleet.worker(threads=1).drain()


@pytest.mark.parametrize("where", ["before the write", "before the record", "before the acknowledgement"])
def test_a_worker_that_is_killed_loses_and_doubles_nothing(
    fleet: Fleet, database: str, sheets: SheetsStandin, workbook: str, where: str
) -> None:
    fleet.sync(workbook, "log", mode="append", keys=[])
    job = fleet.publish("log")
    process = multiprocessing.get_context("fork").Process(
        target=_killed_worker, args=(database, sheets, workbook, where)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert fleet.worker().drain().workbooks == 0, "the dead one's lease still holds"
    fleet.time += dt.timedelta(seconds=601)
    fleet.worker().drain()
    assert tab_values(sheets, workbook, "log")[1:] == [list(row) for row in ROWS]
    assert fleet.history().keys() == {job.key}
    assert fleet.history()[job.key][0] in ("written", "already_applied")
    assert fleet.queue.depth().ready == 0


def test_nothing_is_written_under_a_lease_that_is_about_to_end(fleet: Fleet, workbook: str) -> None:
    fleet.sync(workbook, "late")
    fleet.publish("late")
    drained = fleet.worker(lease_seconds=60, write_seconds=61).drain()
    assert (drained.good, drained.retried, drained.write_calls) == (0, 1, 0)
    assert any("its lease is about to end" in line for line in fleet.said)
    fleet.time += MINUTE
    assert fleet.worker().drain().good == 1
