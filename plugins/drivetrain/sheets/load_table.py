"""The table that a load writes: its columns as Snowflake describes them, checked against the spec."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drivetrain.errors import SchemaDriftError
from drivetrain.sheets.spec import ColumnType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivetrain.sheets.load_spec import LoadColumn, SheetLoadSpec

_TYPE = re.compile(r"^([A-Z_]+)(?:\((\d+)(?:,\s*(\d+))?\))?")

# https://docs.snowflake.com/en/sql-reference/intro-summary-data-types; DESCRIBE gives one name of each family.
_FITTING: dict[ColumnType, tuple[str, ...]] = {
    ColumnType.TEXT: ("VARCHAR", "TEXT", "STRING", "CHAR"),
    ColumnType.INTEGER: ("NUMBER", "DECIMAL"),
    ColumnType.DECIMAL: ("NUMBER", "DECIMAL"),
    ColumnType.FLOAT: ("FLOAT", "DOUBLE", "REAL"),
    ColumnType.BOOLEAN: ("BOOLEAN",),
    ColumnType.DATE: ("DATE",),
    ColumnType.TIME: ("TIME",),
    ColumnType.TIMESTAMP: ("TIMESTAMP_NTZ",),
    ColumnType.TIMESTAMP_TZ: ("TIMESTAMP_TZ", "TIMESTAMP_LTZ"),
    ColumnType.VARIANT: ("VARIANT",),
    ColumnType.BINARY: ("BINARY",),
}


@dataclass(frozen=True)
class TableColumn:
    """One column of the table.

    Attributes:
        kind: the type's name without its numbers: NUMBER, VARCHAR, TIMESTAMP_NTZ.
        size: characters of a VARCHAR, bytes of a BINARY, digits of a NUMBER, digits of a second of times.
        scale: digits after the point of a NUMBER.
        nullable: NULL is allowed.
        has_default: a row without the column gets a value: a default or a running number.
    """

    name: str
    kind: str
    size: int | None
    scale: int
    nullable: bool
    has_default: bool

    @property
    def type(self) -> str:
        """The type as DDL writes it."""
        if self.kind in ("NUMBER", "DECIMAL"):
            return f"{self.kind}({self.size},{self.scale})"
        return self.kind if self.size is None else f"{self.kind}({self.size})"


def parse_description(rows: Sequence[Mapping[str, Any]]) -> dict[str, TableColumn]:
    """Read the rows of DESCRIBE TABLE, https://docs.snowflake.com/en/sql-reference/sql/desc-table."""
    columns = {}
    for row in rows:
        if row.get("kind", "COLUMN") != "COLUMN":
            continue
        match = _TYPE.match(str(row["type"]).upper())
        kind, size, scale = match.groups() if match else (str(row["type"]), None, None)
        columns[str(row["name"])] = TableColumn(
            name=str(row["name"]),
            kind=kind,
            size=int(size) if size else None,
            scale=int(scale or 0),
            nullable=row["null?"] == "Y",
            has_default=bool(row["default"]),
        )
    return columns


def check_table(spec: SheetLoadSpec, table: Mapping[str, TableColumn]) -> tuple[TableColumn, ...]:
    """The table's column of each of the spec's columns.

    Raises:
        SchemaDriftError: every column that does not fit, in one line.
    """
    problems = []
    for column in spec.columns:
        found = table.get(column.name)
        if found is None:
            like = next((name for name in table if name.casefold() == column.name.casefold()), None)
            problems.append(f"columns.{column.name}: no such column" + (f", is it {like}?" if like else ""))
        elif problem := _misfit(column, found):
            problems.append(f"columns.{column.name}: {problem}")
    named = {column.name for column in spec.columns}
    problems += [
        f"{column.name} is NOT NULL, has no default and is not among the columns: list it"
        for column in table.values()
        if column.name not in named and not column.nullable and not column.has_default
    ]
    if problems:
        raise SchemaDriftError(
            f"load {spec.load}: table {spec.target.table} (columns {', '.join(table)}): {'; '.join(problems)}"
        )
    return tuple(table[column.name] for column in spec.columns)


def _misfit(column: LoadColumn, found: TableColumn) -> str | None:
    if found.kind not in _FITTING[column.type]:
        fitting = next((kind.value for kind, names in _FITTING.items() if found.kind in names), None)
        if fitting == ColumnType.INTEGER.value and found.scale:
            fitting = ColumnType.DECIMAL.value
        fix = f"declare type: {fitting}" if fitting else "choose another column"
        return f"type {column.type.value} does not fit the table's {found.type}, {fix}"
    if column.type is ColumnType.DECIMAL and (column.scale or 0) > found.scale:
        return f"scale {column.scale} is more than the table's {found.type} keeps, declare scale: {found.scale}"
    return None
