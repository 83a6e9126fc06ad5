"""A batch that had to wait is never written to a workbook that people have changed meanwhile.

Over the real Sheets server; only time is ours: a person acts while the client sleeps.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.quota.limits import Limits
from drivetrain.quota.local import LocalQuota
from drivetrain.quota.port import Kind
from drivetrain.retry import RetryPolicy
from drivetrain.sheets.engine import SyncJob, run_group
from drivetrain.sheets.port import Settings
from hooks.google_sheets import http_client
from hooks.sheets_client import SheetsClient
from standins.sheets.testing import SheetsStandin
from tests.support.sheets import (
    credentials_of,
    open_workbook,
    rows_source,
    run_rows,
    sheets_client,
    sync_spec,
    tab_values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drivetrain.quota.port import Quota

NAMES = ("CODE", "NAME", "SCORE")
ROWS = [(f"{i:03}", f"car {i}", i) for i in range(30)]
CHANGED = [(code, name + "!" if i % 3 == 0 else name, i) for i, (code, name, _) in enumerate(ROWS)]
SOON = Settings(attempts=1, wait_seconds=0)
LIMITS = Limits(account_reads=40, account_writes=8, reserve_share=0)
ME = "sync-1@drivetrain-local.iam.gserviceaccount.com"


class World:
    """Time, and the people who use the time that a client sleeps."""

    def __init__(self) -> None:
        self.now, self.acts, self.slept = 1_000.0, [], []  # type: float, list[Callable[[], object]], list[float]

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        if seconds > 1 and self.acts:
            self.acts.pop(0)()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def sheets() -> Iterator[SheetsStandin]:
    with SheetsStandin() as standin:
        yield standin


@pytest.fixture
def workbook(sheets: SheetsStandin, request: pytest.FixtureRequest) -> str:
    """A workbook whose tab Data is in line with ROWS."""
    book = sheets.create_spreadsheet(title=request.node.name[:90], tabs=["Sheet1"])
    run_rows(sheets_client(sheets), sync_spec(target={"spreadsheet_id": book}), rows_source(NAMES, ROWS))
    return book


def quota_of(world: World, limits: Limits = LIMITS) -> LocalQuota:
    return LocalQuota(limits, clock=world.clock, sleep=world.sleep)


def spend_all(quota: LocalQuota, kind: Kind = Kind.WRITE) -> None:
    for _ in range(quota.limits.account_writes if kind is Kind.WRITE else quota.limits.account_reads):
        quota.take(kind, ME, patience_seconds=0)


def client_of(sheets: SheetsStandin, world: World, quota: Quota | None, **options: Any) -> SheetsClient:
    credentials = credentials_of(sheets.keyfile("sync-1"))
    return SheetsClient(
        http_client(sheets.url)(credentials),
        account=ME,
        connection="google_sheets_default",
        retry=RetryPolicy(sleep=world.sleep),
        quota=quota,
        **options,
    )


def insert_a_row(sheets: SheetsStandin, workbook: str, at: int = 5) -> Callable[[], object]:
    return lambda: open_workbook(sheets, workbook).worksheet("Data").insert_row(["a note", "of mine", ""], at)


def expected(rows: list[tuple[Any, ...]] = CHANGED) -> list[list[Any]]:
    return [list(NAMES), *map(list, rows)]


def test_a_row_that_is_inserted_while_a_batch_waits_shifts_nothing(
    sheets: SheetsStandin, workbook: str, world: World
) -> None:
    quota = quota_of(world)
    spend_all(quota)
    world.acts = [insert_a_row(sheets, workbook)]
    client = client_of(sheets, world, quota)
    outcome = run_rows(
        client, sync_spec(target={"spreadsheet_id": workbook}), rows_source(NAMES, CHANGED), settings=SOON
    )
    assert tab_values(sheets, workbook, "Data") == expected()
    assert (outcome.outcome, outcome.looks, outcome.write_calls, outcome.read_calls) == ("written", 2, 1, 4)
    assert client.usage.waited_seconds == pytest.approx(62)
    assert world.slept == [pytest.approx(62)], "one wait, for the look and the batch together"


def test_without_the_second_look_it_would_have_been_shifted(sheets: SheetsStandin, workbook: str, world: World) -> None:
    quota = quota_of(world)
    spend_all(quota)
    world.acts = [insert_a_row(sheets, workbook)]
    client = client_of(sheets, world, quota, stale_after_seconds=1e9)
    run_rows(client, sync_spec(target={"spreadsheet_id": workbook}), rows_source(NAMES, CHANGED), settings=SOON)
    assert tab_values(sheets, workbook, "Data") != expected()


@pytest.mark.parametrize("shared", [True, False])
def test_a_row_that_is_inserted_while_a_refused_batch_waits_shifts_nothing(
    sheets: SheetsStandin, workbook: str, world: World, shared: bool
) -> None:
    sheets.fault("429", method="spreadsheets.batchUpdate", spreadsheet_id=workbook, retry_after=30)
    world.acts = [insert_a_row(sheets, workbook)]
    client = client_of(sheets, world, quota_of(world) if shared else None)
    outcome = run_rows(
        client, sync_spec(target={"spreadsheet_id": workbook}), rows_source(NAMES, CHANGED), settings=SOON
    )
    assert tab_values(sheets, workbook, "Data") == expected()
    assert (outcome.looks, outcome.write_calls) == (2, 2)
    assert client.usage.waited_seconds >= 30


def test_a_refusal_that_is_waited_out_soon_is_sent_again_as_it_is(
    sheets: SheetsStandin, workbook: str, world: World
) -> None:
    sheets.fault("429", method="spreadsheets.batchUpdate", spreadsheet_id=workbook, retry_after=2)
    client = client_of(sheets, world, quota_of(world))
    outcome = run_rows(
        client, sync_spec(target={"spreadsheet_id": workbook}), rows_source(NAMES, CHANGED), settings=SOON
    )
    assert (outcome.looks, outcome.write_calls, outcome.read_calls) == (1, 2, 2)
    assert tab_values(sheets, workbook, "Data") == expected()


def test_a_row_that_is_inserted_between_two_reads_of_a_look_shifts_nothing(
    sheets: SheetsStandin, workbook: str, world: World
) -> None:
    quota = quota_of(world)
    for _ in range(LIMITS.account_reads - 3):
        quota.take(Kind.READ, ME)
    world.acts = [insert_a_row(sheets, workbook)]
    client = client_of(sheets, world, quota)
    parts = replace(SOON, read_cells=36)  # the grid's rows in parts of 12, so that the look has to wait
    spec = sync_spec(target={"spreadsheet_id": workbook})
    outcome = run_rows(client, spec, rows_source(NAMES, CHANGED), settings=parts)
    assert tab_values(sheets, workbook, "Data") == expected()
    assert (outcome.looks, outcome.write_calls) == (2, 1)
    assert len(world.slept) <= 2, "the second look did not have to wait in its middle"


def test_an_unchanged_tab_neither_waits_for_writes_nor_spends_one(
    sheets: SheetsStandin, workbook: str, world: World
) -> None:
    quota = quota_of(world)
    spend_all(quota)
    client = client_of(sheets, world, quota)
    outcome = run_rows(client, sync_spec(target={"spreadsheet_id": workbook}), rows_source(NAMES, ROWS), settings=SOON)
    assert (outcome.outcome, client.usage.write_calls, client.usage.waited_seconds) == ("unchanged", 0, 0)


def test_a_batch_that_is_not_needed_any_more_costs_no_write(sheets: SheetsStandin, workbook: str, world: World) -> None:
    quota, spec = quota_of(world), sync_spec(target={"spreadsheet_id": workbook})
    spend_all(quota)
    world.acts = [lambda: run_rows(sheets_client(sheets), spec, rows_source(NAMES, CHANGED))]
    client = client_of(sheets, world, quota)
    outcome = run_rows(client, spec, rows_source(NAMES, CHANGED), settings=SOON)
    assert (outcome.outcome, outcome.looks, client.usage.write_calls) == ("unchanged", 2, 0)
    world.sleep(31)  # what was kept for it is free again
    spend_all(quota)


STAGED = replace(SOON, max_request_bytes=400)


def written(sheets: SheetsStandin, workbook: str, since: int) -> list[str]:
    calls = [call for call in sheets.calls(since) if call["spreadsheet_id"] == workbook and call["account"] == ME]
    return [call["method"].rpartition(".")[2] for call in calls if call["kind"] == "write"]


def test_a_staged_change_goes_on_after_a_wait_if_the_tab_is_as_it_was(
    sheets: SheetsStandin, workbook: str, world: World
) -> None:
    quota, since = quota_of(world, replace(LIMITS, account_writes=5)), len(sheets.calls())
    client = client_of(sheets, world, quota)
    spec = sync_spec(target={"spreadsheet_id": workbook})
    outcome = run_rows(client, spec, rows_source(NAMES, [(c, n * 9, s) for c, n, s in CHANGED]), settings=STAGED)
    assert tab_values(sheets, workbook, "Data") == expected([(c, n * 9, s) for c, n, s in CHANGED])
    parts = written(sheets, workbook, since).count("update")
    assert parts > 5, "it had to wait in its middle"
    assert written(sheets, workbook, since) == ["batchUpdate", *["update"] * parts, "batchUpdate"]
    assert (outcome.staged, outcome.looks, outcome.write_calls) == (True, 1, parts + 2)
    assert sum(world.slept) > 60


@pytest.mark.parametrize("at", [2, 20])
def test_a_row_that_is_inserted_while_a_change_is_staged_shifts_nothing(
    sheets: SheetsStandin, workbook: str, world: World, at: int
) -> None:
    world.acts = [insert_a_row(sheets, workbook, at)]
    client = client_of(sheets, world, quota_of(world, replace(LIMITS, account_writes=5)))
    new = [(c, n * 9 if i > 8 else n, s) for i, (c, n, s) in enumerate(CHANGED)]
    spec = sync_spec(target={"spreadsheet_id": workbook})
    outcome = run_rows(client, spec, rows_source(NAMES, new), settings=STAGED)
    assert outcome.outcome == "written"
    assert tab_values(sheets, workbook, "Data") == expected(new)
    assert sorted(tab.title for tab in open_workbook(sheets, workbook).worksheets()) == ["Data", "Sheet1"]


def test_a_staged_new_tab_is_revealed_after_a_wait(sheets: SheetsStandin, workbook: str, world: World) -> None:
    client = client_of(sheets, world, quota_of(world, replace(LIMITS, account_writes=2)))
    spec = sync_spec(sync="fresh", target={"spreadsheet_id": workbook, "tab": "Fresh"})
    run_rows(client, spec, rows_source(NAMES, CHANGED), settings=STAGED)
    assert tab_values(sheets, workbook, "Fresh") == expected()
    assert sum(world.slept) > 60


def test_syncs_of_a_workbook_are_all_looked_at_again_when_one_had_to_wait(
    sheets: SheetsStandin, workbook: str, world: World
) -> None:
    def job(name: str, rows: list[tuple[Any, ...]]) -> SyncJob:
        spec = sync_spec(sync=name, target={"spreadsheet_id": workbook, "tab": name})
        return SyncJob(spec, lambda: nullcontext(rows_source(NAMES, rows)), "run-1")

    names = ["north", "south", "east"]
    run_group([job(name, ROWS) for name in names], sheets_client(sheets))
    quota = quota_of(world)
    for _ in range(LIMITS.account_writes - 1):
        quota.take(Kind.WRITE, ME)

    def meddle() -> None:
        for name in names:
            open_workbook(sheets, workbook).worksheet(name).insert_row(["a note", "", ""], 7)

    world.acts = [meddle]
    client = client_of(sheets, world, quota)
    one_by_one = replace(SOON, max_request_bytes=5_000)
    result = run_group([job(name, CHANGED) for name in names], client, settings=one_by_one)
    assert not result.errors
    assert sum(world.slept) == pytest.approx(62)
    looks = sorted(outcome.looks for outcome in result.outcomes.values())
    assert looks[-1] == 2
    for name in names:
        found = tab_values(sheets, workbook, name)
        # What was written before the person came has their row in it; nothing else may be moved.
        assert [row for row in found if row[0] != "a note"] == expected()


def test_a_sync_that_is_looked_at_again_while_it_is_staged_does_not_make_others_plans_new(
    sheets: SheetsStandin, workbook: str, world: World
) -> None:
    def job(name: str, rows: list[tuple[Any, ...]]) -> SyncJob:
        spec = sync_spec(sync=name, target={"spreadsheet_id": workbook, "tab": name})
        return SyncJob(spec, lambda: nullcontext(rows_source(NAMES, rows)), "run-1")

    run_group([job("large", ROWS), job("tiny", ROWS)], sheets_client(sheets))
    world.acts = [lambda: open_workbook(sheets, workbook).worksheet("tiny").insert_row(["a note", "", ""], 7)]
    large = [(c, n * 99, s) for c, n, s in ROWS]
    tiny = [*ROWS[:20], ("020", "another car", 20), *ROWS[21:]]
    client = client_of(sheets, world, quota_of(world, replace(LIMITS, account_writes=4)))
    result = run_group(
        [job("large", large), job("tiny", tiny)], client, settings=replace(SOON, max_request_bytes=4_000)
    )
    assert not result.errors
    assert sum(world.slept) > 60
    assert {name: outcome.looks for name, outcome in result.outcomes.items()} == {"large": 1, "tiny": 2}
    assert tab_values(sheets, workbook, "large") == expected(large)
    assert tab_values(sheets, workbook, "tiny") == expected(tiny)


def test_a_reserved_look_is_not_wasted_when_google_is_slow(sheets: SheetsStandin, workbook: str, world: World) -> None:
    quota = quota_of(world)
    client = client_of(sheets, world, quota)
    client.get_workbook(workbook, "spreadsheetId")
    world.now += 3
    client.read_values(workbook, ["Data!A1:C2"])
    for _ in range(LIMITS.account_reads - 2):
        assert quota.take(Kind.READ, ME, patience_seconds=0) == 0
