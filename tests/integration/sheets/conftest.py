from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from standins.sheets.testing import SheetsStandin

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def sheets() -> Iterator[SheetsStandin]:
    """A Sheets server without quotas; tests make workbooks of their own in it."""
    with SheetsStandin(check_responses=True) as standin:
        yield standin


@pytest.fixture
def workbook(sheets: SheetsStandin, request: pytest.FixtureRequest) -> str:
    """A new workbook with one tab, Sheet1."""
    return sheets.create_spreadsheet(title=request.node.name[:90], tabs=["Sheet1"], share_with=["sync-1", "sync-2"])
