"""What was written is remembered: an unchanged result costs no call, and people's edits are noticed."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import sqlalchemy as sa

from drivetrain.errors import RetriableError, UnavailableError
from drivetrain.sheets.calls import batch_body
from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.engine import SyncJob, run_group
from drivetrain.sheets.observe import METADATA_FIELDS, parse_workbook
from drivetrain.sheets.registry import spec_hash
from drivetrain.sheets.requests import set_marker
from drivetrain.state.memory import PostgresMemory
from drivetrain.state.migrate import migrate
from hooks.guarded_memory import GuardedMemory
from tests.support.postgres import database_url, empty_tables, running_postgres
from tests.support.sheets import ONE_LOOK, open_workbook, rows_source, sheets_client, sync_spec, tab_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from drivetrain.sheets.outcome import SyncOutcome
    from drivetrain.sheets.spec import SheetSyncSpec
    from standins.sheets.testing import SheetsStandin

NAMES = ("CODE", "NAME", "SCORE")
ROWS = [(f"{i:03}", f"car {i}", i) for i in range(6)]
OTHER = [(c, f"{n}!", s) for c, n, s in ROWS]
FREE = {"allow_empty": True, "max_delete_share": 1}
AGAIN = replace(ONE_LOOK, attempts=3, wait_seconds=0.01)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_postgres(tmp_path_factory.mktemp("state")) as connection:
        url = database_url(connection).render_as_string(hide_password=False)
        engine = sa.create_engine(url)
        migrate(engine)
        engine.dispose()
        yield url


class Desk:
    """Syncs of one workbook that remember, and the people at its tabs."""

    def __init__(self, database: str, sheets: SheetsStandin, workbook: str) -> None:
        self.engine = sa.create_engine(database)
        self.memory = PostgresMemory(self.engine)
        self.sheets, self.workbook = sheets, workbook
        self.client = sheets_client(sheets)
        self.said: list[str] = []
        self.runs = 0

    def spec(self, name: str = "Data", **changes: Any) -> SheetSyncSpec:
        target = {"spreadsheet_id": self.workbook, "tab": name}
        return sync_spec(**{"sync": name.lower(), "target": target, "guards": FREE} | changes)

    def job(self, spec: SheetSyncSpec, rows: Any, *, check: bool = False, **changes: Any) -> SyncJob:
        self.runs += 1
        sync = Sync(spec, "SELECT 1")
        return SyncJob(
            spec,
            lambda: nullcontext(rows_source(NAMES, rows)),
            **{"run_id": f"run-{self.runs}", "spec_hash": spec_hash(sync), "check_due": check} | changes,
        )

    def run_all(self, jobs: Sequence[SyncJob], memory: Any = None, **settings: Any) -> dict[str, SyncOutcome]:
        memory = memory or self.memory
        known = memory.load([job.spec.sync for job in jobs])
        jobs = [replace(job, memory=known.get(job.spec.sync)) for job in jobs]
        self.client = sheets_client(self.sheets)
        result = run_group(jobs, self.client, settings=replace(AGAIN, **settings), log=self.said.append, memory=memory)
        for error in result.errors.values():
            raise error
        return result.outcomes

    def run(self, spec: SheetSyncSpec, rows: Any, memory: Any = None, **changes: Any) -> SyncOutcome:
        return self.run_all([self.job(spec, rows, **changes)], memory)[spec.sync]

    @property
    def calls(self) -> tuple[int, int]:
        """Reads and writes of the last run."""
        return self.client.usage.read_calls, self.client.usage.write_calls

    def tab(self, name: str = "Data") -> list[list[Any]]:
        return tab_values(self.sheets, self.workbook, name)[1:]

    def worksheet(self, name: str = "Data") -> Any:
        return open_workbook(self.sheets, self.workbook).worksheet(name)


@pytest.fixture
def desk(database: str, sheets: SheetsStandin, workbook: str) -> Iterator[Desk]:
    desk = Desk(database, sheets, workbook)
    yield desk
    with desk.engine.begin() as connection:
        empty_tables(connection)
    desk.engine.dispose()


def keyed(mode: str) -> dict[str, Any]:
    return {"mode": mode, "keys": ["CODE"] if mode in ("upsert", "mirror") else []}


@pytest.mark.parametrize("mode", ["replace", "upsert", "mirror"])
def test_a_result_that_is_what_it_was_costs_no_call_until_a_check_is_due(desk: Desk, mode: str) -> None:
    spec = desk.spec(**keyed(mode))
    assert desk.run(spec, ROWS).outcome == "written"
    again = desk.run(spec, ROWS, source_version="v2")
    assert (again.outcome, again.rows, again.source_rows, again.looks) == ("unchanged", 6, 6, 0)
    assert desk.calls == (0, 0)
    assert desk.memory.load(["data"])["data"].source_version == "v2"
    checked = desk.run(spec, ROWS, check=True)
    assert (checked.outcome, checked.looks, desk.calls) == ("unchanged", 1, (2, 0))
    assert desk.run(spec, OTHER).outcome == "written"
    assert desk.tab() == [list(row) for row in OTHER]


def test_an_append_of_nothing_costs_no_call_and_an_append_of_the_same_rows_appends_them(desk: Desk) -> None:
    spec = desk.spec(mode="append")
    desk.run(spec, ROWS)
    nothing = desk.run(spec, [])
    assert (nothing.outcome, nothing.rows, desk.calls) == ("unchanged", 6, (0, 0))
    assert desk.run(spec, ROWS).outcome == "written"
    assert len(desk.tab()) == 12


def test_another_spec_or_none_that_is_known_is_looked_at(desk: Desk) -> None:
    desk.run(desk.spec(), ROWS)
    assert desk.run(desk.spec(description="Another."), ROWS).looks == 1
    assert desk.run(desk.spec(description="Another."), ROWS).looks == 0
    assert desk.run(desk.spec(description="Another."), ROWS, spec_hash="").looks == 1
    assert desk.run(desk.spec(description="Another."), ROWS).looks == 1, "what no spec was named for, none can rely on"
    assert desk.run(desk.spec(description="Another."), ROWS, dry_run=True).looks == 1


def test_of_a_group_only_those_that_changed_are_looked_at(desk: Desk) -> None:
    specs = [desk.spec(f"Tab{i}") for i in range(4)]
    desk.run_all([desk.job(spec, ROWS) for spec in specs])
    before = len(desk.sheets.calls())
    rows = [ROWS, OTHER, ROWS, ROWS]
    outcomes = desk.run_all([desk.job(spec, table) for spec, table in zip(specs, rows, strict=True)])
    assert [outcomes[spec.sync].outcome for spec in specs] == ["unchanged", "written", "unchanged", "unchanged"]
    assert [outcomes[spec.sync].looks for spec in specs] == [0, 1, 0, 0]
    made = [call["method"] for call in desk.sheets.calls()[before:] if call["spreadsheet_id"] == desk.workbook]
    assert made == ["spreadsheets.get", "spreadsheets.values.batchGet", "spreadsheets.batchUpdate"]
    assert desk.tab("Tab1") == [list(row) for row in OTHER]


def test_queries_that_wait_for_a_look_stay_within_a_bound_and_full_batches_still_leave_early(desk: Desk) -> None:
    wide = [(f"{i:05}", f"a car with a rather long name, number {i}", i) for i in range(400)]
    specs = [desk.spec(f"Tab{i}") for i in range(5)]
    desk.run_all([desk.job(spec, ROWS) for spec in specs])
    reads_before: list[int] = []

    class Watched:
        schema = rows_source(NAMES, wide).schema

        def batches(self) -> Any:
            reads_before.append(desk.client.usage.write_calls)
            return rows_source(NAMES, wide).batches()

    jobs = [replace(desk.job(spec, []), open_source=lambda: nullcontext(Watched())) for spec in specs]
    outcomes = desk.run_all(jobs, early_rows=500, max_request_bytes=120_000, spool_bytes=30_000)
    assert {outcome.outcome for outcome in outcomes.values()} == {"written"}
    assert reads_before == [0, 0, 1, 2, 3], "two before the look, each of the others when a batch has left"
    for spec in specs:
        assert len(desk.tab(spec.target.tab)) == 400


def test_a_header_that_the_tab_lacks_is_no_trouble_for_a_query_that_was_read_before_the_look(desk: Desk) -> None:
    spec = desk.spec(drift="ignore")
    narrow = desk.spec(columns=[{"name": "CODE", "type": "text"}, {"name": "NAME", "type": "text"}], drift="ignore")
    desk.run(narrow, ROWS)
    assert desk.run(spec, ROWS).outcome == "unchanged"
    desk.run(spec, OTHER)
    assert desk.run(spec, OTHER).looks == 0
    assert desk.tab() == [[c, n] for c, n, _ in OTHER]


def edited(desk: Desk, spec: SheetSyncSpec) -> None:
    """People write into a cell, delete a row and insert one of their own."""
    desk.run(spec, ROWS)
    tab = desk.worksheet()
    tab.update([["sold, ask Ravi"]], "B3")
    tab.delete_rows(5)
    tab.insert_row(["900", "a car of mine", 9], 4)


MINE, EDITED = ["900", "a car of mine", 9], ["001", "sold, ask Ravi", 1]
AS_QUERIED = [list(row) for row in ROWS]
# The tab after a run of the same query, and rows that were found edited.
ENDS: list[tuple[str, str, list[list[Any]], int]] = [
    ("replace", "overwrite", AS_QUERIED, 2),
    ("replace", "report", AS_QUERIED, 2),
    ("append", "overwrite", [AS_QUERIED[0], EDITED, MINE, AS_QUERIED[2], *AS_QUERIED[4:]], 2),
    ("upsert", "overwrite", [*AS_QUERIED[:2], MINE, AS_QUERIED[2], *AS_QUERIED[4:], AS_QUERIED[3]], 3),
    ("upsert", "report", [*AS_QUERIED[:2], MINE, AS_QUERIED[2], *AS_QUERIED[4:], AS_QUERIED[3]], 3),
    ("upsert", "keep", [AS_QUERIED[0], EDITED, MINE, AS_QUERIED[2], *AS_QUERIED[4:]], 3),
    ("mirror", "overwrite", [*AS_QUERIED[:3], *AS_QUERIED[4:], AS_QUERIED[3]], 3),
    ("mirror", "report", [*AS_QUERIED[:3], *AS_QUERIED[4:], AS_QUERIED[3]], 3),
    ("mirror", "keep", [AS_QUERIED[0], EDITED, MINE, AS_QUERIED[2], *AS_QUERIED[4:]], 3),
]


@pytest.mark.parametrize(("mode", "policy", "expected", "rows"), ENDS, ids=[f"{e[0]} {e[1]}" for e in ENDS])
def test_people_s_edits_are_counted_and_end_as_the_policy_says(
    desk: Desk, mode: str, policy: str, expected: list[list[Any]], rows: int
) -> None:
    spec = desk.spec(**keyed(mode), edits=policy)
    edited(desk, spec)
    assert desk.run(spec, [] if mode == "append" else ROWS).looks == 0, "an edit alone is noticed at the next check"
    outcome = desk.run(spec, [] if mode == "append" else ROWS, check=True)
    assert desk.tab() == expected
    assert outcome.rows_edited == rows
    first = next(edit for edit in outcome.edits if edit["address"] == "B3")
    assert first["change"] == "changed"
    if policy == "overwrite":
        assert "theirs" not in first
        assert outcome.warning == ""
    else:
        assert first["theirs"] == "sold, ask Ravi"
        assert "B3 said 'sold, ask Ravi'" in outcome.warning
        assert any(outcome.warning in line for line in desk.said)
    again = desk.run(spec, [] if mode == "append" else ROWS, check=True)
    assert (again.outcome, again.rows_edited) == ("unchanged", rows if policy == "keep" else 0)


def test_an_edit_that_is_kept_stays_until_its_source_row_changes_and_then_what_stood_there_is_told(desk: Desk) -> None:
    spec = desk.spec(**keyed("mirror"), edits="keep")
    edited(desk, spec)
    desk.run(spec, ROWS, check=True)
    desk.run(spec, [*ROWS[:5], ("005", "car 5", 55)])
    assert EDITED in desk.tab()
    assert MINE in desk.tab()
    assert ["005", "car 5", 55] in desk.tab()
    outcome = desk.run(spec, [ROWS[0], ("001", "car 1", 11), *ROWS[2:]])
    assert ["001", "car 1", 11] in desk.tab()
    assert {"address": "B3", "change": "changed", "ours": "car 1", "theirs": "sold, ask Ravi"} in outcome.edits
    assert MINE in desk.tab()
    desk.run(spec, ROWS[:1], check=True)
    assert desk.tab() == [AS_QUERIED[0], MINE], "rows that the source has no longer go, people's own stay"


@pytest.mark.parametrize("before", ["a memory that was lost", "a version that knew of none"])
def test_edits_are_noticed_from_the_first_look_on(desk: Desk, before: str) -> None:
    desk.run(desk.spec(**keyed("mirror")), ROWS)
    with desk.engine.begin() as connection:
        empty_tables(connection)
    if before == "a version that knew of none":
        marker = parse_workbook(desk.client.get_workbook(desk.workbook, METADATA_FIELDS), "data").marker
        assert marker is not None
        old = set_marker("data", marker.model_copy(update={"content": ""}), exists=True)
        desk.client.batch_update(desk.workbook, batch_body([orjson.dumps(old)]))
    spec = desk.spec(**keyed("mirror"), edits="keep")
    assert desk.run(spec, ROWS).rows_changed == 0
    assert desk.run(spec, ROWS, check=True).outcome == "unchanged"
    desk.worksheet().update([["sold, ask Ravi"]], "B3")
    assert desk.run(spec, ROWS, check=True).rows_edited == 1
    assert EDITED in desk.tab()


@pytest.mark.parametrize("kind", ["reset_after", "reset", "503"])
def test_a_lost_answer_costs_no_kept_edit(desk: Desk, kind: str) -> None:
    spec = desk.spec(**keyed("mirror"), edits="keep")
    edited(desk, spec)
    desk.sheets.fault(kind, method="spreadsheets.batchUpdate", spreadsheet_id=desk.workbook)
    outcome = desk.run(spec, [*ROWS[:5], ("005", "car 5", 55)])
    assert (outcome.outcome, outcome.looks, outcome.rows_edited) == ("written", 2, 3)
    assert EDITED in desk.tab()
    assert ["005", "car 5", 55] in desk.tab()


def test_a_write_that_the_memory_did_not_hear_of_is_found_by_a_look_and_claims_no_edits(desk: Desk) -> None:
    spec = desk.spec(**keyed("mirror"), edits="report")
    desk.run(spec, ROWS)
    run_group([desk.job(spec, OTHER)], desk.client)
    outcome = desk.run(spec, ROWS, check=True)
    assert (outcome.outcome, outcome.rows_changed, outcome.rows_edited) == ("written", 6, 0)
    assert desk.tab() == AS_QUERIED


class Deaf(PostgresMemory):
    """Loses what it is told at the end."""

    def save(self, remembered: Any) -> None:
        raise UnavailableError("the state database: gone")


class Gone(Deaf):
    """Is away as soon as something is to be written."""

    def writing(self, remembered: Any, before: Any) -> None:
        raise UnavailableError("the state database: gone")


def test_a_memory_that_is_away_at_the_end_costs_the_next_run_a_look_and_one_that_is_away_before_a_write_stops_it(
    desk: Desk,
) -> None:
    spec = desk.spec()
    desk.run(spec, ROWS)
    assert desk.run(spec, OTHER, Deaf(desk.engine)).outcome == "written"
    assert "the state database: gone" in desk.said[-1]
    assert desk.run(spec, ROWS).outcome == "written", "the tab says something else than the last run that is remembered"
    with pytest.raises(RetriableError, match="the state database"):
        desk.run(spec, OTHER, Gone(desk.engine))
    assert desk.calls[1] == 0
    assert desk.tab() == AS_QUERIED


def test_one_who_loses_the_workbook_writes_nothing_and_leaves_what_the_next_one_remembers(desk: Desk) -> None:
    spec = desk.spec()
    desk.run(spec, ROWS)
    before = desk.memory.load(["data"])
    with pytest.raises(RetriableError, match="data: the workbook's lease is about to end"):
        desk.run(spec, OTHER, GuardedMemory(desk.memory, lambda: False))
    desk.run(spec, ROWS, GuardedMemory(desk.memory, lambda: False), source_version="v2")
    assert desk.memory.load(["data"]) == before
    assert desk.tab() == AS_QUERIED


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _after(act: Callable[..., Any]) -> Callable[..., Any]:
    def acted(*args: Any, **named: Any) -> None:
        act(*args, **named)
        _die()

    return acted


def _killed(database: str, sheets: SheetsStandin, workbook: str, where: str) -> None:
    """In a process of its own: one run, killed on the way."""
    desk = Desk(database, sheets, workbook)
    client, memory = sheets_client(sheets), desk.memory
    match where:
        case "before it is remembered":
            memory.writing = _die  # type: ignore[method-assign]
        case "before the write":
            client.batch_update = _die  # type: ignore[method-assign]
        case "after the write":
            client.batch_update = _after(client.batch_update)  # type: ignore[method-assign]
        case "before the end is remembered":
            memory.save = _die  # type: ignore[method-assign]
        case _:
            memory.save = _after(memory.save)  # type: ignore[method-assign]
    spec = desk.spec(**keyed("mirror"), edits="keep")
    job = replace(desk.job(spec, CHANGED), memory=memory.load([spec.sync]).get(spec.sync))
    run_group([job], client, settings=AGAIN, memory=memory)


CHANGED = [*ROWS[:4], ("004", "car 4", 44), ("005", "car 5", 55)]
STEPS = [
    "before it is remembered",
    "before the write",
    "after the write",
    "before the end is remembered",
    "after the end is remembered",
]


@pytest.mark.parametrize("where", STEPS)
@pytest.mark.parametrize("then", ["the same", "the old rows"])
def test_a_run_that_is_killed_anywhere_ends_as_if_it_had_not_been(
    desk: Desk, database: str, where: str, then: str
) -> None:
    spec = desk.spec(**keyed("mirror"), edits="keep")
    desk.run(spec, ROWS)
    tab = desk.worksheet()
    tab.update([["sold, ask Ravi"]], "B3")
    tab.append_row(MINE)
    desk.run(spec, ROWS, check=True)
    process = multiprocessing.get_context("fork").Process(
        target=_killed, args=(database, desk.sheets, desk.workbook, where)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    rows = CHANGED if then == "the same" else ROWS
    desk.run(spec, rows)
    expected = [AS_QUERIED[0], EDITED, *(list(row) for row in rows[2:]), MINE]
    assert desk.tab() == expected
    checked = desk.run(spec, rows, check=True)
    assert (checked.outcome, checked.rows_edited) == ("unchanged", 2)
    assert desk.tab() == expected


def test_what_is_remembered_of_a_large_tab_is_small(desk: Desk) -> None:
    rows = [(f"{i:06}", f"car {i}", i) for i in range(10_000)]
    spec = desk.spec(**keyed("mirror"))
    desk.run(spec, rows)
    again = desk.run(spec, rows)
    assert (again.rows, desk.calls) == (10_000, (0, 0))
    with desk.engine.connect() as connection:
        size = connection.execute(sa.text("SELECT pg_total_relation_size('sheet_memory_rows')")).scalar_one()
    assert size < 300_000


def test_times_that_are_remembered_are_those_of_the_look_and_of_the_source(desk: Desk) -> None:
    spec, read_at = desk.spec(), dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
    desk.run(spec, ROWS, source_version="v1", source_read_at=read_at)
    first = desk.memory.load(["data"])["data"]
    desk.run(spec, ROWS, source_version="v2", source_read_at=read_at + dt.timedelta(hours=1))
    second = desk.memory.load(["data"])["data"]
    assert first.source_read_at == read_at
    assert second.source_read_at == read_at + dt.timedelta(hours=1)
    assert second.checked_at == first.checked_at
