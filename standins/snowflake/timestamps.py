"""Which time zone a returned timestamp shows.

DuckDB keeps an instant and no offset, for TIMESTAMP_TZ and TIMESTAMP_LTZ alike. The stand-in gives a TIMESTAMP_TZ
back at the account's time zone, except where the statement itself names the offset (a literal) or the zone
(CONVERT_TIMEZONE). LTZ columns are remembered from their DDL.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from sqlglot import exp

_OFFSET = re.compile(r"([+-]\d{2}):?(\d{2})?$|(Z)$", re.IGNORECASE)
_LOCAL_FUNCTIONS = (exp.CurrentTimestamp, exp.CurrentTimestampLTZ)


def is_local(projection: exp.Expression | None, name: str, ltz_columns: Collection[str]) -> bool:
    """Tell whether a result column is a TIMESTAMP_LTZ, from its projection or (under a star) from its name."""
    node = projection.unalias() if projection is not None else None
    if node is None or isinstance(node, exp.Star):
        return name in ltz_columns
    if isinstance(node, exp.Column):
        return isinstance(node.this, exp.Star) or (
            node.name.upper() in ltz_columns
            and name.upper()
            in (
                node.name.upper(),
                projection.alias_or_name.upper(),
            )
        )
    if isinstance(node, exp.Cast):
        return node.to.this == exp.DataType.Type.TIMESTAMPLTZ
    return isinstance(node, _LOCAL_FUNCTIONS)


def named_zone(projection: exp.Expression | None) -> str | None:
    """The offset ("+05:30") or zone that the projection itself names, else None."""
    node = projection.unalias() if projection is not None else None
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal):
        match = _OFFSET.search(node.this.name.strip())
        if match:
            return "UTC" if match[3] else f"{match[1]}:{match[2] or '00'}"
    if isinstance(node, exp.ConvertTimezone) and isinstance(node.args.get("target_tz"), exp.Literal):
        return str(node.args["target_tz"].name)
    return None


def ltz_columns(statement: exp.Expression) -> list[str]:
    """Names of the columns that a CREATE TABLE or ALTER TABLE declares as TIMESTAMP_LTZ."""
    return [
        definition.name.upper()
        for definition in statement.find_all(exp.ColumnDef)
        if definition.kind is not None and definition.kind.this == exp.DataType.Type.TIMESTAMPLTZ
    ]
