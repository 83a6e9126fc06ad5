from __future__ import annotations

import pytest

from drivetrain.errors import FatalError
from drivetrain.sheets.page import parse_page

ID = "1RetailCity8qvPXRV3yc4zCGHpmJrIzROp56V9NaIgM"


@pytest.mark.parametrize(
    ("text", "gid"),
    [
        (ID, None),
        (f" {ID}\n", None),
        (f"https://docs.google.com/spreadsheets/d/{ID}", None),
        (f"https://docs.google.com/spreadsheets/d/{ID}/edit#gid=0", 0),
        (f"https://docs.google.com/spreadsheets/d/{ID}/edit?gid=12#gid=12", 12),
        (f"https://docs.google.com/spreadsheets/u/1/d/{ID}/edit?usp=sharing&gid=7", 7),
        (f"http://127.0.0.1:4000/spreadsheets/d/{ID}/edit#gid=3", 3),
    ],
)
def test_a_workbook_is_known_by_its_page_or_its_id(text: str, gid: int | None) -> None:
    assert parse_page(text) == (ID, gid)


@pytest.mark.parametrize(
    "text",
    ["", "short", "https://docs.google.com/document/d/" + ID, "https://docs.google.com/spreadsheets/d/e/2PACX-1v"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(FatalError, match="is no workbook"):
        parse_page(text)
