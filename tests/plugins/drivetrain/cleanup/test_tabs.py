from __future__ import annotations

import datetime as dt
import json
from typing import Any

from drivetrain.cleanup.tabs import orphans, removal, tonight
from drivetrain.sheets.requests import stage_title


def workbook(*tabs: tuple[int, str, bool]) -> dict[str, Any]:
    sheets = [{"properties": {"sheetId": gid, "title": title, "hidden": hidden}} for gid, title, hidden in tabs]
    return {"spreadsheetId": "w" * 30, "sheets": sheets}


def test_hidden_tabs_with_the_title_that_a_sync_gives_are_left_over() -> None:
    ours = (7, stage_title("retail_live_inventory", 7), True)
    answer = workbook(
        (0, "Inventory", False),
        ours,
        (8, stage_title("retail_live_inventory", 8), False),  # somebody wants to see it
        (9, stage_title("retail_live_inventory", 7), True),  # a copy that somebody made
        (10, "Copy of _drivetrain_stage_x.10", True),
        (11, "_drivetrain_stage_notes", True),
        (12, "hidden", True),
    )
    assert [tab.gid for tab in orphans(answer)] == [7]
    assert orphans(workbook((0, "Inventory", False))) == []


def test_they_go_in_one_call() -> None:
    titles = [(7, stage_title("a_sync", 7), True), (9, stage_title("b_sync", 9), True)]
    body = json.loads(removal(orphans(workbook((0, "x", False), *titles))))
    assert body == {"requests": [{"deleteSheet": {"sheetId": 7}}, {"deleteSheet": {"sheetId": 9}}]}


def test_each_workbook_has_its_turn_once_in_so_many_nights() -> None:
    workbooks = [f"workbook-{number:030}" for number in range(700)]
    day = dt.date(2026, 11, 24)
    nights = [tonight(workbooks, day + dt.timedelta(days=night), 7) for night in range(7)]
    assert sorted(one for night in nights for one in night) == sorted(workbooks)
    assert all(60 < len(night) < 140 for night in nights)
    assert nights[0] == tonight(reversed(workbooks), day + dt.timedelta(days=7), 7)
    assert tonight(workbooks, day, 1) == sorted(workbooks)
