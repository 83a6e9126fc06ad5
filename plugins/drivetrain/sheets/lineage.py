"""Which tables a query reads."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope


def source_tables(sql: str, *, database: str = "", schema: str = "") -> tuple[str, ...]:
    """The tables that a query reads, as DATABASE.SCHEMA.TABLE, sorted; its own CTEs left out.

    A query that can't be parsed has no lineage rather than no run: the database is who judges it.
    """
    try:
        scopes = traverse_scope(sqlglot.parse_one(without_parameters(sql), read="snowflake"))
    except SqlglotError:
        return ()
    found = set()
    for scope in scopes:
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                parts = (source.catalog or database, source.db or schema, source.name)
                found.add(".".join(part.upper() for part in parts if part))
    return tuple(sorted(found))


def without_parameters(sql: str) -> str:
    """%(name)s is the connector's notation and no SQL: a parser sees NULL."""
    return re.sub(r"%\(\w+\)s", "NULL", sql)
