"""fakesnow's cursor with our rewrites in front and DuckDB's own MERGE behind."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa
from fakesnow.conn import FakeSnowflakeConnection
from fakesnow.cursor import FakeSnowflakeCursor
from sqlglot import exp

from standins.snowflake.errors import SqlError
from standins.snowflake.prepared import Description, Prepared, PreparedSelects
from standins.snowflake.rewrites import rewrite

_MERGE_COUNTS = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}


class Cursor(FakeSnowflakeCursor):
    """One statement's execution. Not thread-safe: a session runs one statement at a time."""

    def __init__(
        self,
        connection: FakeSnowflakeConnection,
        session_values: Mapping[str, str | None],
        prepared: PreparedSelects,
        *,
        has_temporary: bool,
    ) -> None:
        super().__init__(conn=connection, duck_conn=connection._duck_conn)
        self._session_values, self._prepared, self._has_temporary = session_values, prepared, has_temporary
        self._again: Prepared | None = None
        self._generation = prepared.generation

    @property
    def table(self) -> pa.Table | None:
        """Rows of the last statement, as DuckDB gave them."""
        return self._arrow_table

    @property
    def transformed(self) -> exp.Expression | None:
        """The last statement as it ran in DuckDB; fakesnow leaves what a PUT needs in its arguments."""
        return self._last_transformed

    def select(self, sql: str) -> bool:
        """Run a statement without parameters if it is a SELECT that was translated before; False where it is not."""
        key = self._key(sql)
        known = self._prepared.get(key) if key else None
        if known is None:
            return False
        try:
            self._arrow_table = self._duck_conn.execute(known.sql).to_arrow_table()
        except duckdb.Error:
            return False  # the long way makes Snowflake's error of it
        self._again, self._arrow_table_fetch_index = known, None
        self._rowcount, self._sfqid = self._arrow_table.num_rows, str(uuid.uuid4())
        self._last_sql, self._last_params, self._last_transformed = known.sql, None, known.expression
        self._conn.results_cache[self._sfqid] = (self._arrow_table, self._rowcount, known.sql, None, known.expression)
        return True

    def remember(self, sql: str) -> None:
        """Keep the translation of the statement that has just run, without parameters."""
        if key := self._key(sql):
            self._prepared.keep(key, self._last_transformed, self._last_sql or "")

    def result_types(self) -> list[tuple[str, str]]:
        """Name and DuckDB type of each result column of the last statement."""
        again, generation = self._again, self._generation
        if again is None:
            return self._described()
        known, schema = again.described, self._arrow_table.schema
        if known is not None and known.generation == generation == self._prepared.generation and known.schema == schema:
            return known.types
        again.described = Description(generation, schema, self._described())
        return again.described.types

    def _described(self) -> list[tuple[str, str]]:
        if isinstance(self._last_transformed, exp.Select) and "seed" not in self._last_transformed.args:
            # DuckDB's text needs no parsing to be described.
            rows = self._duck_conn.execute(f"DESCRIBE {self._last_sql}", self._last_params).fetchall()
        else:
            rows = self._describe_last_sql()
        return [(row[0], row[1]) for row in rows]

    def describe_types(self, sql: str) -> list[tuple[str, str]] | None:
        """Name and DuckDB type of each column that ``sql`` would return, or None when only running it tells."""
        rows = self._describe_only(sql)
        return None if rows is None else [(row[0], row[1]) for row in rows]

    def _transform(self, expression: exp.Expression, params: Any) -> exp.Expression:
        return super()._transform(rewrite(expression, self._session_values, self._temporary_tables()), params)

    def _temporary_tables(self) -> set[str]:
        if not self._has_temporary:
            return set()
        sql = "select table_name from duckdb_tables() where temporary"
        return {row[0].upper() for row in self._duck_conn.execute(sql).fetchall()}

    def _key(self, sql: str) -> object | None:
        connection = self._conn
        places = (connection.database, connection.database_set, connection.schema, connection.schema_set)
        return self._prepared.key(sql, (*places, frozenset(self._temporary_tables())))

    def _execute(self, transformed: exp.Expression, params: Any = None) -> None:
        if isinstance(transformed, exp.Merge):
            self._merge(transformed, params)
        else:
            super()._execute(transformed, params)

    def _merge(self, merge: exp.Merge, params: Any) -> None:
        for assignment in merge.find_all(exp.EQ):
            # DuckDB takes no table name left of the sign in SET; in ON and WHEN conditions it stays.
            if isinstance(assignment.parent, exp.Update) and isinstance(assignment.this, exp.Column):
                assignment.set("this", exp.column(assignment.this.this.copy()))
        self._refuse_ambiguous(merge, params)
        sql = f"{merge.sql(dialect='duckdb')} RETURNING merge_action"
        actions = [row[0] for row in self._duck_conn.execute(sql, params).fetchall()]
        wanted = {self._action(when) for when in merge.args["whens"].expressions}
        counts = {
            f"number of rows {word}": actions.count(action)
            for action, word in _MERGE_COUNTS.items()
            if action in wanted
        }
        self._arrow_table = pa.table({name: pa.array([count], pa.int64()) for name, count in counts.items()})
        self._arrow_table_fetch_index = None
        self._rowcount = sum(counts.values())
        self._sfqid = str(uuid.uuid4())
        self._last_sql = "SELECT " + ", ".join(f'{count}::BIGINT AS "{name}"' for name, count in counts.items())
        self._last_params = None
        self._last_transformed = merge

    def _refuse_ambiguous(self, merge: exp.Merge, params: Any) -> None:
        """Snowflake refuses a target row that several source rows would change; DuckDB lets the last one win.

        https://docs.snowflake.com/en/sql-reference/sql/merge (ERROR_ON_NONDETERMINISTIC_MERGE)
        """
        matched = [when for when in merge.args["whens"].expressions if when.args.get("matched")]
        if not matched or params:
            return
        conditions = [when.args.get("condition") for when in matched]
        extra = "" if None in conditions else f" AND ({' OR '.join(c.sql(dialect='duckdb') for c in conditions)})"
        target, source, on = (merge.args[name].sql(dialect="duckdb") for name in ("this", "using", "on"))
        alias = exp.to_identifier(merge.this.alias_or_name).sql(dialect="duckdb")
        query = (
            f"SELECT 1 FROM {target} JOIN {source} ON ({on}){extra} GROUP BY {alias}.rowid HAVING count(*) > 1 LIMIT 1"
        )
        if self._duck_conn.execute(query).fetchone():
            raise SqlError("100090", "42P18", "Duplicate row detected during DML action")

    @staticmethod
    def _action(when: exp.When) -> str:
        then = when.args["then"]
        if isinstance(then, exp.Insert):
            return "INSERT"
        return "UPDATE" if isinstance(then, exp.Update) else "DELETE"
