"""CREATED, LAST_DDL and LAST_ALTERED of tables, and which of their columns are TIMESTAMP_LTZ.

Entries are collected while a transaction is open and written in it right before its COMMIT: a reader never sees the
new rows with the old time, and a rolled back load leaves no trace.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

import duckdb
from fakesnow.conn import FakeSnowflakeConnection
from sqlglot import exp

from standins.snowflake.timestamps import ltz_columns

_Name = tuple[str, str, str]


class TableLog:
    """The log as one session writes it.

    Args:
        connection: the session's.
        stamp: the time of a change, later than any before.
    """

    def __init__(self, connection: FakeSnowflakeConnection, stamp: Callable[[], datetime.datetime]) -> None:
        self._connection, self._stamp = connection, stamp
        self._pending: dict[tuple[_Name, str], list[str]] = {}

    def touch(self, statement: exp.Expression, kind: str) -> None:
        """Remember that ``statement`` changed its table; ``kind`` is create, ddl or dml."""
        name = self._target(statement)
        renamed = statement.find(exp.AlterRename)
        if renamed is not None and name is not None:
            name, kind = (*name[:2], renamed.this.name.upper()), "create"
        if name is not None and not self._is_temporary(name[2]):
            self._pending[name, kind] = ltz_columns(statement)

    def write(self) -> None:
        """Write what is remembered, in the transaction that is open (or on its own when none is)."""
        cursor = self._connection._duck_conn
        for ((database, schema, table), kind), ltz in self._pending.items():
            prefix = f'"{database}"._fs_information_schema'
            at = self._stamp()  # SQL's now() is the start of the transaction
            cursor.execute(f"insert into {prefix}._table_log values (?, ?, ?, ?)", [schema, table, kind, at])
            if kind == "create":
                cursor.execute(
                    f"delete from {prefix}._ltz_columns where schema_name = ? and table_name = ?", [schema, table]
                )
            for column in ltz:
                cursor.execute(f"insert into {prefix}._ltz_columns values (?, ?, ?)", [schema, table, column])
        self._pending.clear()

    def forget(self) -> None:
        """Drop what is remembered: the transaction was rolled back."""
        self._pending.clear()

    def exists(self, statement: exp.Expression) -> bool:
        """Whether the table that ``statement`` names is there already."""
        name = self._target(statement)
        if name is None:
            return False
        sql = "select 1 from duckdb_tables() where database_name = ? and schema_name = ? and table_name = ?"
        return self._connection._duck_conn.execute(sql, list(name)).fetchone() is not None

    def ltz_names(self, statement: exp.Expression) -> set[str]:
        """Names of the TIMESTAMP_LTZ columns in the tables that ``statement`` reads."""
        names: set[str] = set()
        for table in statement.find_all(exp.Table):
            name = self._qualify(table)
            if name is not None and name[1:] == ("INFORMATION_SCHEMA", "TABLES"):
                names |= {"CREATED", "LAST_ALTERED", "LAST_DDL"}
            if name is None or name[1].startswith(("INFORMATION_SCHEMA", "_FS")):
                continue
            sql = (
                f'select column_name from "{name[0]}"._fs_information_schema._ltz_columns'
                " where schema_name = ? and table_name = ?"
            )
            try:
                rows = self._connection._duck_conn.execute(sql, [name[1], name[2]]).fetchall()
            except duckdb.CatalogException:
                continue  # not a database of ours: a common table expression, a table function
            names.update(row[0] for row in rows)
        return names

    def _target(self, statement: exp.Expression) -> _Name | None:
        node = statement.expressions[0] if isinstance(statement, exp.TruncateTable) else statement.this
        if isinstance(node, exp.Schema):
            node = node.this
        return self._qualify(node) if isinstance(node, exp.Table) else None

    def _qualify(self, table: exp.Table) -> _Name | None:
        if not isinstance(table.this, exp.Identifier):
            return None

        def fold(identifier: exp.Expression | None, default: str | None) -> str | None:
            if identifier is None:
                return default
            return str(identifier.name) if identifier.args.get("quoted") else str(identifier.name).upper()

        database = fold(table.args.get("catalog"), self._connection.database)
        schema = fold(table.args.get("db"), self._connection.schema)
        name = fold(table.this, None)
        return (database, schema, name) if database and schema and name else None

    def _is_temporary(self, name: str) -> bool:
        sql = "select 1 from duckdb_tables() where temporary and table_name = ?"
        return self._connection._duck_conn.execute(sql, [name]).fetchone() is not None
