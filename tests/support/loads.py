"""Parts that tests of loads share: specs and tables in one line, a tab and a session that are already here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from drivetrain.sheets import a1
from drivetrain.sheets.load_spec import SheetLoadSpec
from drivetrain.sheets.load_table import TableColumn, parse_description
from drivetrain.sheets.port import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TYPES = {
    "text": "VARCHAR(20)",
    "integer": "NUMBER(38,0)",
    "decimal": "NUMBER(38,2)",
    "float": "FLOAT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIME(9)",
    "timestamp": "TIMESTAMP_NTZ(9)",
    "timestamp_tz": "TIMESTAMP_TZ(9)",
    "variant": "VARIANT",
    "binary": "BINARY(8388608)",
}


def load_document(columns: Mapping[str, str | dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    """A load's document: columns {name: type, or a dict with more}; CODE is the key unless told."""
    columns = columns or {"CODE": "text", "N": "integer"}
    source = {"spreadsheet_id": "1" * 44, "tab": "Data"} | changes.pop("source", {})
    target = {"table": "MARKETPLACE.SALES.T"} | changes.pop("target", {})
    document: dict[str, Any] = {
        "load": "small",
        "description": "A small load.",
        "team": "retail",
        "owner": "retail@drivetrain.example",
        "source": source,
        "target": target,
        "mode": "merge",
        "keys": ["CODE"],
        "columns": [
            {"name": name, **({"type": kind} if isinstance(kind, str) else kind)} for name, kind in columns.items()
        ],
    }
    return document | changes


def load_spec(columns: Mapping[str, str | dict[str, Any]] | None = None, **changes: Any) -> SheetLoadSpec:
    """The same as a spec."""
    return SheetLoadSpec.model_validate(load_document(columns, **changes))


def described(types: Mapping[str, str]) -> list[dict[str, Any]]:
    """DESCRIBE TABLE's answer for {name: type}; a type may end in NOT NULL, and DEFAULT with something."""
    rows = []
    for name, text in types.items():
        kind, _, default = text.partition(" DEFAULT ")
        rows.append(
            {
                "name": name,
                "type": kind.removesuffix(" NOT NULL"),
                "kind": "COLUMN",
                "null?": "N" if kind.endswith(" NOT NULL") else "Y",
                "default": default or None,
            }
        )
    return rows


def table_columns(types: Mapping[str, str]) -> dict[str, TableColumn]:
    """A table's columns."""
    return parse_description(described(types))


def room_for(spec: SheetLoadSpec, **types: str) -> tuple[TableColumn, ...]:
    """A table that fits the spec, with the types that the test changes."""
    columns = table_columns({column.name: TYPES[column.type.value] for column in spec.columns} | types)
    return tuple(columns[column.name] for column in spec.columns)


class TabPort:
    """Google Sheets with one tab that is already here; answers as values.get does."""

    def __init__(
        self, rows: Sequence[Sequence[object]], *, tabs: Sequence[str] = ("Data",), grid_rows: int = 50
    ) -> None:
        self.rows, self.tabs = [list(row) for row in rows], tabs
        self.grid = (max(grid_rows, len(rows)), max([26, *map(len, rows)]))
        self.usage = Usage()

    def get_workbook(self, spreadsheet_id: str, fields: str) -> dict[str, Any]:
        self.usage.read_calls += 1
        grid = {"rowCount": self.grid[0], "columnCount": self.grid[1]}
        return {
            "spreadsheetId": spreadsheet_id,
            "properties": {"title": "Book"},
            "sheets": [
                {"properties": {"sheetId": i, "title": title, "index": i, "gridProperties": grid}}
                for i, title in enumerate(self.tabs)
            ],
        }

    def read_values(self, spreadsheet_id: str, ranges: Sequence[str]) -> list[list[list[object]]]:
        self.usage.read_calls += 1
        return [self._block(where) for where in ranges]

    def _block(self, where: str) -> list[list[object]]:
        start, end = (a1.parse_cell(name) for name in where.rpartition("!")[2].split(":"))
        rows = [[*row[start[1] : end[1] + 1]] for row in self.rows[start[0] : end[0] + 1]]
        for row in rows:
            while row and row[-1] in ("", None):
                row.pop()
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def batch_update(self, spreadsheet_id: str, body: bytes) -> None:
        raise NotImplementedError("a load only reads")

    def put_values(self, spreadsheet_id: str, where: str, body: bytes) -> None:
        raise NotImplementedError("a load only reads")


class ScriptedSession:
    """A database that answers by the statement's first words and keeps what it was asked."""

    def __init__(self, types: Mapping[str, str], answers: Mapping[str, list[dict[str, Any]]] | None = None) -> None:
        self.statements: list[str] = []
        self.answers = {
            "DESCRIBE": described(types),
            "MERGE": [{"number of rows inserted": 0, "number of rows updated": 0}],
            "DELETE": [{"number of rows deleted": 0}],
            "SELECT": [{"inserted": 0, "updated": 0, "deleted": 0, "before": 0}],
        } | dict(answers or {})
        self.staged_rows = 0

    def execute(self, sql: str) -> list[dict[str, Any]]:
        self.statements.append(sql)
        word = sql.split()[0]
        if word == "PUT":
            self.staged_rows = self._count(sql)
        if word == "COPY":
            return [{"rows_loaded": self.staged_rows}]
        return self.answers.get(word, [])

    @property
    def words(self) -> list[str]:
        """The statements' first words."""
        return [statement.split()[0] for statement in self.statements]

    @staticmethod
    def _count(put: str) -> int:
        from pathlib import Path

        import pyarrow.parquet as pq

        pattern = re.search(r"file://([^']+)'", put)
        folder = Path(pattern.group(1)).parent if pattern else Path()
        return sum(pq.read_metadata(file).num_rows for file in folder.glob("*.parquet"))
