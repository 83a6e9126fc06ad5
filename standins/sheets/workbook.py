"""Workbooks: immutable states, and the one edit that makes the next state."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from standins.sheets.errors import invalid
from standins.sheets.grid import Grid
from standins.sheets.limits import DEFAULT_COLUMNS, DEFAULT_ROWS, Limits

Json = dict[str, Any]


class StyleTable:
    """Numbers the distinct looks of a workbook's cells; it only grows. Number 0 is a plain cell.

    A style is what CellData holds besides the entered value: userEnteredFormat, note, dataValidation, textFormatRuns.
    """

    def __init__(self, items: list[Json] | None = None) -> None:
        self.items: list[Json] = items or [{}]
        self.saved = len(self.items) if items else 0
        self._numbers = {self._key(item): number for number, item in enumerate(self.items)}

    @staticmethod
    def _key(item: Json) -> bytes:
        return orjson.dumps(item, option=orjson.OPT_SORT_KEYS)

    def number(self, item: Json) -> int:
        """The number of a style, a new one if it was not seen before."""
        key = self._key(item)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.items)
            self.items.append(item)
        return found

    def number_format(self, number: int) -> Json | None:
        """The number format of a style, or None for "automatic"."""
        return self.items[number].get("userEnteredFormat", {}).get("numberFormat") if number else None


class Sheet:
    """One tab. ``props`` is Google's SheetProperties; the grid is loaded when it is first needed."""

    def __init__(self, props: Json, grid: Grid | None = None, load: Callable[[], Grid] | None = None) -> None:
        self.props = props
        self.merges: list[Json] = []
        self.basic_filter: Json | None = None
        self.row_props: dict[int, Json] = {}
        self.column_props: dict[int, Json] = {}
        # Rows that the last change inserted (+) or deleted (-), so that a page can line up old and new rows.
        self.moves: list[tuple[int, int]] = []
        self.block_numbers: list[int] = []
        self._grid = grid
        self._load = load

    @property
    def grid(self) -> Grid:
        """The cells; loaded on first use."""
        if self._grid is None:
            self._grid = self._load() if self._load else Grid()
        return self._grid

    @property
    def loaded(self) -> bool:
        """Whether the cells are in memory."""
        return self._grid is not None

    @property
    def id(self) -> int:
        """The tab's id, which is the ``gid`` of its URL."""
        return self.props["sheetId"]

    @property
    def title(self) -> str:
        """The title."""
        return self.props["title"]

    @property
    def rows(self) -> int:
        """Rows of the grid, filled or not."""
        return self.props["gridProperties"]["rowCount"]

    @property
    def columns(self) -> int:
        """Columns of the grid, filled or not."""
        return self.props["gridProperties"]["columnCount"]

    def fork(self, next_number: Callable[[], int]) -> Sheet:
        """A copy to edit."""
        sheet = copy(self)
        sheet.props = {**self.props, "gridProperties": dict(self.props["gridProperties"])}
        sheet.merges = list(self.merges)
        sheet.row_props = dict(self.row_props)
        sheet.column_props = dict(self.column_props)
        sheet.moves = []
        sheet._grid = self.grid.fork(next_number)
        return sheet

    def rename_index(self, index: int) -> Sheet:
        """The same tab at another place in the bar."""
        if self.props["index"] == index:
            return self
        sheet = copy(self)
        sheet.props = {**self.props, "index": index}
        return sheet


def new_props(sheet_id: int, title: str, index: int, rows: int = DEFAULT_ROWS, columns: int = DEFAULT_COLUMNS) -> Json:
    """SheetProperties of an ordinary tab."""
    return {
        "sheetId": sheet_id,
        "title": title,
        "index": index,
        "sheetType": "GRID",
        "gridProperties": {"rowCount": rows, "columnCount": columns},
    }


@dataclass(frozen=True)
class Change:
    """What the last write was; ``before`` holds the tabs as they were, in memory only."""

    revision: int
    at: str
    by: str
    method: str
    before: dict[int, Sheet] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class State:
    """A workbook at one revision. Nothing in it is ever changed."""

    id: str
    properties: Json
    sheets: tuple[Sheet, ...]
    named: tuple[Json, ...] = ()
    metadata: tuple[Json, ...] = ()
    permissions: tuple[Json, ...] = ()
    revision: int = 0
    created: str = ""
    modified: str = ""
    change: Change | None = None

    @property
    def title(self) -> str:
        """The title."""
        return self.properties["title"]

    def sheet(self, sheet_id: int) -> Sheet | None:
        """The tab of this id."""
        return next((sheet for sheet in self.sheets if sheet.id == sheet_id), None)

    def sheet_by_title(self, title: str) -> Sheet | None:
        """The tab of this title; case does not count."""
        folded = title.casefold()
        return next((sheet for sheet in self.sheets if sheet.title.casefold() == folded), None)

    def cells(self) -> int:
        """Grid cells, filled or not: what the 10-million limit counts."""
        return sum(sheet.rows * sheet.columns for sheet in self.sheets)


class Workbook:
    """A workbook's current state, its lock for writers, and its style table."""

    def __init__(self, state: State, styles: StyleTable, next_block: int = 1) -> None:
        self.state = state
        self.styles = styles
        self.lock = threading.Lock()
        self.blocks = itertools.count(next_block)

    def next_block(self) -> int:
        """A number that no block of this workbook has had."""
        return next(self.blocks)


def now_text() -> str:
    """RFC 3339 in UTC with milliseconds, as Drive writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def new_properties(title: str) -> Json:
    """SpreadsheetProperties with Google's defaults for a US locale."""
    return {"title": title, "locale": "en_US", "autoRecalc": "ON_CHANGE", "timeZone": "Etc/GMT"}


class Edit:
    """One write to one workbook: collects the next state, which others see once ``finish``'s state is stored."""

    def __init__(self, workbook: Workbook, limits: Limits, by: str, method: str) -> None:
        self.workbook = workbook
        self.limits = limits
        self.styles = workbook.styles
        self.base = workbook.state
        self.sheets: list[Sheet] = list(self.base.sheets)
        self.properties = self.base.properties
        self.named: list[Json] = list(self.base.named)
        self.metadata: list[Json] = list(self.base.metadata)
        self.permissions: list[Json] = list(self.base.permissions)
        self._forked: set[int] = set()
        self._by = by
        self._method = method

    def view(self) -> State:
        """The state as this edit sees it now (for reading ranges and for answers)."""
        return replace(
            self.base,
            sheets=tuple(self.sheets),
            properties=self.properties,
            named=tuple(self.named),
            metadata=tuple(self.metadata),
        )

    def find(self, sheet_id: int, what: str = "grid") -> Sheet:
        """The tab to read from; Google's complaint if there is none."""
        for sheet in self.sheets:
            if sheet.id == sheet_id:
                return sheet
        raise invalid(f"No {what} with id: {sheet_id}")

    def edit(self, sheet_id: int, what: str = "grid") -> Sheet:
        """The tab, writable."""
        for place, sheet in enumerate(self.sheets):
            if sheet.id == sheet_id:
                if sheet_id not in self._forked:
                    sheet = self.sheets[place] = sheet.fork(self.workbook.next_block)
                    self._forked.add(sheet_id)
                return sheet
        raise invalid(f"No {what} with id: {sheet_id}")

    def add(self, sheet: Sheet, index: int | None) -> None:
        """Put a new tab into the bar."""
        if len(self.sheets) >= self.limits.max_sheets:
            raise invalid(
                f"This action would increase the number of sheets in the workbook above the limit of "
                f"{self.limits.max_sheets} sheets."
            )
        place = len(self.sheets) if index is None else min(max(index, 0), len(self.sheets))
        self.sheets.insert(place, sheet)
        self._forked.add(sheet.id)
        self.renumber()
        self.check_size()

    def renumber(self) -> None:
        """Give each tab its place in the bar as its index."""
        self.sheets = [sheet.rename_index(index) for index, sheet in enumerate(self.sheets)]

    def check_size(self) -> None:
        """Refuse to grow the grids above the workbook's limit (a workbook that is above it already may shrink)."""
        cells = sum(sheet.rows * sheet.columns for sheet in self.sheets)
        if cells > self.limits.max_cells and cells > self.base.cells():
            raise invalid(
                f"This action would increase the number of cells in the workbook above the limit of "
                f"{self.limits.max_cells} cells."
            )
        for sheet in self.sheets:
            if sheet.columns > self.limits.max_columns:
                raise invalid(
                    f"This action would increase the number of columns in the sheet above the limit of "
                    f"{self.limits.max_columns} columns."
                )

    def new_sheet_id(self) -> int:
        """An id that no tab of the workbook has."""
        taken = {sheet.id for sheet in self.sheets}
        while (candidate := secrets.randbelow(2**31 - 1)) in taken:
            pass
        return candidate

    def check_title(self, title: str, but: int | None = None) -> None:
        """Refuse a title that another tab has."""
        folded = title.casefold()
        for sheet in self.sheets:
            if sheet.id != but and sheet.title.casefold() == folded:
                raise invalid(f'A sheet with the name "{title}" already exists. Please enter another name.')

    def grow(self, sheet: Sheet, rows: int, columns: int) -> None:
        """Make the (writable) tab's grid at least this big."""
        grid = sheet.props["gridProperties"]
        if rows > grid["rowCount"] or columns > grid["columnCount"]:
            grid["rowCount"] = max(rows, grid["rowCount"])
            grid["columnCount"] = max(columns, grid["columnCount"])
            self.check_size()

    def finish(self) -> State:
        """The next state."""
        at = now_text()
        revision = self.base.revision + 1
        before = {
            sheet.id: sheet
            for sheet in self.base.sheets
            if sheet.id in self._forked and any(sheet.id == new.id for new in self.sheets)
        }
        return replace(
            self.base,
            properties=self.properties,
            sheets=tuple(self.sheets),
            named=tuple(self.named),
            metadata=tuple(self.metadata),
            permissions=tuple(self.permissions),
            revision=revision,
            modified=at,
            change=Change(revision, at, self._by, self._method, before),
        )
