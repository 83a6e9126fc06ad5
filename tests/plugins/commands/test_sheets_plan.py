from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from commands.main import app
from commands.sheets_diff import shown, summary_line, told_lines
from commands.sheets_run import Told
from drivetrain.errors import FatalError, GuardError, SpecError
from drivetrain.sheets.catalog import Sync
from drivetrain.sheets.outcome import SyncOutcome
from drivetrain.sheets.spec import Column, ColumnType
from tests.support.sheets import sync_spec

COLUMNS = (
    {"name": "CODE", "header": "Code", "type": "text"},
    {"name": "SINCE", "header": "Since", "type": "date"},
)
SPEC = sync_spec(columns=COLUMNS, target={"anchor": "B3"})


def outcome(**changes: Any) -> SyncOutcome:
    numbers = ("source_rows", "rows", "rows_added", "rows_changed", "rows_deleted", "rows_rejected")
    values: dict[str, Any] = dict.fromkeys((*numbers, "cells_added", "cells_changed", "cells_deleted"), 0)
    values |= {"sync": "small", "mode": "mirror", "outcome": "planned", "spreadsheet_id": "1" * 44}
    values |= {"workbook": "Book", "tab": "Data", "gid": 7, "calls_needed": 1, "quota_share": 0.0167, "looks": 1}
    return SyncOutcome(**(values | {"staged": False, "columns": COLUMNS} | changes))


def lines(told: SyncOutcome | None, *, header: tuple[str, ...] = ("Code", "Since"), error: Any = None) -> list[str]:
    return [line.plain for line in told_lines(Told(Sync(SPEC, ""), told, error, header))]


def test_a_cell_is_shown_as_its_column_s_type_says_it() -> None:
    day = Column(name="D", type=ColumnType.DATE)
    moment = Column(name="T", type=ColumnType.TIMESTAMP)
    zoned = Column(name="Z", type=ColumnType.TIMESTAMP_TZ, timezone="Asia/Kolkata")
    text = Column(name="X", type=ColumnType.TEXT)
    said = [shown(cell, text) for cell in (None, "", 7, "7", True, 'a"b')]
    assert said == ["(empty)", "(empty)", "7", '"7"', "TRUE", '"a\\"b"']
    assert [shown(cell, day) for cell in (46053, "soon", 46053.5, 1e300)] == [
        "2026-01-31",
        '"soon"',
        "46053.5",
        "1e+300",
    ]
    assert shown(46053.25, moment) == "2026-01-31 06:00:00"
    assert shown(46053.25, zoned) == "2026-01-31 06:00:00+05:30"
    assert shown(0.25, Column(name="T", type=ColumnType.TIME)) == "06:00:00"
    assert shown("x" * 90, text) == '"' + "x" * 39 + '…"'


def test_a_cell_can_t_move_the_reader_s_cursor() -> None:
    text = Column(name="X", type=ColumnType.TEXT)
    assert shown("\x1b[2J\n\x9b", text).isprintable()
    assert all(line.isprintable() for line in lines(outcome(tab="a\nb", workbook="\x1b[2J"), header=("\x1b", "\n")))


def test_rows_are_numbered_as_the_tab_numbers_them() -> None:
    preview = (
        {"row": 1, "change": "changed", "cells": {"Since": {"old": None, "new": 46053}}},
        {"row": 5, "change": "added", "cells": {"Code": {"old": None, "new": "007"}}},
        {"row": 3, "change": "deleted"},
        {"row": 4, "change": "changed", "cells": {}},
    )
    told = outcome(rows_added=1, rows_changed=2, rows_deleted=4, rows_rejected=1, preview=preview, staged=True)
    assert lines(told) == [
        "~ small  Data in Book  mirror",
        "    rows  + 1 added  ~ 2 changed  - 4 deleted   0 cells, 1 write call (1.7% of an account's minute), "
        "by a staging tab   1 row set aside",
        "    ~ row 4  Since (empty) -> 2026-01-31",
        '    + row 8  Code "007"',
        "    - row 6",
        "    ~ row 7  cells get another type: TRUE is no 1",
        "      and 3 rows more",
    ]


def test_long_rows_and_long_plans_are_cut() -> None:
    titles = [f"T{i}" for i in range(8)]
    columns = tuple({"name": title, "header": title, "type": "integer"} for title in titles)
    cells = {title: {"old": None, "new": 1} for title in titles}
    preview = tuple({"row": i, "change": "added", "cells": cells} for i in range(1, 21))
    said = lines(outcome(columns=columns, preview=preview, rows_added=100), header=tuple(titles))
    assert len(said) == 13
    assert said[2] == "    + row 4  T0 1, T1 1, T2 1, T3 1, T4 1, T5 1, and 2 cells more"
    assert said[-1] == "      and 90 rows more"


def test_columns_are_compared_with_the_header_that_is_there() -> None:
    assert lines(outcome(), header=("Kode", "Since", "Old"))[2:] == [
        "    columns  ~ Kode -> Code (text)",
        "    columns  - Old",
    ]
    assert lines(outcome(gid=None), header=())[0] == "+ small  Data in Book  mirror  new tab"
    assert lines(outcome(gid=None), header=())[2:] == ["    columns  + Code (text), Since (date)"]


def test_what_has_nothing_to_do_or_fails_is_one_line() -> None:
    assert lines(outcome(outcome="unchanged", rows=1200)) == ["= small  Data in Book  mirror  unchanged, 1,200 rows"]
    assert lines(outcome(outcome="already_applied"))[0].endswith("already applied, 0 rows")
    assert lines(None, error=GuardError("sync small: too\nmuch")) == [
        "! small  sync small: too\N{REPLACEMENT CHARACTER}much"
    ]
    assert lines(outcome(outcome="written", rows_added=2))[0] == "~ small  Data in Book  mirror  written"


def test_the_summary_counts_by_what_comes_next() -> None:
    kinds = Counter({"planned": 2, "unchanged": 15, "failed": 1})
    assert summary_line(kinds) == "2 to write, 15 unchanged, 1 can't run"
    assert summary_line(Counter()) == "no syncs"


def test_a_failed_sync_is_summed_up_as_a_task_does() -> None:
    told = Told(Sync(SPEC, ""), error=FatalError("no"))
    assert told.summary() == {"sync": "small", "outcome": "failed", "error": "no", "team": "retail"}
    done = replace(told, outcome=outcome(), error=None, url="https://x")
    assert (done.kind, done.summary()["url"]) == ("planned", "https://x")


@pytest.mark.parametrize("command", ["plan", "apply", "verify"])
def test_a_folder_without_specs_and_an_unknown_name_are_said_in_a_line(tmp_path: Path, command: str) -> None:
    arguments = ["sheets", command, "--include", str(tmp_path)] + (["--yes"] if command == "apply" else [])
    result = CliRunner().invoke(app, arguments)
    assert "has no specs/sheets/*.yaml" in str(result.exception)
    spec = tmp_path / "specs" / "sheets" / "broken.yaml"
    spec.parent.mkdir(parents=True)
    spec.write_text("sync: broken\n")
    assert isinstance(CliRunner().invoke(app, arguments).exception, SpecError)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sync", "Dealers"], "--sync Dealers: write a name"),
        (["--sync", "dealers", "--anchor", "1A"], "--anchor: '1A' is not a cell"),
        (["--sync", "dealers", "--table", "CARS; DROP"], "--table CARS; DROP: write it as DATABASE.SCHEMA.TABLE"),
        (["--sync", "dealers", "--out", "cars.yaml"], "call it dealers.yaml"),
    ],
)
def test_an_import_that_can_t_work_asks_nobody(tmp_path: Path, arguments: list[str], said: str) -> None:
    command = ["sheets", "import", "1" * 44, "Data", "--team", "bi_ops", "--owner", "a@b.c", "--include", str(tmp_path)]
    result = CliRunner().invoke(app, [*command, *arguments])
    assert isinstance(result.exception, FatalError)
    assert said in str(result.exception)
    assert "\n" not in str(result.exception)
