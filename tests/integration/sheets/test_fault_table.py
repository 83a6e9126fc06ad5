"""Every fault at every API call of every mode: the sheet is the old or the new state, and a retry makes it the new.

Prints the table that stands in docs/FAULTS.md and compares the two; DRIVETRAIN_WRITE_DOCS=1 writes it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drivetrain.errors import DrivetrainError
from tests.support.sheets import (
    ONCE,
    ONE_LOOK,
    open_workbook,
    rows_source,
    run_rows,
    sheets_client,
    sync_spec,
    tab_values,
)

if TYPE_CHECKING:
    from drivetrain.sheets.port import Settings
    from standins.sheets.testing import SheetsStandin

PAGE = Path(__file__).parents[3] / "docs" / "FAULTS.md"
NAMES = ("CODE", "NAME", "SCORE")
KINDS = ("429", "500", "503", "reset", "reset_after", "timeout_before", "timeout_after")
OLD = [(f"{i:03}", f"car {i}", i) for i in range(30)]
# Changed, gone and new rows, spread so that several segments are written.
NEW = [(c, n + "!" if i % 4 == 0 else n, s) for i, (c, n, s) in enumerate(OLD) if i % 9] + [
    (f"{i:03}", f"car {i}", i) for i in range(30, 42)
]
MORE = [(f"{i:03}", f"car {i}", i) for i in range(100, 130)]
INLINE = ONE_LOOK
STAGED = replace(ONE_LOOK, max_request_bytes=400)


@dataclass(frozen=True)
class Case:
    mode: str
    path: str
    settings: Settings
    new: list[tuple[Any, ...]]

    @property
    def spec_changes(self) -> dict[str, Any]:
        keys = ["CODE"] if self.mode in ("upsert", "mirror") else []
        return {"mode": self.mode, "keys": keys}

    def expected(self) -> list[list[Any]]:
        """The state after the run, by the mode's own definition."""
        if self.mode == "append":
            return [list(NAMES), *map(list, OLD), *map(list, self.new)]
        if self.mode == "replace":
            return [list(NAMES), *map(list, self.new)]
        new = {row[0]: row for row in self.new}
        kept = [new.get(row[0], row) for row in OLD if self.mode == "upsert" or row[0] in new]
        there = {row[0] for row in OLD}
        return [list(NAMES), *map(list, kept), *[list(row) for row in self.new if row[0] not in there]]


CASES = [
    Case(mode, path, settings, MORE if mode == "append" else NEW)
    for mode in ("replace", "append", "upsert", "mirror")
    for path, settings in (("one batch", INLINE), ("staged", STAGED))
]


def run(standin: SheetsStandin, spec: Any, rows: Any, settings: Settings, run_id: str, timeout: float) -> Any:
    client = sheets_client(standin, retry=ONCE, timeout_seconds=timeout)
    return run_rows(client, spec, rows_source(NAMES, rows), run_id=run_id, settings=settings)


def prepared(standin: SheetsStandin, case: Case) -> tuple[Any, str]:
    book = standin.create_spreadsheet(title=f"{case.mode} {case.path}", tabs=["Sheet1"], share_with=["sync-1"])
    spec = sync_spec(**case.spec_changes, target={"spreadsheet_id": book})
    run(standin, spec, OLD, INLINE, "first", 10)
    return spec, book


def calls_of_a_clean_run(standin: SheetsStandin, case: Case) -> list[str]:
    spec, book = prepared(standin, case)
    before = len(standin.calls())
    run(standin, spec, case.new, case.settings, "second", 10)
    made = [call["method"] for call in standin.calls()[before:] if call["spreadsheet_id"] == book]
    assert tab_values(standin, book, "Data") == case.expected()
    return made


def outcome_of(standin: SheetsStandin, case: Case, kind: str, nth: int) -> tuple[str, str]:
    """(state right after the fault, state after one retry), each "old", "new" or "BETWEEN"."""
    spec, book = prepared(standin, case)
    old, new = [list(NAMES), *map(list, OLD)], case.expected()
    standin.fault(kind, nth=nth, spreadsheet_id=book)
    timeout = 0.25 if kind.startswith("timeout") else 10
    try:
        run(standin, spec, case.new, case.settings, "second", timeout)
    except DrivetrainError:
        failed = True
    else:
        failed = False
    standin.clear_faults()
    states = []
    for retry in (False, True):
        if retry:
            run(standin, spec, case.new, case.settings, "second", 10)
        seen = tab_values(standin, book, "Data")
        states.append("old" if seen == old else "new" if seen == new else "BETWEEN")
    tabs = [tab.title for tab in open_workbook(standin, book).worksheets()]
    assert sorted(tabs) == ["Data", "Sheet1"], f"left behind: {tabs}"
    assert failed, f"{case.mode} {case.path}: call {nth} with {kind} did not fail the run"
    return states[0], states[1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_fault_of_each_kind_at_every_call_leaves_the_old_or_the_new_state_and_one_retry_makes_it_new(
    sheets: SheetsStandin, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        "| mode | path | API calls of the run | fault | at call | right after | after one retry |",
        "|---|---|---|---|---|---|---|",
    ]
    bad = []
    tried = 0
    for case in CASES:
        methods = calls_of_a_clean_run(sheets, case)
        for kind in KINDS:
            seen: dict[tuple[str, str], list[int]] = {}
            for nth in range(1, len(methods) + 1):
                tried += 1
                states = outcome_of(sheets, case, kind, nth)
                seen.setdefault(states, []).append(nth)
                if states[0] == "BETWEEN" or states[1] != "new":
                    bad.append((case.mode, case.path, kind, nth, states))
            lines += [
                f"| {case.mode} | {case.path} | {len(methods)} | {kind} | {', '.join(map(str, at))} "
                f"| {after} | {retried} |"
                for (after, retried), at in seen.items()
            ]
    table = "\n".join(lines)
    with capsys.disabled():
        print(f"\n{table}\n{tried} faults")
    assert not bad
    page = page_text(table, tried)
    if os.environ.get("DRIVETRAIN_WRITE_DOCS"):
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "run the test with DRIVETRAIN_WRITE_DOCS=1"


def page_text(table: str, tried: int) -> str:
    return (
        "# Faults of the sheet sync\n\n"
        f"{tried} runs, each with one fault injected by the local Sheets server: each kind of fault at every API call "
        "of a run in turn, for every mode, once where the change fits one batch and once where it goes by a staging "
        "tab. Written by `tests/integration/sheets/test_fault_table.py`, which fails when a row no longer holds.\n\n"
        "- *right after*: what a reader sees once the run has failed, every retry of ours switched off. Never "
        "anything but the whole old or the whole new state.\n"
        "- *after one retry*: the same run once more. Always the new state, nothing doubled, no staging tab left.\n"
        "- `reset` and `timeout_before` lose the call, `reset_after` and `timeout_after` only its answer: the effect "
        "has happened.\n\n"
        f"{table}\n"
    )
