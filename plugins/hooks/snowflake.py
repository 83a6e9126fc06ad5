"""Snowflake's results as Arrow batches, on top of Airflow's own hook."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook
from snowflake.connector import errors

from drivetrain.errors import CredentialsError, DrivetrainError, SourceError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

# https://docs.snowflake.com/en/developer-guide/driver-error-messages: log-in refused
_LOGIN_ERRORS = frozenset({250001, 390100, 390101, 390102, 390144, 390189, 390195})
_UNREACHABLE_ERRORS = frozenset({250001, 250003, 251001, 251005, 251008})


class ArrowResult:
    """A query's result: its schema at once, its rows a batch at a time.

    Snowflake sends a large result in parts; only the part that is being read is in memory.
    """

    def __init__(self, cursor: Any, sync_name: str) -> None:
        self._cursor, self._name = cursor, sync_name
        self._tables: Iterator[pa.Table] = cursor.fetch_arrow_batches()
        first = next(self._tables, None)
        # A result without rows has no batch either; its types are still known.
        self._first: pa.Table = first if first is not None else cursor.fetch_arrow_all(force_return_table=True)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._first.schema

    def batches(self) -> Iterable[pa.RecordBatch]:
        """The rows, once."""
        yield from self._first.to_batches()
        try:
            for table in self._tables:
                yield from table.to_batches()
        except errors.Error as error:
            raise _mapped(error, self._name) from None


class ArrowSnowflakeHook(SnowflakeHook):
    """Airflow's SnowflakeHook with exact numbers and streamed results.

    The connection's extra may also hold `protocol`, which Airflow's hook leaves out and a local server needs.
    """

    def _get_conn_params(self) -> dict[str, Any]:
        params: dict[str, Any] = dict(super()._get_conn_params())
        # The hook's own get_connection is asked a second time here: it is cached within a task.
        protocol = self.get_connection(self.get_conn_id()).extra_dejson.get("protocol")
        if protocol:
            params["protocol"] = protocol
        # Without it NUMBER(12,2) arrives as a float.
        params["arrow_number_to_decimal"] = True
        params.setdefault("client_prefetch_threads", 1)  # one part read ahead bounds the memory
        return params

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
        try:
            connection = self.get_conn()
        except errors.Error as error:
            raise _mapped(error, name) from None
        with closing(connection), closing(connection.cursor()) as cursor:
            try:
                cursor.execute(sql, dict(parameters) if parameters else None)
                result = ArrowResult(cursor, name)
            except errors.Error as error:
                raise _mapped(error, name) from None
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
