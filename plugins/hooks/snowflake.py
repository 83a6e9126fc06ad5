"""Snowflake's results as Arrow batches, on top of Airflow's own hook."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook
from snowflake.connector import errors
from snowflake.connector.constants import FIELD_TYPES

from drivetrain.errors import CredentialsError, DrivetrainError, SourceError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# https://docs.snowflake.com/en/developer-guide/driver-error-messages: log-in refused
_LOGIN_ERRORS = frozenset({250001, 390100, 390101, 390102, 390144, 390189, 390195})
_UNREACHABLE_ERRORS = frozenset({250001, 250003, 251001, 251005, 251008})


@dataclass(frozen=True)
class SnowflakeSession:
    """Who asks, and where names are looked up that don't say: all that a query's text leaves open."""

    account: str
    user: str
    role: str
    database: str
    schema: str


class ArrowResult:
    """A query's result: its schema at once, its rows a batch at a time.

    Snowflake sends a large result in parts; only the part that is being read is in memory.

    Attributes:
        query_id: Snowflake's.
    """

    def __init__(self, cursor: Any, sync_name: str) -> None:
        self._name = sync_name
        self.query_id: str = cursor.sfqid or ""
        self._first: pa.Table | None = None
        self._tables: Iterator[pa.Table] = iter(())
        if cursor.rowcount == 0:  # the connector fails to make a table of no batches; the types are still known
            self.schema = _schema(cursor.description)
            return
        self._tables = cursor.fetch_arrow_batches()
        self._first = next(self._tables)
        self.schema: pa.Schema = self._first.schema

    def batches(self) -> Iterable[pa.RecordBatch]:
        """The rows, once."""
        if self._first is None:
            return
        yield from self._first.to_batches()
        self._first = None
        try:
            for table in self._tables:
                yield from table.to_batches()
        except errors.Error as error:
            raise _mapped(error, self._name) from None


def _schema(description: Iterable[Any]) -> pa.Schema:
    """Arrow types from a cursor's description, as rows of the result would have them."""
    types = {
        "REAL": pa.float64(),
        "DATE": pa.date32(),
        "TIME": pa.time64("ns"),
        "TIMESTAMP": pa.timestamp("ns"),
        "TIMESTAMP_NTZ": pa.timestamp("ns"),
        "TIMESTAMP_LTZ": pa.timestamp("ns", tz="UTC"),
        "TIMESTAMP_TZ": pa.timestamp("ns", tz="UTC"),
        "BINARY": pa.binary(),
        "BOOLEAN": pa.bool_(),
    }
    fields = []
    for column in description:
        name = FIELD_TYPES[column.type_code].name
        if name == "FIXED":
            kind = pa.decimal128(38, column.scale) if column.scale else pa.int64()
        else:
            kind = types.get(name, pa.string())
        fields.append(pa.field(column.name, kind))
    return pa.schema(fields)


class ArrowSnowflakeHook(SnowflakeHook):
    """Airflow's SnowflakeHook with exact numbers and streamed results.

    The connection's extra may also hold `protocol`, which Airflow's hook leaves out and a local server needs.
    """

    _kept: Any = None

    def _get_conn_params(self) -> dict[str, Any]:
        params: dict[str, Any] = dict(super()._get_conn_params())
        # The hook's own get_connection is asked a second time here: it is cached within a task.
        protocol = self.get_connection(self.get_conn_id()).extra_dejson.get("protocol")
        if protocol:
            params["protocol"] = protocol
        # For its telemetry the connector asks the clouds' metadata servers who it runs on, at every log-in, and waits
        # for the resolver where there are none: 5 s now and then.
        os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
        # Without it NUMBER(12,2) arrives as a float.
        params["arrow_number_to_decimal"] = True
        params.setdefault("client_prefetch_threads", 1)  # one part read ahead bounds the memory
        return params

    @contextmanager
    def one_connection(self) -> Iterator[ArrowSnowflakeHook]:
        """Keep one connection for all queries inside: a log-in costs more than a small query."""
        with self._opened(f"connection {self.get_conn_id()}") as connection:
            self._kept = connection
            try:
                yield self
            finally:
                self._kept = None

    @contextmanager
    def arrow_result(
        self, sql: str, parameters: Mapping[str, object] | None = None, *, name: str = "query"
    ) -> Iterator[ArrowResult]:
        """Run one query.

        Args:
            sql: the query, with %(name)s where a parameter stands.
            parameters: their values; the connector quotes them.
            name: what to call the query in errors.

        Raises:
            SourceError: Snowflake refuses the query; its message is in ours.
            CredentialsError: it refuses the log-in.
            UnavailableError: it can't be reached.
        """
        with self._opened(name) as connection, closing(connection.cursor()) as cursor:
            try:
                cursor.execute(sql, dict(parameters) if parameters else None)
                result = ArrowResult(cursor, name)
            except errors.Error as error:
                raise _mapped(error, name) from None
            yield result

    @contextmanager
    def arrow_result_of(self, query_id: str, *, name: str = "query") -> Iterator[ArrowResult]:
        """The result of a query that this user has run, in whatever session; Snowflake keeps it for 24 hours.

        It comes as it was, in its order, and without a statement. RESULT_SCAN, which the connector's
        get_results_from_sfqid asks for, promises no order:
        https://docs.snowflake.com/en/sql-reference/functions/result_scan#usage-notes

        Raises:
            SourceError: there is none any more, or it is another user's.
            CredentialsError: Snowflake refuses the log-in.
            UnavailableError: it can't be reached.
        """
        with self._opened(name) as connection, closing(connection.cursor()) as cursor:
            try:
                cursor.query_result(query_id)
                result = ArrowResult(cursor, name)
            except errors.Error as error:
                raise _mapped(error, name) from None
            except (TypeError, AttributeError):  # what the connector makes of a refusal that has no data
                raise SourceError(f"{name}: Snowflake has no result of query {query_id}") from None
            yield result

    def session(self) -> SnowflakeSession:
        """Who this connection's queries are asked by.

        Raises:
            CredentialsError: Snowflake refuses the log-in.
            UnavailableError: it can't be reached.
        """
        with self._opened(f"connection {self.get_conn_id()}") as connection:
            names = (connection.account, connection.user, connection.role, connection.database, connection.schema)
            return SnowflakeSession(*(str(name or "") for name in names))

    @contextmanager
    def _opened(self, name: str) -> Iterator[Any]:
        if self._kept is not None:
            yield self._kept
            return
        try:
            connection = self.get_conn()
        except errors.Error as error:
            raise _mapped(error, name) from None
        with closing(connection):
            yield connection


class SnowflakeConnections:
    """One connection for each connection id, opened when first asked for, closed at the end of the `with` block.

    A log-in that failed is not tried again within the block: accounts are locked for wrong passwords.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._hooks: dict[str, ArrowSnowflakeHook] = {}
        self._failed: dict[str, DrivetrainError] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def hook(self, connection_id: str) -> ArrowSnowflakeHook:
        """The hook, logged in.

        Raises:
            CredentialsError: Snowflake refuses the log-in.
            UnavailableError: it can't be reached.
        """
        if connection_id in self._failed:
            raise self._failed[connection_id]
        if connection_id not in self._hooks:
            hook = ArrowSnowflakeHook(connection_id)
            try:
                self._hooks[connection_id] = self._stack.enter_context(hook.one_connection())
            except DrivetrainError as error:
                self._failed[connection_id] = error
                raise
        return self._hooks[connection_id]

    @contextmanager
    def arrow_result(
        self, connection_id: str, sql: str, parameters: Mapping[str, object] | None = None, *, name: str = "query"
    ) -> Iterator[ArrowResult]:
        """Run one query, see ArrowSnowflakeHook.arrow_result."""
        with self.hook(connection_id).arrow_result(sql, parameters, name=name) as result:
            yield result


def _mapped(error: errors.Error, name: str) -> DrivetrainError:
    message = " ".join(str(error.raw_msg or error.msg or error).split())[:400]
    number = error.errno or 0
    if isinstance(error, errors.ProgrammingError):
        return SourceError(f"{name}: Snowflake refuses the query: {message}")
    if isinstance(error, errors.ForbiddenError) or (
        number in _LOGIN_ERRORS and ("incorrect" in message.casefold() or "password" in message.casefold())
    ):
        return CredentialsError(f"{name}: Snowflake refuses the log-in: {message}: correct the connection")
    if isinstance(error, errors.OperationalError | errors.InterfaceError) or number in _UNREACHABLE_ERRORS:
        return UnavailableError(f"{name}: Snowflake can't be reached: {message}")
    if isinstance(error, errors.DatabaseError) and number in _LOGIN_ERRORS:
        return CredentialsError(f"{name}: Snowflake refuses the log-in: {message}: correct the connection")
    return SourceError(f"{name}: Snowflake fails: {message}")
