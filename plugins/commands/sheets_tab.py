"""A whole tab as people left it: headers, cells, number formats, formulas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from airflow.sdk.exceptions import AirflowNotFoundException
from gspread.exceptions import GSpreadException

from drivetrain.errors import FatalError, TargetMissingError, UnavailableError
from drivetrain.sheets import a1
from drivetrain.sheets.cells import Cell, canonical
from drivetrain.sheets.guess import Format, Found
from drivetrain.sheets.observe import METADATA_FIELDS, Tab, Workbook, parse_workbook
from hooks.google_sheets import GoogleSheetsHook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain.sheets.page import Page
    from drivetrain.sheets.port import SheetsPort

# Cells of one answer. Formats take about 100 bytes each, and columns rarely change theirs further down.
_READ_CELLS = 250_000
_FORMAT_CELLS = 50_000
_FORMAT_ROWS = 1_000
_FORMAT_FIELDS = (
    "sheets(data(rowData(values(effectiveFormat(numberFormat),userEnteredFormat(numberFormat),"
    "userEnteredValue(formulaValue)))))"
)


@dataclass(frozen=True)
class TabRead:
    """A tab's columns from the anchor to the last header before a gap.

    Attributes:
        workbook: its title.
        notes: what a person should know before a sync writes here.
    """

    workbook: str
    title: str
    anchor: str
    columns: tuple[Found, ...]
    notes: tuple[str, ...]

    def row_number(self, index: int) -> int:
        """Where a data row stands in the tab."""
        return a1.parse_cell(self.anchor)[0] + 2 + index


def read_tab(connection: str, page: Page, title: str | None, anchor: str) -> TabRead:
    """Read a tab in as few calls as its size allows.

    Args:
        connection: an Airflow connection of type googlesheets.
        page: the workbook, and the tab if its address has one.
        title: the tab's title; wins over the page's.
        anchor: the first header's cell.

    Raises:
        FatalError: there is no such connection, tab or header, or a header that a spec can't have.
        RetriableError: Google can't be reached.
    """
    hook = GoogleSheetsHook(connection)
    try:
        port = hook.client_for(page.spreadsheet_id)
    except AirflowNotFoundException:
        raise FatalError(
            f"--connection {connection}: Airflow knows none: add it, or run this in the environment that has it"
        ) from None
    book = parse_workbook(port.get_workbook(page.spreadsheet_id, METADATA_FIELDS), "")
    tab = _tab(book, page.gid, title)
    row, left = a1.parse_cell(anchor)
    if row >= tab.rows or left >= tab.columns:
        raise FatalError(f"--anchor {anchor}: tab {tab.title!r} ends before it, in {_corner(tab)}")
    rows = _values(port, page.spreadsheet_id, tab, row, left)
    titles, notes = _titles(tab, anchor, rows[0] if rows else [])
    body = [[*line[: len(titles)], *[None] * (len(titles) - len(line))] for line in rows[1:]]
    while body and not any(cell is not None for cell in body[-1]):
        body.pop()
    where = _sampled(tab, row, left, len(titles), len(body))
    looks = _looks(hook, page.spreadsheet_id, where) if body else []
    columns = tuple(
        Found(name, [line[i] for line in body], *_column_looks(looks, i, len(body))) for i, name in enumerate(titles)
    )
    return TabRead(book.title, tab.title, anchor, columns, notes)


def _tab(book: Workbook, gid: int | None, title: str | None) -> Tab:
    grids = [tab for tab in book.tabs if tab.is_grid]
    if title is not None:
        tab = book.tab(title)
    elif gid is not None:
        tab = book.tab_by_gid(gid)
    else:
        tab = grids[0] if len(grids) == 1 else None
    if tab is None or not tab.is_grid:
        named = title if title is not None else "of that address" if gid is not None else "given"
        raise TargetMissingError(
            f"workbook {book.spreadsheet_id}: no tab {named}; name one of {', '.join(tab.title for tab in grids)}"
        )
    if tab.title != tab.title.strip():
        raise FatalError(f"tab {tab.title!r}: its title has blanks around it, which a spec can't name: rename the tab")
    return tab


def _corner(tab: Tab) -> str:
    return a1.cell(tab.rows - 1, tab.columns - 1)


def _values(port: SheetsPort, spreadsheet_id: str, tab: Tab, row: int, left: int) -> list[list[Cell]]:
    """The canonical cells from the anchor to the grid's end; rows end where their values do."""
    found: list[list[Cell]] = []
    columns = tab.columns - left
    step = max(_READ_CELLS // columns, 1)
    for start in range(row, tab.rows, step):
        last = min(start + step, tab.rows) - 1
        where = a1.block(tab.title, first_row=start, first_column=left, last_row=last, columns=columns)
        (rows,) = port.read_values(spreadsheet_id, [where])
        found += [[canonical(cell) for cell in line] for line in rows]
        found += [[] for _ in range(last + 1 - start - len(rows))]
    return found


def _titles(tab: Tab, anchor: str, header: Sequence[Cell]) -> tuple[list[str], tuple[str, ...]]:
    """The headers up to the first gap, and what to say of them."""
    row, left = a1.parse_cell(anchor)
    titles: list[str] = []
    for cell in header:
        if cell is None:
            break
        titles.append(str(cell))
    where = f"tab {tab.title!r}"
    if not titles:
        raise FatalError(
            f"{where} has no header in {anchor}: write headers there, or name their first cell by --anchor"
        )
    for index, title in enumerate(titles):
        if (first := titles.index(title)) != index:
            cells = f"{a1.cell(row, left + first)} and {a1.cell(row, left + index)}"
            raise FatalError(f"{where} has the header {title!r} twice, in {cells}: rename one of them")
        if title != title.strip():
            cell_name = a1.cell(row, left + index)
            raise FatalError(f"{where}: header {cell_name} {title!r} has blanks around it: remove them in the tab")
    rest = [a1.cell(row, left + i) for i, cell in enumerate(header) if i > len(titles) and cell is not None]
    gap = a1.cell(row, left + len(titles))
    return titles, (f"{gap} has no header, so what stands from {rest[0]} on is left out.",) if rest else ()


def _sampled(tab: Tab, row: int, left: int, columns: int, rows: int) -> str:
    count = min(rows, _FORMAT_ROWS, max(_FORMAT_CELLS // columns, 1))
    return a1.block(tab.title, first_row=row + 1, first_column=left, last_row=row + max(count, 1), columns=columns)


def _looks(hook: GoogleSheetsHook, spreadsheet_id: str, where: str) -> list[list[dict[str, Any]]]:
    """How cells look, by gspread itself: the port that syncs share reads values alone."""
    client = hook.gspread_client(spreadsheet_id).http_client
    try:
        answer = client.fetch_sheet_metadata(spreadsheet_id, {"ranges": where, "fields": _FORMAT_FIELDS})
    except (GSpreadException, requests.exceptions.RequestException) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnavailableError(f"workbook {spreadsheet_id}: its formats can't be read: {reason}: try again") from None
    data = answer.get("sheets", [{}])[0].get("data", [{}])[0]
    return [line.get("values", []) for line in data.get("rowData", [])]


def _column_looks(
    looks: Sequence[Sequence[dict[str, Any]]], index: int, rows: int
) -> tuple[tuple[Format | None, ...], int | None]:
    """A column's formats and its first formula."""
    cells = [line[index] if index < len(line) else {} for line in looks[:rows]]
    formulas = (i for i, cell in enumerate(cells) if "formulaValue" in cell.get("userEnteredValue", {}))
    return tuple(_format(cell) for cell in cells), next(formulas, None)


def _format(cell: dict[str, Any]) -> Format | None:
    for key in ("effectiveFormat", "userEnteredFormat"):
        if found := cell.get(key, {}).get("numberFormat"):
            return Format(found.get("type", "NUMBER"), found.get("pattern", ""))
    return None
