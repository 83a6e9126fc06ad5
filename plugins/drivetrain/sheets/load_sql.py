# ruff: noqa: S608 - made of checked or quoted identifiers alone; no value of a cell stands in it
"""The SQL of a load, for Snowflake.

The rows go by way of a temporary table, which ends with the session that made it: nothing has to be cleaned up
after a task that was killed, and the next try starts from nothing. The target changes in one MERGE, or in one
transaction; both end in the same state however often they run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.sheets.spec import ColumnType

if TYPE_CHECKING:
    from pathlib import Path

    from drivetrain.sheets.load_spec import LoadColumn, SheetLoadSpec

_CASTS = {
    ColumnType.TEXT: "VARCHAR",
    ColumnType.INTEGER: "NUMBER(38,0)",
    ColumnType.FLOAT: "FLOAT",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.TIME: "TIME",
    ColumnType.TIMESTAMP: "TIMESTAMP_NTZ",
    ColumnType.TIMESTAMP_TZ: "TIMESTAMP_TZ",
}


def quoted(name: str) -> str:
    """An identifier, taken as it is written."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class LoadSql:
    """The statements of one load, in the order of their use."""

    spec: SheetLoadSpec

    @property
    def _target(self) -> str:
        return ".".join(quoted(part) for part in self.spec.target.table.split("."))

    @property
    def _stage(self) -> str:
        # No quotes: letters, digits and _ are all that a load's name has.
        return f"_LOAD_{self.spec.load.upper()}"

    @property
    def _columns(self) -> str:
        return ", ".join(quoted(column.name) for column in self.spec.columns)

    def use_schema(self) -> str:
        """Temporary objects are made in the target's schema, where the role may make some."""
        database, schema, _ = self.spec.target.table.split(".")
        return f"USE SCHEMA {quoted(database)}.{quoted(schema)}"

    def describe(self) -> str:
        """The target's columns."""
        return f"DESCRIBE TABLE {self._target}"

    def create_table(self) -> str:
        """The temporary table: the spec's columns with the target's types, NULL allowed."""
        return (
            f"CREATE OR REPLACE TEMPORARY TABLE {self._stage} AS SELECT {self._columns} FROM {self._target} WHERE FALSE"
        )

    def create_stage(self) -> str:
        """The temporary stage."""
        return f"CREATE OR REPLACE TEMPORARY STAGE {self._stage}"

    def put(self, folder: Path) -> str:
        """Upload the folder's files."""
        return f"PUT 'file://{folder}/*.parquet' @{self._stage}/{folder.name} AUTO_COMPRESS=FALSE OVERWRITE=TRUE"

    def copy(self, folder: Path) -> str:
        """Read the files into the temporary table; the files' columns are C0, C1, ... in the spec's order."""
        values = ", ".join(_staged(column, f"$1:C{i}") for i, column in enumerate(self.spec.columns))
        return (
            f"COPY INTO {self._stage} ({self._columns}) FROM (SELECT {values} FROM @{self._stage}/{folder.name}) "
            # https://docs.snowflake.com/en/sql-reference/sql/copy-into-table#type-parquet: dates stay dates
            "FILE_FORMAT=(TYPE=PARQUET USE_LOGICAL_TYPE=TRUE) FORCE=TRUE"
        )

    def plan_merge(self) -> str:
        """How many rows merge() would insert and update."""
        first = quoted(self.spec.keys[0])
        changed = f"COUNT_IF(t.{first} IS NOT NULL AND ({self._changed}))" if self._values else "0"
        return (
            f'SELECT COUNT_IF(t.{first} IS NULL) AS "inserted", {changed} AS "updated" '
            f"FROM {self._stage} s LEFT JOIN {self._target} t ON {self._same_key}"
        )

    def merge(self) -> str:
        """Insert new keys, update rows that differ; equal rows are not touched."""
        update = ", ".join(f"t.{name} = s.{name}" for name in self._values)
        matched = f"WHEN MATCHED AND ({self._changed}) THEN UPDATE SET {update} " if update else ""
        source = ", ".join(f"s.{quoted(column.name)}" for column in self.spec.columns)
        return (
            f"MERGE INTO {self._target} t USING {self._stage} s ON {self._same_key} {matched}"
            f"WHEN NOT MATCHED THEN INSERT ({self._columns}) VALUES ({source})"
        )

    def plan_replace(self) -> str:
        """Rows that replacing would add and take away, the target's rows now; equal rows count as kept.

        A row that stands there n times is compared n times.
        """
        sides = (
            f"SELECT {self._comparable}, 1 AS side FROM {self._stage} "
            f"UNION ALL SELECT {self._comparable}, -1 AS side FROM {self._target}"
        )
        groups = ", ".join(str(i + 1) for i in range(len(self.spec.columns)))
        return (
            'SELECT COALESCE(SUM(GREATEST(surplus, 0)), 0) AS "inserted", '
            'COALESCE(SUM(GREATEST(-surplus, 0)), 0) AS "deleted", COALESCE(SUM(there), 0) AS "before" '
            f"FROM (SELECT {self._columns}, SUM(side) AS surplus, COUNT_IF(side = -1) AS there "
            f"FROM ({sides}) GROUP BY {groups})"
        )

    def delete(self) -> str:
        """All rows; between BEGIN and COMMIT. TRUNCATE would commit by itself."""
        return f"DELETE FROM {self._target}"

    def insert(self) -> str:
        """The temporary table's rows."""
        return f"INSERT INTO {self._target} ({self._columns}) SELECT {self._columns} FROM {self._stage}"

    @property
    def _values(self) -> tuple[str, ...]:
        return tuple(quoted(column.name) for column in self.spec.columns if column.name not in self.spec.keys)

    @property
    def _same_key(self) -> str:
        return " AND ".join(f"t.{quoted(key)} = s.{quoted(key)}" for key in self.spec.keys)

    @property
    def _changed(self) -> str:
        return " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in self._values)

    @property
    def _comparable(self) -> str:
        """The columns as they can be grouped."""
        return ", ".join(
            f"TO_JSON({quoted(column.name)}) AS {quoted(column.name)}"
            if column.type is ColumnType.VARIANT
            else quoted(column.name)
            for column in self.spec.columns
        )


def _staged(column: LoadColumn, field: str) -> str:
    match column.type:
        case ColumnType.DECIMAL:
            return f"{field}::NUMBER(38,{column.scale})"
        case ColumnType.VARIANT:
            return f"PARSE_JSON({field}::VARCHAR)"
        case ColumnType.BINARY:
            return f"TO_BINARY({field}::VARCHAR, 'HEX')"
        case _:
            return f"{field}::{_CASTS[column.type]}"
