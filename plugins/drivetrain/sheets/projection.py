"""What a query's text says about its columns and parameters, without a connection."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from drivetrain.sheets.spec import Drift

if TYPE_CHECKING:
    from drivetrain.sheets.spec import SheetSyncSpec

_PARAMETER = re.compile(r"%\((\w+)\)s")


@lru_cache(maxsize=4096)
def output_columns(sql: str) -> tuple[str, ...] | None:
    """The names of a query's columns as Snowflake gives them: upper case unless quoted.

    None where the text does not tell all of them: a star, an expression without an alias, a template, no SELECT, or SQL
    that can't be parsed. The database is who judges those.
    """
    if _is_template(sql):
        return None
    try:
        query: object = sqlglot.parse_one(_PARAMETER.sub("NULL", sql), read="snowflake")
    except SqlglotError:
        return None
    while isinstance(query, exp.SetOperation | exp.Subquery):  # a union's columns are those of its first part
        if query.args.get("by_name"):
            return None
        query = query.this
    if not isinstance(query, exp.Select):
        return None
    names = [_name(projection) for projection in query.expressions]
    known = tuple(name for name in names if name is not None)
    return known if len(known) == len(names) else None


def query_problems(spec: SheetSyncSpec, sql: str) -> list[str]:
    """What a run of the sync would stop at before it writes: key, what is wrong, and what to do."""
    problems = []
    if not _is_template(sql) and (unknown := set(_PARAMETER.findall(sql)) - set(spec.source.parameters)):
        problems.append(f"source.parameters: the query needs {', '.join(sorted(unknown))}: add it there")
    given = output_columns(sql)
    if given is None:
        return problems
    if twice := sorted({name for name in given if given.count(name) > 1}):
        problems.append(f"source: the query gives {', '.join(twice)} twice, give each its own alias")
    listed = {column.name for column in spec.columns}
    if missing := [name for name in listed if name not in given]:
        near = {name.casefold(): name for name in given}
        hints = [f"{m} (is it {near[m.casefold()]}?)" if m.casefold() in near else m for m in sorted(missing)]
        problems.append(f"columns: {', '.join(hints)} is not in the query's SELECT: correct the columns or the query")
    if spec.drift is Drift.FAIL and (extra := [name for name in given if name not in listed]):
        problems.append(
            f"columns: the query gives {', '.join(extra)} too: add it there, or set drift: add (write it) or "
            "drift: ignore (leave it out)"
        )
    return problems


def _is_template(sql: str) -> bool:
    """Airflow renders it before it runs."""
    return "{{" in sql or "{%" in sql


def _name(projection: exp.Expression) -> str | None:
    identifier = projection.args.get("alias") if isinstance(projection, exp.Alias) else None
    if isinstance(projection, exp.Column):
        identifier = projection.this
    if not isinstance(identifier, exp.Identifier):
        return None
    return identifier.name if identifier.args.get("quoted") else identifier.name.upper()
