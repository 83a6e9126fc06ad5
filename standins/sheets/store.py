"""SQLite behind the workbooks: one transaction a write, so that what was acknowledged survives a SIGKILL.

Rows are stored a block at a time, as JSON. The journal is a WAL with ``synchronous=NORMAL``: a killed process loses
nothing; a machine that loses power may lose the last moments (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from standins.sheets.grid import NO_ROW, NO_STYLES, Block, ErrorValue, Formula, Grid
from standins.sheets.workbook import Sheet, State, StyleTable, Workbook

_SCHEMA = """
CREATE TABLE IF NOT EXISTS workbooks (
  id TEXT PRIMARY KEY, meta BLOB NOT NULL, next_block INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sheets (
  workbook TEXT, sheet INTEGER, meta BLOB NOT NULL, PRIMARY KEY (workbook, sheet)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blocks (
  workbook TEXT, number INTEGER, data BLOB NOT NULL, PRIMARY KEY (workbook, number));
CREATE TABLE IF NOT EXISTS styles (
  workbook TEXT, number INTEGER, data BLOB NOT NULL, PRIMARY KEY (workbook, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


def _special(value: Any) -> Any:
    if type(value) is Formula:
        return {"f": value.text}
    if type(value) is ErrorValue:
        return {"e": value.type, "m": value.message}
    raise TypeError(type(value).__name__)


def encode_block(block: Block) -> bytes:
    """Values as they are; styles as runs of rows that look alike."""
    runs = [[len(list(group)), list(key)] for key, group in groupby(block.styles)]
    return orjson.dumps(
        {"r": block.rows, "s": runs},
        default=_special,
        option=orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_NON_STR_KEYS,
    )


def decode_block(number: int, data: bytes) -> Block:
    """The block behind ``encode_block``'s bytes."""
    content = orjson.loads(data)
    rows = content["r"]
    # Only rows with a formula or an error hold an object; the test on the bytes spares the others the look.
    if b'{"f":' in data or b'{"e":' in data:
        for row in rows:
            for place, value in enumerate(row):
                if type(value) is dict:
                    row[place] = Formula(value["f"]) if "f" in value else ErrorValue(value["e"], value["m"])
    styles = []
    for count, marks in content["s"]:
        styles += [tuple(marks) if marks else NO_STYLES] * count
    return Block(number, [row or NO_ROW for row in rows], styles)


class Store:
    """The database file. Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    # Settings and accounts -------------------------------------------------------------------------------------------

    def setting(self, name: str) -> bytes | None:
        """A setting's value, None if it was never set."""
        with self._lock:
            row = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_setting(self, name: str, value: bytes) -> None:
        """Keep a setting."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def accounts(self) -> dict[str, dict[str, Any]]:
        """Every service account, by name."""
        with self._lock:
            rows = self._db.execute("SELECT name, data FROM accounts ORDER BY name").fetchall()
        return {name: orjson.loads(data) for name, data in rows}

    def save_account(self, name: str, data: dict[str, Any]) -> None:
        """Keep a service account."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO accounts VALUES (?, ?)", (name, orjson.dumps(data)))

    # Workbooks -------------------------------------------------------------------------------------------------------

    def load_all(self) -> dict[str, Workbook]:
        """Every workbook's state, without the cells."""
        with self._lock:
            books = self._db.execute("SELECT id, meta, next_block FROM workbooks").fetchall()
            sheets = self._db.execute("SELECT workbook, sheet, meta FROM sheets").fetchall()
            styles = self._db.execute("SELECT workbook, data FROM styles ORDER BY workbook, number").fetchall()
        by_book: dict[str, list[Sheet]] = {}
        for book, _, meta in sheets:
            by_book.setdefault(book, []).append(self._sheet(book, orjson.loads(meta)))
        looks: dict[str, list[dict[str, Any]]] = {}
        for book, data in styles:
            looks.setdefault(book, []).append(orjson.loads(data))
        found = {}
        for book, meta, next_block in books:
            content = orjson.loads(meta)
            tabs = tuple(sorted(by_book.get(book, []), key=lambda sheet: sheet.props["index"]))
            state = State(
                id=book,
                properties=content["properties"],
                sheets=tabs,
                named=tuple(content["named"]),
                metadata=tuple(content["metadata"]),
                permissions=tuple(content["permissions"]),
                revision=content["revision"],
                created=content["created"],
                modified=content["modified"],
            )
            found[book] = Workbook(state, StyleTable(looks.get(book)), next_block)
        return found

    def _sheet(self, book: str, meta: dict[str, Any]) -> Sheet:
        numbers = meta["blocks"]
        sheet = Sheet(meta["props"], load=lambda: self._load_grid(book, numbers))
        sheet.merges = meta["merges"]
        sheet.basic_filter = meta["filter"]
        sheet.row_props = {int(index): props for index, props in meta["row_props"]}
        sheet.column_props = {int(index): props for index, props in meta["column_props"]}
        sheet.block_numbers = numbers
        return sheet

    def _load_grid(self, book: str, numbers: list[int]) -> Grid:
        blocks: dict[int, bytes] = {}
        with self._lock:
            for low in range(0, len(numbers), 500):
                part = numbers[low : low + 500]
                marks = ",".join("?" * len(part))
                query = f"SELECT number, data FROM blocks WHERE workbook = ? AND number IN ({marks})"
                blocks.update(self._db.execute(query, (book, *part)).fetchall())
        return Grid([decode_block(number, blocks[number]) for number in numbers])

    def save(self, workbook: Workbook, old: State | None, new: State) -> None:
        """Write the step from ``old`` to ``new`` in one transaction. On return it is durable."""
        before = {sheet.id: sheet for sheet in old.sheets} if old else {}
        gone: list[int] = []
        fresh: list[tuple[str, int, bytes]] = []
        sheets: list[tuple[str, int, bytes]] = []
        for sheet in new.sheets:
            was = before.pop(sheet.id, None)
            if was is sheet:
                continue
            if sheet.loaded:
                kept = set(was.block_numbers) if was else set()
                sheet.block_numbers = [block.number for block in sheet.grid.blocks]
                gone.extend(kept.difference(sheet.block_numbers))
                fresh.extend(
                    (new.id, block.number, encode_block(block))
                    for block in sheet.grid.blocks
                    if block.number not in kept
                )
            sheets.append((new.id, sheet.id, _sheet_meta(sheet)))
        for sheet in before.values():
            gone.extend(sheet.block_numbers)
        looks = workbook.styles.items
        styles = [(new.id, at, orjson.dumps(looks[at])) for at in range(workbook.styles.saved, len(looks))]
        with self._lock:
            run = self._db
            run.execute("BEGIN IMMEDIATE")
            try:
                run.execute(
                    "INSERT OR REPLACE INTO workbooks VALUES (?, ?, ?)", (new.id, _meta(new), workbook.next_block())
                )
                run.executemany("INSERT OR REPLACE INTO sheets VALUES (?, ?, ?)", sheets)
                self._delete_sheets(new.id, before.keys())
                run.executemany("DELETE FROM blocks WHERE workbook = ? AND number = ?", [(new.id, at) for at in gone])
                run.executemany("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?)", fresh)
                run.executemany("INSERT OR REPLACE INTO styles VALUES (?, ?, ?)", styles)
                run.execute("COMMIT")
            except BaseException:
                run.execute("ROLLBACK")
                raise
        workbook.styles.saved = len(looks)

    def _delete_sheets(self, book: str, ids: Iterable[int]) -> None:
        self._db.executemany("DELETE FROM sheets WHERE workbook = ? AND sheet = ?", [(book, sheet) for sheet in ids])

    def delete(self, book: str) -> None:
        """Remove a workbook for good."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            for table, column in (
                ("workbooks", "id"),
                ("sheets", "workbook"),
                ("blocks", "workbook"),
                ("styles", "workbook"),
            ):
                self._db.execute(f"DELETE FROM {table} WHERE {column} = ?", (book,))
            self._db.execute("COMMIT")


def _meta(state: State) -> bytes:
    return orjson.dumps(
        {
            "properties": state.properties,
            "named": state.named,
            "metadata": state.metadata,
            "permissions": state.permissions,
            "revision": state.revision,
            "created": state.created,
            "modified": state.modified,
        }
    )


def _sheet_meta(sheet: Sheet) -> bytes:
    return orjson.dumps(
        {
            "props": sheet.props,
            "merges": sheet.merges,
            "filter": sheet.basic_filter,
            "row_props": list(sheet.row_props.items()),
            "column_props": list(sheet.column_props.items()),
            "blocks": sheet.block_numbers,
        }
    )
