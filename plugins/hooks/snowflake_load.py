"""Snowflake as the target of a load: one session, its statements' answers by name, its errors as ours."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from snowflake.connector import errors

from drivetrain.errors import AccessDeniedError, DrivetrainError, TargetMissingError, UnavailableError
from hooks.snowflake import ArrowSnowflakeHook, _mapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snowflake.connector import SnowflakeConnection

# "does not exist or not authorized": an object, a schema or database that USE names
_MISSING = frozenset({2003, 2043})
_NOT_ALLOWED = frozenset({3001, 3041})
# a lock that was not given up in time, a deadlock's victim, a transaction that was ended from outside
_TRY_AGAIN = frozenset({625, 630, 604})
_LOCK_TIMEOUT_SECONDS = 600


class TableSession:
    """A session as drivetrain.sheets.load.TableSession wants it."""

    def __init__(self, connection: SnowflakeConnection, name: str) -> None:
        self._connection, self._name = connection, name

    def execute(self, sql: str) -> list[dict[str, Any]]:
        """Run one statement.

        Raises:
            FatalError: Snowflake refuses it.
            RetriableError: the session was lost, or somebody else holds the table.
        """
        try:
            with closing(self._connection.cursor()) as cursor:
                cursor.execute(sql)
                names = [column.name for column in cursor.description or []]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except errors.Error as error:
            raise _mapped_write(error, self._name) from None


class SnowflakeLoadHook(ArrowSnowflakeHook):
    """ArrowSnowflakeHook with sessions that write.

    The role needs USAGE on the database and schema, CREATE TABLE and CREATE STAGE in the schema (both for what is
    temporary), and SELECT, INSERT, UPDATE and DELETE on the table.
    """

    _query_tag = ""

    def _get_conn_params(self) -> dict[str, Any]:
        params = super()._get_conn_params()
        params["session_parameters"] = {
            **(params.get("session_parameters") or {}),
            "QUERY_TAG": self._query_tag,
            "LOCK_TIMEOUT": _LOCK_TIMEOUT_SECONDS,
            "ABORT_DETACHED_QUERY": True,
        }
        return params

    @contextmanager
    def table_session(self, name: str) -> Iterator[TableSession]:
        """One session; its end rolls back what is open and drops what is temporary.

        Args:
            name: what to call the work in errors and in Snowflake's query history (QUERY_TAG).

        Raises:
            CredentialsError: Snowflake refuses the log-in.
            UnavailableError: it can't be reached.
        """
        self._query_tag = name
        try:
            connection = self.get_conn()
        except errors.Error as error:
            raise _mapped(error, name) from None
        with closing(connection):
            yield TableSession(connection, name)


def _mapped_write(error: errors.Error, name: str) -> DrivetrainError:
    message = " ".join(str(error.raw_msg or error.msg or error).split())[:400]
    if error.errno in _MISSING:
        return TargetMissingError(
            f"{name}: {message}: create it, correct target.table, or grant the role what it needs"
        )
    if error.errno in _NOT_ALLOWED:
        return AccessDeniedError(f"{name}: {message}: grant it to the connection's role")
    if error.errno in _TRY_AGAIN:
        return UnavailableError(f"{name}: {message}")
    return _mapped(error, name)
