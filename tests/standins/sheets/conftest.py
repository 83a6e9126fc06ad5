from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gspread
import pytest

from standins.sheets.testing import SheetsStandin


@pytest.fixture(scope="session")
def server() -> Iterator[SheetsStandin]:
    with SheetsStandin() as standin:
        yield standin


@pytest.fixture(scope="session")
def client(server: SheetsStandin) -> gspread.Client:
    return server.gspread_client()


@pytest.fixture
def book(server: SheetsStandin, client: gspread.Client) -> Iterator[gspread.Spreadsheet]:
    """A new workbook with the tabs Data (gid 0) and Other."""
    server.clear_faults()
    yield client.open_by_key(server.create_spreadsheet(tabs=["Data", "Other tab"]))
    server.clear_faults()


class Helper:
    """Short forms for what most tests do."""

    def __init__(self, book: gspread.Spreadsheet) -> None:
        self.book = book
        self.id = book.id

    def batch(self, *requests: dict[str, Any]) -> list[dict[str, Any]]:
        return self.book.batch_update({"requests": list(requests)})["replies"]

    def refused(self, *requests: dict[str, Any]) -> str:
        with pytest.raises(gspread.exceptions.APIError) as caught:
            self.batch(*requests)
        assert caught.value.code == 400
        assert caught.value.error["status"] == "INVALID_ARGUMENT"
        return caught.value.error["message"]

    def get(self, range_: str = "Data", option: str = "UNFORMATTED_VALUE", **params: str) -> list[list[Any]]:
        return self.book.values_get(range_, {"valueRenderOption": option, **params}).get("values", [])

    def put(
        self, values: list[list[Any]], range_: str = "Data!A1", option: str = "RAW", **params: Any
    ) -> dict[str, Any]:
        return self.book.values_update(range_, {"valueInputOption": option, **params}, {"values": values})

    def resource(self, fields: str = "", **params: Any) -> dict[str, Any]:
        return self.book.fetch_sheet_metadata({**({"fields": fields} if fields else {}), **params})


@pytest.fixture
def sheet(book: gspread.Spreadsheet) -> Helper:
    return Helper(book)


def rows_of(*rows: list[Any]) -> list[dict[str, Any]]:
    """RowData from plain values; None is an empty CellData."""
    kinds = {str: "stringValue", bool: "boolValue", int: "numberValue", float: "numberValue"}
    return [{"values": [{} if v is None else {"userEnteredValue": {kinds[type(v)]: v}} for v in row]} for row in rows]
