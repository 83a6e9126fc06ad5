"""Errors in Snowflake's shape: a code, an SQL state and a message, never an HTTP 500 (which clients retry for minutes).

Codes: https://docs.snowflake.com/en/developer-guide/sql-api/handling-errors and what the connector's users report.
"""

from __future__ import annotations

import re

import duckdb
import snowflake.connector.errors
from sqlglot.errors import SqlglotError


class SqlError(Exception):
    """A statement failed. ``code`` is six digits, ``sql_state`` five characters."""

    def __init__(self, code: str, sql_state: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.sql_state = sql_state
        self.message = message


_TERMINAL = re.compile(r"\x1b\[\d*m")
_MISSING_OBJECT = re.compile(r"(Table|View|Schema|Catalog) with name \"?([\w.$]+)\"? does not exist")
_EXISTING_OBJECT = re.compile(r"(?:Table|View|Schema|Type) with name \"?([\w.$]+)\"? already exists")
_MISSING_NAMESPACE = re.compile(r"No catalog \+ schema named \"([\w.$]+)\" found")
_MISSING_FUNCTION = re.compile(r"Function with name \"?([\w$]+)\"? does not exist")
_BAD_NUMBER = re.compile(
    r"Could not convert string \"(.*?)\" to '?(?:DECIMAL|DOUBLE|FLOAT|INT|BIGINT|HUGEINT)", re.DOTALL
)
_MISSING_COLUMN = re.compile(r"Referenced column \"([^\"]+)\" not found|does not have a column named \"([^\"]+)\"")


def to_sql_error(error: BaseException) -> SqlError:
    """Whatever went wrong under a statement, as the error that Snowflake's clients know."""
    if isinstance(error, SqlError):
        return error
    message = _TERMINAL.sub("", str(getattr(error, "raw_msg", None) or error))
    if better := _known(message):
        return better
    if isinstance(error, snowflake.connector.errors.Error):
        if error.errno in (None, -1, 9999):
            return _unsupported(message)
        return SqlError(f"{error.errno:06d}", error.sqlstate or "42000", message)
    if isinstance(error, duckdb.InterruptException):
        return SqlError("000604", "57014", "SQL execution canceled")
    if isinstance(error, duckdb.ConstraintException):
        return SqlError("100072", "22000", message)
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
        return SqlError("100038", "22018", message)
    if isinstance(error, duckdb.TransactionException):
        return SqlError("000625", "57014", f"Statement aborted: the transaction is over. {message}")
    if isinstance(error, duckdb.ParserException | SqlglotError):
        return SqlError("001003", "42000", f"SQL compilation error:\n{message}")
    return _unsupported(f"{type(error).__name__}: {message}")


def _known(message: str) -> SqlError | None:
    if match := _MISSING_OBJECT.search(message) or _MISSING_NAMESPACE.search(message):
        name = match[match.lastindex or 1]
        text = f"SQL compilation error:\nObject '{name}' does not exist or not authorized."
        return SqlError("002003", "42S02", text)
    if match := _EXISTING_OBJECT.search(message):
        return SqlError("002002", "42710", f"SQL compilation error:\nObject '{match[1]}' already exists.")
    if match := _BAD_NUMBER.search(message):
        return SqlError("100038", "22018", f"Numeric value '{match[1]}' is not recognized")
    if match := _MISSING_FUNCTION.search(message):
        return SqlError("002140", "42601", f"SQL compilation error:\nUnknown function {match[1].upper()}")
    if match := _MISSING_COLUMN.search(message):
        return SqlError("000904", "42000", f"SQL compilation error:\ninvalid identifier '{match[1] or match[2]}'")
    return None


def _unsupported(message: str) -> SqlError:
    return SqlError("000002", "0A000", f"Unsupported feature in the stand-in: {message[:500]}")
