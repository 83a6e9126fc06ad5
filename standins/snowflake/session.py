"""One client's session: its parameters, its transaction, and the statements that it runs."""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import snowflake.connector.errors
from fakesnow import statement_type
from fakesnow.transforms import stage
from sqlglot import exp

from standins.snowflake import bindings, timestamps, wire
from standins.snowflake.cursor import Cursor
from standins.snowflake.engine import Engine
from standins.snowflake.errors import SqlError, to_sql_error
from standins.snowflake.rewrites import normalise, parse
from standins.snowflake.tablelog import TableLog

_DML = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Copy)
_DDL = (exp.Create, exp.Drop, exp.Alter, exp.TruncateTable, exp.Comment)
_LOCK_WAIT_SECONDS = 30  # beyond the time after which an idle transaction gives way
_SUCCESS = "Statement executed successfully."


@dataclass
class Result:
    """What a statement answered: rows as DuckDB gave them, and how Snowflake would describe them."""

    query_id: str
    columns: list[wire.Column]
    table: pa.Table
    type_id: int = 0
    put: exp.Expression | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def is_dml(self) -> bool:
        """Whether clients read affected rows from it."""
        return self.type_id in statement_type.DML_TYPE_IDS


class Session:
    """State between a login and a logout. Statements of one session run one after the other."""

    def __init__(self, engine: Engine, user: str, *, database: str | None, schema: str | None) -> None:
        self.id = secrets.randbits(40)
        self.token, self.master_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.user = user.upper()
        self.role, self.warehouse = "SYSADMIN", None
        self.parameters: dict[str, Any] = {"AUTOCOMMIT": True, "TIMEZONE": engine.timezone, "QUERY_TAG": ""}
        self.last_query_id: str | None = None
        self._engine = engine
        self._has_temporary = False
        self._connection = engine.connect(database, schema)
        if database and not schema and self.database:
            self._use_public()
        self._log = TableLog(self._connection, engine.stamp)
        self._lock = threading.Lock()
        self._in_transaction = self._wrote = self._aborted = False
        self._last_used = time.monotonic()
        engine.sessions.add(self)

    @property
    def database(self) -> str | None:
        """The current database."""
        return self._connection.database

    @property
    def schema(self) -> str | None:
        """The current schema."""
        return self._connection.schema

    def execute(self, sql: str, bound: dict[str, Any] | None = None, *, describe_only: bool = False) -> Result:
        """Run one statement.

        Raises:
            SqlError: for anything that goes wrong; the session stays usable.
        """
        with self._lock:
            try:
                sql = normalise(sql)
                expression = parse(sql)
                rows = bindings.to_python(bound) if bound else [None]
                if describe_only:
                    return self._describe(sql, expression)
                return self._run(sql, expression, rows)
            except SqlError:
                raise
            except Exception as error:
                raise to_sql_error(error) from error
            finally:
                self._last_used = time.monotonic()

    def roll_back_if_idle(self, seconds: float) -> None:
        """Roll back a transaction that its client seems to have left: no statement for ``seconds``."""
        idle = time.monotonic() - self._last_used > seconds
        if self._in_transaction and idle and self._lock.acquire(blocking=False):
            try:
                self._rollback()
                self._aborted = True
            finally:
                self._lock.release()

    def renew(self) -> None:
        """Replace both tokens; the state stays."""
        self.token, self.master_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)

    def cancel(self) -> None:
        """Interrupt the statement that runs now, from another thread."""
        self._connection._duck_conn.interrupt()

    def close(self) -> None:
        """Roll back what is open and release the connection."""
        with self._lock:
            self._connection.close()

    # -- statements ---------------------------------------------------------------------------------------------

    def _run(self, sql: str, expression: exp.Expression, rows: list[Any]) -> Result:
        if isinstance(expression, exp.Alter) and expression.args.get("kind") == "SESSION":
            return self._alter_session(expression)
        if isinstance(expression, exp.Use):
            return self._use(expression)
        if isinstance(expression, exp.Transaction | exp.Commit | exp.Rollback):
            self._transaction(expression)
            return self._status(_SUCCESS, statement_type.TCL)
        if isinstance(expression, _DDL):
            return self._ddl(sql, expression)
        if isinstance(expression, _DML):
            return self._dml(sql, expression, rows)
        if isinstance(expression, exp.Grant | exp.Revoke):
            return self._status(_SUCCESS, statement_type.DDL)
        if isinstance(expression, exp.Command) and expression.name.upper() in ("REMOVE", "RM"):
            return self._remove(str(expression.expression))
        cursor = self._cursor()
        if rows[0] is None and cursor.select(sql):
            return self._result(cursor, expression)
        cursor.execute(sql, binding_params=rows[0], server=True)
        if rows[0] is None:
            cursor.remember(sql)
        return self._result(cursor, expression)

    def _dml(self, sql: str, expression: exp.Expression, rows: list[Any]) -> Result:
        """Run DML in the open transaction, or in one of its own that also carries the table's LAST_ALTERED."""
        autocommit = bool(self.parameters["AUTOCOMMIT"]) and not self._in_transaction
        deadline = time.monotonic() + self._engine.idle_transaction_seconds + _LOCK_WAIT_SECONDS
        while True:
            if not self._in_transaction:
                self._begin()
            first = not self._wrote
            try:
                result = self._modify(sql, expression, rows)
                self._wrote = True
                if autocommit:
                    self._commit()
            except duckdb.TransactionException as error:
                # Snowflake makes the second writer wait; DuckDB refuses it. Only a transaction that wrote nothing
                # yet can be begun again.
                waits = "onflict" in str(error) and first and time.monotonic() < deadline
                if autocommit or waits:
                    self._rollback()
                if not waits:
                    raise
                self._engine.roll_back_idle()
                time.sleep(0.05)
            except BaseException:
                if autocommit:
                    self._rollback()
                raise
            else:
                return result

    def _modify(self, sql: str, expression: exp.Expression, rows: list[Any]) -> Result:
        cursor, affected = self._cursor(), 0
        for row in rows:
            cursor.execute(sql, binding_params=row, server=True)
            affected += _rows_loaded(cursor.table) if isinstance(expression, exp.Copy) else cursor.rowcount or 0
        result = self._result(cursor, expression)
        if len(rows) > 1:
            result.table = pa.table({result.columns[0].name: pa.array([affected], pa.int64())})
            result.columns = result.columns[:1]
        if affected:
            self._log.touch(expression, "dml")
        return result

    def _ddl(self, sql: str, expression: exp.Expression) -> Result:
        """DDL commits the open transaction and is one of its own.

        https://docs.snowflake.com/en/sql-reference/transactions#ddl
        """
        self._has_temporary |= expression.find(exp.TemporaryProperty) is not None
        self._engine.prepared.outdate()
        try:
            return self._change_catalog(sql, expression)
        finally:
            self._engine.prepared.outdate()

    def _change_catalog(self, sql: str, expression: exp.Expression) -> Result:
        if self._in_transaction:
            self._commit()
        kind = str(expression.args.get("kind") or "").upper()
        if isinstance(expression, exp.Drop) and kind == "DATABASE":
            return self._drop_database(expression)
        fresh = not (
            isinstance(expression, exp.Create) and expression.args.get("exists") and self._log.exists(expression)
        )
        result = self._result(self._cursor().execute(sql, server=True), expression)
        if isinstance(expression, exp.Create) and kind == "DATABASE":
            name = _identifier(expression)
            self._engine.prepare_database(name)
            self._use(parse(f'USE DATABASE "{name}"'))
        elif kind in ("TABLE", "VIEW", "") and not isinstance(expression, exp.Drop) and fresh:
            self._log.touch(expression, "create" if isinstance(expression, exp.Create) else "ddl")
            self._log.write()
        return result

    def _drop_database(self, expression: exp.Drop) -> Result:
        name = _identifier(expression)
        try:
            self._engine.drop_database(name)
        except duckdb.Error as error:
            if not expression.args.get("exists"):
                raise SqlError(
                    "002003", "02000", f"SQL compilation error:\nDatabase '{name}' does not exist or not authorized."
                ) from error
        return self._status(f"{name} successfully dropped.", statement_type.DDL)

    def _alter_session(self, expression: exp.Alter) -> Result:
        changed: dict[str, Any] = {}
        for item in expression.find_all(exp.SetItem):
            assignment = item.this
            if isinstance(assignment, exp.EQ):
                name, value = assignment.this.name.upper(), assignment.expression
                changed[name] = value.this if isinstance(value, exp.Boolean) else value.name
            else:
                name = item.name.upper()
                changed[name] = {"AUTOCOMMIT": True, "TIMEZONE": self._engine.timezone}.get(name, "")
        self.set_parameters(changed)
        result = self._status(_SUCCESS, statement_type.SCL)
        result.parameters = changed
        return result

    def set_parameters(self, parameters: dict[str, Any]) -> None:
        """Set session parameters by upper-case name; TIMEZONE and AUTOCOMMIT take effect, the others are kept.

        Raises:
            SqlError: for an unknown time zone.
        """
        for name, value in parameters.items():
            if name == "TIMEZONE":
                try:
                    self._connection._duck_conn.execute(f"SET TimeZone = '{value}'")
                except duckdb.Error as error:
                    raise SqlError(
                        "001070", "22023", f"Invalid value '{value}' for session parameter TIMEZONE"
                    ) from error
            if name == "AUTOCOMMIT":
                value = str(value).lower() == "true"
                if value and self._in_transaction:
                    self._commit()
            self.parameters[name] = value

    def _use(self, expression: exp.Use) -> Result:
        kind = expression.args["kind"]
        word = (kind if isinstance(kind, str) else kind.name).upper()
        if word in ("WAREHOUSE", "ROLE"):
            setattr(self, word.lower(), _identifier(expression))
        elif word in ("SCHEMA", "DATABASE"):
            self._cursor().execute(expression.sql(dialect="snowflake"), server=True)
            if word == "DATABASE":
                self._use_public()
        return self._status(_SUCCESS, statement_type.USE)

    def _use_public(self) -> None:
        self._cursor().execute(f'USE SCHEMA "{self.database}"."PUBLIC"', server=True)

    def _remove(self, argument: str) -> Result:
        """REMOVE @stage[/path]: delete the files whose names start with the path."""
        reference, _, path = argument.strip().strip("'").removeprefix("@").partition("/")
        names = stage.parts_from_var(reference, self.database, self.schema)
        root = Path(stage.internal_dir(".".join(names)))
        removed = [
            file for file in sorted(root.rglob("*")) if file.is_file() and str(file.relative_to(root)).startswith(path)
        ]
        for file in removed:
            file.unlink()
        rows = {
            "name": [f"{names[2].lower()}/{file.relative_to(root)}" for file in removed],
            "result": ["removed"] * len(removed),
        }
        self.last_query_id = str(uuid.uuid4())
        columns = [wire.Column("name", "text"), wire.Column("result", "text")]
        table = pa.table(rows, schema=pa.schema([("name", pa.string()), ("result", pa.string())]))
        return Result(self.last_query_id, columns, table)

    # -- transactions -------------------------------------------------------------------------------------------

    def _transaction(self, expression: exp.Expression) -> None:
        if isinstance(expression, exp.Commit) and self._aborted:
            self._aborted = False
            raise SqlError(
                "000625", "57014", "Statement aborted: the transaction was idle, blocked others and is rolled back"
            )
        if isinstance(expression, exp.Transaction):
            if not self._in_transaction:  # Snowflake ignores a BEGIN in a transaction
                self._begin()
        elif self._in_transaction:  # and COMMIT and ROLLBACK outside of one
            self._commit() if isinstance(expression, exp.Commit) else self._rollback()

    def _begin(self) -> None:
        self._connection._duck_conn.begin()
        self._in_transaction, self._wrote, self._aborted = True, False, False

    def _commit(self) -> None:
        try:
            with self._engine.commit_lock:
                self._log.write()
                self._connection._duck_conn.commit()
        except BaseException:
            self._rollback()
            raise
        self._in_transaction = False

    def _rollback(self) -> None:
        self._log.forget()
        self._in_transaction = False
        try:
            self._connection._duck_conn.rollback()
        except duckdb.TransactionException:
            return  # DuckDB had ended it already

    # -- results ------------------------------------------------------------------------------------------------

    def _cursor(self) -> Cursor:
        return Cursor(
            self._connection,
            {
                "CURRENT_ACCOUNT": "STANDIN",
                "CURRENT_DATABASE": self.database,
                "CURRENT_REGION": "LOCAL",
                "CURRENT_ROLE": self.role,
                "CURRENT_SCHEMA": self.schema,
                "CURRENT_SESSION": str(self.id),
                "CURRENT_USER": self.user,
                "CURRENT_WAREHOUSE": self.warehouse,
                "LAST_QUERY_ID": self.last_query_id,
            },
            self._engine.prepared,
            has_temporary=self._has_temporary,
        )

    def _result(self, cursor: Cursor, expression: exp.Expression) -> Result:
        columns = self._columns(cursor.result_types(), expression)
        transformed = cursor.transformed
        put = transformed if transformed is not None and transformed.args.get("put_stage_data") else None
        self.last_query_id = cursor.sfqid or str(uuid.uuid4())
        table = cursor.table if cursor.table is not None else pa.table({})
        return Result(self.last_query_id, columns, table, statement_type.statement_type_id(expression), put)

    def _columns(self, types: list[tuple[str, str]], expression: exp.Expression) -> list[wire.Column]:
        projections = expression.expressions if isinstance(expression, exp.Select) else []
        starred = any(projection.is_star for projection in projections)
        local = self._log.ltz_names(expression) if any(kind.endswith("TIME ZONE") for _, kind in types) else set()
        columns = []
        for position, (name, duckdb_type) in enumerate(types):
            projection = projections[position] if not starred and position < len(projections) else None
            zone = timestamps.named_zone(projection) or self._engine.timezone
            spec = wire.column(name, duckdb_type, timezone=zone)
            if spec.kind == "timestamp_tz" and timestamps.is_local(projection, name, local):
                spec = wire.Column(name, "timestamp_ltz", 0, 9)
            columns.append(spec)
        return columns

    def _describe(self, sql: str, expression: exp.Expression) -> Result:
        types = self._cursor().describe_types(sql)
        if types is None:
            raise SqlError("000002", "0A000", "Unsupported feature in the stand-in: describing this statement")
        type_id = statement_type.statement_type_id(expression)
        return Result(str(uuid.uuid4()), self._columns(types, expression), pa.table({}), type_id)

    def _status(self, text: str, type_id: int) -> Result:
        self.last_query_id = str(uuid.uuid4())
        return Result(self.last_query_id, [wire.Column("status", "text")], pa.table({"status": [text]}), type_id)


def _identifier(expression: exp.Expression) -> str:
    identifier = expression.find(exp.Identifier)
    if identifier is None:
        raise snowflake.connector.errors.ProgrammingError(msg="a name is missing", errno=1003, sqlstate="42000")
    return str(identifier.this) if identifier.args.get("quoted") else str(identifier.this).upper()


def _rows_loaded(copied: pa.Table | None) -> int:
    """Rows that a COPY INTO loaded; its result has one row a file, or a status when there was none."""
    if copied is None or "rows_loaded" not in copied.column_names:
        return 0
    return sum(copied.column("rows_loaded").to_pylist())
