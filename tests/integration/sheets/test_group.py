"""Syncs of one workbook together: fewer calls, and each for itself when something goes wrong."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.errors import GuardError, SchemaDriftError, TargetMissingError
from drivetrain.sheets.engine import SyncJob, run_group
from tests.support.sheets import ONE_LOOK, open_workbook, rows_source, sheets_client, sync_spec, tab_values

if TYPE_CHECKING:
    from standins.sheets.testing import SheetsStandin

NAMES = ("CODE", "NAME", "SCORE")
ROWS = [(f"{i:03}", f"car {i}", i) for i in range(12)]


def jobs(workbook: str, tables: dict[str, list[tuple[Any, ...]]], **more: Any) -> list[SyncJob]:
    return [
        SyncJob(
            sync_spec(sync=name, target={"spreadsheet_id": workbook, "tab": name}, **more),
            lambda rows=rows: nullcontext(rows_source(NAMES, rows)),  # type: ignore[misc]
            run_id="run-1",
        )
        for name, rows in tables.items()
    ]


def test_ten_tabs_are_read_in_two_calls_and_written_in_one(sheets: SheetsStandin, workbook: str) -> None:
    tables = {f"tab_{i}": [(c, f"{n} of {i}", s) for c, n, s in ROWS] for i in range(10)}
    first = sheets_client(sheets)
    result = run_group(jobs(workbook, tables), first)
    assert not result.errors
    assert (first.usage.read_calls, first.usage.write_calls) == (1, 1)
    assert sum(outcome.write_calls for outcome in result.outcomes.values()) == 1
    changed = {name: [(c, n + "!", s) for c, n, s in rows] for name, rows in tables.items()}
    second = sheets_client(sheets)
    run_group(jobs(workbook, changed), second)
    assert (second.usage.read_calls, second.usage.write_calls) == (2, 1)
    for name, rows in changed.items():
        assert tab_values(sheets, workbook, name)[1:] == [list(row) for row in rows]


def test_a_sync_that_fails_fails_alone(sheets: SheetsStandin, workbook: str) -> None:
    run_group(jobs(workbook, {"good": ROWS, "emptied": ROWS, "edited": ROWS}), sheets_client(sheets))
    open_workbook(sheets, workbook).worksheet("edited").update([["Kode"]], "A1")
    result = run_group(
        jobs(workbook, {"good": ROWS[:8], "emptied": [], "edited": ROWS[:8], "new": ROWS}), sheets_client(sheets)
    )
    assert {name: type(error) for name, error in result.errors.items()} == {
        "emptied": GuardError,
        "edited": SchemaDriftError,
    }
    assert set(result.outcomes) == {"good", "new"}
    assert len(tab_values(sheets, workbook, "good")) == 9
    assert len(tab_values(sheets, workbook, "emptied")) == 13


def test_what_google_refuses_in_one_batch_is_sent_each_by_itself(sheets: SheetsStandin, workbook: str) -> None:
    run_group(jobs(workbook, {"bad": ROWS, "good": ROWS}), sheets_client(sheets))
    client, book = sheets_client(sheets), open_workbook(sheets, workbook)
    send = client.batch_update

    def a_person_deletes_a_tab_first(spreadsheet_id: str, body: bytes) -> None:
        client.batch_update = send  # type: ignore[method-assign]
        book.del_worksheet(book.worksheet("bad"))
        send(spreadsheet_id, body)

    client.batch_update = a_person_deletes_a_tab_first  # type: ignore[method-assign]
    settings = replace(ONE_LOOK, attempts=3, wait_seconds=0.01)
    result = run_group(jobs(workbook, {"bad": ROWS[:9], "good": ROWS[:9]}), client, settings=settings)
    assert {name: type(error) for name, error in result.errors.items()} == {"bad": TargetMissingError}
    assert result.outcomes["good"].outcome == "written"
    assert len(tab_values(sheets, workbook, "good")) == 10


@pytest.mark.parametrize("kind", ["reset", "reset_after", "503"])
def test_a_lost_answer_to_a_shared_batch_is_looked_after_by_every_sync(
    sheets: SheetsStandin, workbook: str, kind: str
) -> None:
    settings = replace(ONE_LOOK, attempts=3, wait_seconds=0.01)
    work = jobs(workbook, {"north": ROWS, "south": ROWS}, mode="append")
    sheets.fault(kind, method="spreadsheets.batchUpdate", spreadsheet_id=workbook)
    result = run_group(work, sheets_client(sheets), settings=settings)
    assert {name: (o.outcome, o.rows, o.looks) for name, o in result.outcomes.items()} == {
        "north": ("written", 12, 2),
        "south": ("written", 12, 2),
    }
    for name in ("north", "south"):
        assert len(tab_values(sheets, workbook, name)) == 13


def test_a_batch_that_is_full_leaves_before_the_next_query_is_read(sheets: SheetsStandin, workbook: str) -> None:
    client = sheets_client(sheets)
    wide = [(f"{i:05}", f"a car with a rather long name, number {i}", i) for i in range(400)]
    writes_at_read: list[int] = []

    class Watched:
        schema = rows_source(NAMES, wide).schema

        def batches(self) -> Any:
            writes_at_read.append(client.usage.write_calls)
            return rows_source(NAMES, wide).batches()

    group = [
        replace(job, open_source=lambda: nullcontext(Watched()))
        for job in jobs(workbook, {f"tab_{i}": [] for i in range(6)})
    ]
    settings = replace(ONE_LOOK, max_request_bytes=120_000, spool_bytes=30_000)
    result = run_group(group, client, settings=settings)
    assert not result.errors
    assert {outcome.staged for outcome in result.outcomes.values()} == {False}
    assert writes_at_read == [0, 0, 1, 2, 3, 4]
    for name in result.outcomes:
        assert len(tab_values(sheets, workbook, name)) == 401
