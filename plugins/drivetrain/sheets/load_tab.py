"""A tab read in parts of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivetrain.errors import TargetMissingError
from drivetrain.sheets import a1
from drivetrain.sheets.observe import METADATA_FIELDS, parse_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drivetrain.sheets.load_spec import SheetLoadSpec
    from drivetrain.sheets.observe import Tab, Workbook
    from drivetrain.sheets.port import SheetsPort


def find_source(spec: SheetLoadSpec, port: SheetsPort) -> tuple[Workbook, Tab]:
    """The workbook and the tab.

    Raises:
        TargetMissingError: there is no such tab; the message lists the workbook's.
    """
    workbook = parse_workbook(port.get_workbook(spec.source.spreadsheet_id, METADATA_FIELDS), spec.load)
    tab = workbook.tab(spec.source.tab)
    grids = ", ".join(repr(other.title) for other in workbook.tabs[:20] if other.is_grid)
    if tab is None or not tab.is_grid:
        state = "has no tab" if tab is None else "has charts, not cells, in tab"
        raise TargetMissingError(
            f"load {spec.load}: workbook {workbook.title!r} {state} {spec.source.tab!r}, only {grids}: restore or "
            "rename it there, or correct source.tab"
        )
    return workbook, tab


def read_tab(
    spec: SheetLoadSpec, port: SheetsPort, tab: Tab, *, cells_a_call: int
) -> Iterator[tuple[int, Sequence[Sequence[object]]]]:
    """The tab's rows from the anchor on, the header first.

    A tab that people edit meanwhile may give two parts of different moments; the next run mends that.

    Args:
        spec: the load.
        port: Google Sheets.
        tab: where.
        cells_a_call: cells of one call, filled or not.

    Yields:
        (the first row's number in the tab, from 0; rows of cells from the anchor's column on).
    """
    row, column = a1.parse_cell(spec.source.anchor)
    columns = tab.columns - column
    if columns <= 0 or row >= tab.rows:
        yield row, []
        return
    rows_a_call = max(cells_a_call // columns, 1)
    for start in range(row, tab.rows, rows_a_call):
        last = min(start + rows_a_call, tab.rows) - 1
        where = a1.block(tab.title, first_row=start, first_column=column, last_row=last, columns=columns)
        yield start, port.read_values(spec.source.spreadsheet_id, [where])[0]
