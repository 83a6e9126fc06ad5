"""A fleet over real servers: what has not changed costs nothing, what has changed is never missed."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.jobs.queue import Job
from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.dispatch import KIND
from drivetrain.sheets.worker import Drained, Worker, WorkerSettings
from hooks.sheets_runner import SheetsRunner
from hooks.snowflake_versions import SnowflakeVersions
from hooks.state import StateHook
from tests.support.operators import connected_servers
from tests.support.postgres import empty_tables
from tests.support.sheets import ONE_LOOK, open_workbook, sync_spec, tab_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivetrain.sheets.skip import SourceVersion
    from standins.sheets.testing import SheetsStandin
    from standins.snowflake.testing import SnowflakeStandin

SETUP = (
    "CREATE DATABASE LAKE",
    "CREATE TABLE LAKE.PUBLIC.CARS AS SELECT * FROM (VALUES ('007', 'Swift', 7), ('008', 'Baleno', 8)) "
    "AS T (CODE, NAME, SCORE)",
    "CREATE TABLE LAKE.PUBLIC.LOANS AS SELECT * FROM (VALUES ('L1', 'first', 1)) AS T (CODE, NAME, SCORE)",
    "CREATE VIEW LAKE.PUBLIC.GOOD_CARS AS SELECT * FROM LAKE.PUBLIC.CARS WHERE SCORE > 0",
)
CARS = "SELECT CODE, NAME, SCORE FROM LAKE.PUBLIC.CARS ORDER BY CODE"
LOANS = "SELECT CODE, NAME, SCORE FROM LAKE.PUBLIC.LOANS"
VIEW = "SELECT CODE, NAME, SCORE FROM LAKE.PUBLIC.GOOD_CARS ORDER BY CODE"
TODAY = "SELECT CODE, NAME, YEAR(CURRENT_DATE)::NUMBER(4,0) AS SCORE FROM LAKE.PUBLIC.LOANS"
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(scope="module")
def snowflake(sheets: SheetsStandin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnowflakeStandin]:
    with connected_servers(sheets, tmp_path_factory.mktemp("state"), *SETUP) as running:
        yield running


@dataclass(frozen=True)
class Cost:
    """What a drain took, as the servers counted it."""

    drained: Drained
    queries: int
    catalog: int
    calls: int


class Fleet:
    """Syncs that are due when the test says so, and a worker."""

    def __init__(self, sheets: SheetsStandin, snowflake: SnowflakeStandin) -> None:
        self.sheets, self.snowflake, self.state = sheets, snowflake, StateHook()
        self.time = dt.datetime.now(dt.UTC).replace(microsecond=0)
        self.syncs: dict[str, Sync] = {}

    def workbook(self, title: str) -> str:
        return self.sheets.create_spreadsheet(title=title, tabs=["Sheet1"], share_with=["sync-1"])

    def sync(self, workbook: str, name: str, sql: str = CARS, **changes: Any) -> None:
        source = {"query": sql} | changes.pop("source", {})
        spec = sync_spec(sync=name, source=source, target={"spreadsheet_id": workbook, "tab": name}, **changes)
        self.syncs[name] = Sync(spec, sql)

    def drain(self, *names: str, passed: dt.timedelta = MINUTE, trigger: str = "schedule") -> Cost:
        """Let time pass, let these syncs (or all) be due, and work."""
        self.due(*names, passed=passed, trigger=trigger)
        return self.work()

    def due(self, *names: str, passed: dt.timedelta = MINUTE, trigger: str = "schedule") -> None:
        self.time += passed
        self.state.registry.register(list(self.syncs.values()), self.time)
        self._queue().publish([self._job(name, trigger) for name in names or self.syncs])

    def work(self, versions_of: type[SnowflakeVersions] = SnowflakeVersions) -> Cost:
        before, calls = self.snowflake.stats(), len(self.sheets.calls())
        versions = versions_of(settle_seconds=0, now=lambda: self.time)
        with SheetsRunner(settings=ONE_LOOK, versions=versions, now=lambda: self.time) as run:
            worker = Worker(
                self._queue(),
                self.state.registry,
                self.syncs,
                run,
                settings=WorkerSettings(threads=2),
                now=lambda: self.time,
                log=lambda _: None,
            )
            drained = worker.drain()
        after = self.snowflake.stats()
        queries, catalog = (after.get(kind, 0) - before.get(kind, 0) for kind in ("SELECT", "CATALOG"))
        return Cost(drained, queries, catalog, len(self.sheets.calls()) - calls)

    def tab(self, name: str) -> list[list[Any]]:
        return tab_values(self.sheets, self.syncs[name].spec.target.spreadsheet_id, name)[1:]

    def sql(self, statement: str) -> None:
        self.snowflake.connect(database="LAKE").cursor().execute(statement)

    def _queue(self) -> PostgresQueue:
        return PostgresQueue(self.state.engine, kind=KIND, clock=lambda: self.time)

    def _job(self, name: str, trigger: str) -> Job:
        due_at, spec = self.time.isoformat(), self.syncs[name].spec
        payload = {"sync": name, "due_at": due_at, "trigger": trigger, "team": spec.team}
        return Job(f"{name}@{due_at}", spec.target.spreadsheet_id, KIND, payload, attempts=3)


@pytest.fixture
def fleet(sheets: SheetsStandin, snowflake: SnowflakeStandin) -> Iterator[Fleet]:
    fleet = Fleet(sheets, snowflake)
    yield fleet
    with fleet.state.engine.begin() as connection:
        empty_tables(connection)
    fleet.state.engine.dispose()


def test_an_unchanged_table_costs_no_query_and_no_call_and_its_tab_is_as_fresh_as_the_look(fleet: Fleet) -> None:
    for book in range(3):
        workbook = fleet.workbook(f"Book {book}")
        fleet.sync(workbook, f"cars_{book}", f"{CARS} LIMIT {book + 1}", mode="upsert", keys=["CODE"])
        fleet.sync(workbook, f"loans_{book}", f"{LOANS} LIMIT {book + 1}")
    first = fleet.drain()
    assert (first.drained.good, first.drained.queries, first.queries) == (6, 6, 6)
    assert first.catalog == 1
    second = fleet.drain()
    assert (second.drained.good, second.drained.skipped, second.drained.queries) == (6, 6, 0)
    assert (second.queries, second.catalog, second.calls) == (0, 1, 0)
    query = "SELECT last_outcome, rows, last_success_at = :now FROM sheet_syncs WHERE sync = 'cars_1'"
    with fleet.state.engine.connect() as connection:
        assert connection.execute(sa.text(query), {"now": fleet.time}).one() == ("unchanged", 2, True)
        runs = connection.execute(sa.text("SELECT source, count(*) FROM sheet_runs GROUP BY source")).all()
    assert dict(map(tuple, runs)) == {"query": 6, "skipped": 6}


def test_a_changed_table_runs_exactly_the_syncs_that_read_it(fleet: Fleet, workbook: str) -> None:
    other = fleet.workbook("Other")
    fleet.sync(workbook, "cars_a", f"{CARS} LIMIT 5")
    fleet.sync(workbook, "loans_a", f"{LOANS} LIMIT 5")
    fleet.sync(other, "cars_b", f"{CARS} LIMIT 6")
    fleet.sync(
        other, "both", "SELECT CODE, c.NAME, l.SCORE FROM LAKE.PUBLIC.CARS c JOIN LAKE.PUBLIC.LOANS l USING (CODE)"
    )
    fleet.drain()
    fleet.sql("UPDATE LAKE.PUBLIC.LOANS SET NAME = 'changed'")
    cost = fleet.drain()
    assert (cost.drained.good, cost.drained.queries, cost.queries, cost.drained.skipped) == (4, 2, 2, 2)
    assert fleet.tab("loans_a") == [["L1", "changed", 1]]
    assert fleet.drain().queries == 0


def test_a_change_between_the_look_at_the_version_and_the_query_is_asked_for_once_more(
    fleet: Fleet, workbook: str
) -> None:
    class Overtaken(SnowflakeVersions):
        def of(self, *args: Any, **kwargs: Any) -> SourceVersion | None:
            version = super().of(*args, **kwargs)
            fleet.sql("UPDATE LAKE.PUBLIC.LOANS SET NAME = 'in between'")
            return version

    fleet.sync(workbook, "loans", LOANS)
    fleet.due()
    assert fleet.work(Overtaken).drained.queries == 1
    assert fleet.drain().drained.queries == 1
    assert fleet.tab("loans") == [["L1", "in between", 1]]
    assert fleet.drain().drained.skipped == 1


def test_a_view_a_query_of_today_and_one_that_always_runs_are_asked_each_time(fleet: Fleet, workbook: str) -> None:
    fleet.sync(workbook, "of_view", VIEW)
    fleet.sync(workbook, "today", TODAY)
    fleet.sync(workbook, "always", CARS, source={"always_run": True})
    for _ in range(2):
        cost = fleet.drain()
        assert (cost.drained.queries, cost.queries, cost.drained.skipped) == (3, 3, 0)


def test_a_view_with_a_watermark_is_asked_when_the_watermark_moves(fleet: Fleet, workbook: str) -> None:
    fleet.sync(workbook, "of_view", VIEW, source={"watermark": "SELECT MAX(SCORE) FROM LAKE.PUBLIC.CARS"})
    assert fleet.drain().drained.queries == 1
    assert fleet.drain().drained.skipped == 1
    fleet.sql("INSERT INTO LAKE.PUBLIC.CARS VALUES ('099', 'Punch', 99)")
    assert fleet.drain().drained.queries == 1
    assert fleet.tab("of_view")[-1] == ["099", "Punch", 99]
    fleet.sql("DELETE FROM LAKE.PUBLIC.CARS WHERE CODE = '099'")


def test_what_somebody_asks_for_runs_in_full_and_the_sheet_is_looked_at_in_time(fleet: Fleet, workbook: str) -> None:
    fleet.sync(workbook, "cars", check_every="6h")
    fleet.drain()
    open_workbook(fleet.sheets, workbook).worksheet("cars").update_acell("B2", "by hand")
    assert fleet.drain().calls == 0
    assert fleet.drain(trigger="demand").drained.queries == 1
    assert fleet.tab("cars")[0] == ["007", "Swift", 7]
    open_workbook(fleet.sheets, workbook).worksheet("cars").update_acell("B2", "by hand")
    assert fleet.drain(passed=dt.timedelta(hours=6)).drained.queries == 1
    assert fleet.tab("cars")[0] == ["007", "Swift", 7]


def test_a_changed_query_or_spec_is_not_skipped(fleet: Fleet, workbook: str) -> None:
    fleet.sync(workbook, "cars")
    fleet.drain()
    fleet.sync(workbook, "cars", f"{CARS} LIMIT 1")
    assert fleet.drain().drained.queries == 1
    assert fleet.tab("cars") == [["007", "Swift", 7]]
    fleet.sync(workbook, "cars", f"{CARS} LIMIT 1", description="It says something else now.")
    assert fleet.drain().drained.queries == 1
    assert fleet.drain().drained.skipped == 1


def test_an_append_adds_its_rows_each_time(fleet: Fleet, workbook: str) -> None:
    fleet.sync(workbook, "log", LOANS, mode="append")
    for times in (1, 2):
        assert fleet.drain().drained.queries == 1
        assert len(fleet.tab("log")) == times


def test_a_query_of_several_syncs_runs_once_and_the_others_fetch_its_result(fleet: Fleet) -> None:
    for book in range(3):
        fleet.sync(fleet.workbook(f"Book {book}"), f"cars_{book}")
    cost = fleet.drain()
    assert (cost.drained.good, cost.drained.queries, cost.drained.shared, cost.queries) == (3, 1, 2, 1)
    assert [fleet.tab(f"cars_{book}") for book in range(3)] == [[["007", "Swift", 7], ["008", "Baleno", 8]]] * 3
    fleet.sync(fleet.workbook("Later"), "cars_3")
    later = fleet.drain()
    assert (later.drained.skipped, later.drained.shared, later.queries) == (3, 1, 0)
    assert fleet.tab("cars_3") == fleet.tab("cars_0")
    by_hand = fleet.drain("cars_0", "cars_1", trigger="demand")
    assert (by_hand.drained.shared, by_hand.queries) == (0, 2), "who asks for a run gets one of their own"


def test_where_no_version_is_known_a_query_is_shared_by_those_of_one_minute(fleet: Fleet) -> None:
    for book in range(2):
        fleet.sync(fleet.workbook(f"Book {book}"), f"view_{book}", VIEW)
    for _ in range(2):
        cost = fleet.drain()
        assert (cost.drained.queries, cost.drained.shared, cost.queries) == (1, 1, 1)
    fleet.due("view_0")
    cost = fleet.drain("view_1")
    assert (cost.drained.queries, cost.drained.shared) == (2, 0), "each is about its own minute"


def test_a_result_that_is_gone_is_asked_for_again(fleet: Fleet) -> None:
    for book in range(2):
        fleet.sync(fleet.workbook(f"Book {book}"), f"cars_{book}")
    fleet.drain("cars_0")
    with fleet.state.engine.begin() as connection:
        connection.execute(sa.text("UPDATE shared_queries SET query_id = '01b71944-0001-b181-0000-0129032279f6'"))
    cost = fleet.drain("cars_1")
    assert (cost.drained.good, cost.drained.queries, cost.drained.shared) == (1, 1, 0)
    assert fleet.tab("cars_1") == fleet.tab("cars_0")


def _killed(fleet: Fleet, where: str) -> None:
    """In a process of its own: work, and die on the way."""

    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    fleet.state = StateHook()  # a connection is not shared with the parent
    if where == "record":
        fleet.state.registry.record = die  # type: ignore[method-assign]
    elif where == "query id":
        from drivetrain.state.shared_queries import Turn

        Turn.ran = die  # type: ignore[method-assign]
    else:
        from drivetrain.state.memory import PostgresMemory

        setattr(PostgresMemory, where, die)
    fleet.work()


@pytest.mark.parametrize("where", ["query id", "save", "record", "unchanged"])
def test_a_worker_that_is_killed_anywhere_leaves_no_tab_behind_its_table(fleet: Fleet, where: str) -> None:
    for book in range(2):
        fleet.sync(fleet.workbook(f"Book {book}"), f"loans_{book}", LOANS)
    fleet.drain()
    if where != "unchanged":
        fleet.sql(f"UPDATE LAKE.PUBLIC.LOANS SET NAME = 'before {where}'")
    fleet.due()
    process = multiprocessing.get_context("fork").Process(target=_killed, args=(fleet, where))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    fleet.time += dt.timedelta(seconds=601)
    fleet.work()
    now = fleet.snowflake.connect().cursor().execute(LOANS).fetchall()
    for book in range(2):
        assert fleet.tab(f"loans_{book}") == [list(row) for row in now]
    assert fleet.drain().drained.skipped == 2
