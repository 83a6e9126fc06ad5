"""Rewrites on the parsed statement, for what fakesnow hands to DuckDB as it stands and DuckDB reads differently."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache

import sqlglot
from sqlglot import exp

from standins.snowflake.errors import SqlError

# Longest first, so that MONTH is not read as MON followed by TH.
_DATE_FORMATS = {
    "YYYY": "%Y",
    "YY": "%y",
    "MMMM": "%B",
    "MON": "%b",
    "MM": "%m",
    "DD": "%d",
    "DY": "%a",
    "HH24": "%H",
    "HH12": "%I",
    "AM": "%p",
    "PM": "%p",
    "MI": "%M",
    "SS": "%S",
    "FF6": "%f",
    "FF3": "%g",
    "TZH:TZM": "%z",
}
_DATE_FORMAT = re.compile("|".join(sorted(_DATE_FORMATS, key=len, reverse=True)), re.IGNORECASE)


def normalise(sql: str) -> str:
    """The statement in the spelling that the parser knows."""
    text = re.sub(r"(?is)^\s*start\s+transaction\b", "BEGIN", sql)
    text = re.sub(r"(?i)\bFORMAT_NAME\s*=\s*([\w.]+)", r"FORMAT_NAME = '\1'", text)
    return re.sub(r"(?i)\bFROM\s+'(@[^'\s]+)'", r"FROM \1", text)  # quoted stage names mean the same as bare ones


def parse(sql: str) -> exp.Expression:
    """Parse one (normalised) statement of Snowflake's SQL. A SELECT is not to be changed: it is kept for the next time.

    Raises:
        sqlglot.errors.ParseError: the statement is not SQL.
        SqlError: there is none, or more than one.
    """
    expression = _parsed(sql)
    return expression if isinstance(expression, exp.Select) else expression.copy()


@lru_cache(maxsize=5_000)
def _parsed(sql: str) -> exp.Expression:
    found = [part for part in sqlglot.parse(sql, read="snowflake") if part and not isinstance(part, exp.Semicolon)]
    if len(found) != 1:
        message = f"Actual statement count {len(found)} did not match the desired statement count 1."
        raise SqlError("000008", "0A000", message)
    expression = found[0]
    if isinstance(expression, exp.Use) and not expression.args.get("kind"):
        kind = "SCHEMA" if isinstance(expression.this, exp.Table) and expression.this.db else "DATABASE"
        expression.set("kind", exp.Var(this=kind))
    return expression


def rewrite(
    expression: exp.Expression, session_values: Mapping[str, str | None], temporary: Collection[str] = ()
) -> exp.Expression:
    """Rewrite a statement in place.

    Args:
        expression: the parsed statement.
        session_values: CURRENT_ROLE and the like, by name.
        temporary: names of the session's temporary tables, in upper case.
    """
    _unqualify_temporary(expression, temporary)
    _name_projections(expression)
    _keep_zone(expression)
    return expression.transform(lambda node: _node(node, session_values), copy=False)


def _node(node: exp.Expression, session_values: Mapping[str, str | None]) -> exp.Expression:
    if (name := _function_name(node)) in session_values:
        value = session_values[name]
        return exp.null() if value is None else exp.Literal.string(value)
    if isinstance(node, exp.ToChar) and (picture := node.args.get("format")) is not None:
        pattern = _DATE_FORMAT.sub(lambda match: _DATE_FORMATS[match[0].upper()], picture.name)
        return exp.Anonymous(this="strftime", expressions=[node.this, exp.Literal.string(pattern)])
    if isinstance(node, exp.Array) and not isinstance(node.parent, exp.Cast):
        return exp.Anonymous(this="json_array", expressions=[item.copy() for item in node.expressions])
    if isinstance(node, exp.CurrentDate) and not isinstance(node.parent, exp.Cast):
        # DATEADD of a DATE is a DATE; fakesnow sees that only through a cast.
        return exp.cast(node.copy(), "date")
    return node


def _function_name(node: exp.Expression) -> str:
    if isinstance(node, exp.Anonymous):
        return node.name.upper()
    if isinstance(node, exp.Func):
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(node).__name__).upper()
    return ""


def _name_projections(expression: exp.Expression) -> None:
    """Give an unnamed result column the name that Snowflake gives it: its own text in upper case."""
    if not isinstance(expression, exp.Select):
        return
    named = [
        projection
        if isinstance(projection, exp.Alias | exp.Column | exp.Star) or projection.find(exp.Star, exp.Placeholder)
        else exp.alias_(projection, projection.sql(dialect="snowflake").upper(), quoted=True)
        for projection in expression.expressions
    ]
    counts = [
        exp.alias_(projection, "COUNT(*)", quoted=True) if isinstance(projection, exp.Count) else projection
        for projection in named
    ]
    expression.set("expressions", counts)


def _keep_zone(expression: exp.Expression) -> None:
    """CONVERT_TIMEZONE(zone, instant) as a result column is a TIMESTAMP_TZ: the instant, shown in that zone.

    Inside other expressions fakesnow's wall clock in that zone is what is asked for.
    """
    for projection in expression.expressions if isinstance(expression, exp.Select) else []:
        node = projection.unalias()
        if isinstance(node, exp.ConvertTimezone) and node.args.get("source_tz") is None:
            node.replace(exp.cast(node.args["timestamp"].copy(), "timestamptz", dialect="duckdb"))


def _unqualify_temporary(expression: exp.Expression, temporary: Collection[str]) -> None:
    """DuckDB keeps temporary tables in a catalog of its own, so DATABASE.SCHEMA in front of their name is dropped."""
    created = isinstance(expression, exp.Create) and expression.kind == "TABLE"
    if created and expression.find(exp.TemporaryProperty) and (table := expression.find(exp.Table)):
        temporary = {*temporary, table.name.upper()}
    for table in expression.find_all(exp.Table) if temporary else ():
        if table.db and table.name.upper() in temporary:
            table.set("db", None)
            table.set("catalog", None)
