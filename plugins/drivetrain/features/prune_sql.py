"""Which of the entities in Redis are to be forgotten: what BigQuery is asked, once it has their keys in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from drivetrain.features.warehouse_sql import (
    DIALECT,
    SHARD,
    Statement,
    source_rows,
    staged_as,
    table_named,
)

if TYPE_CHECKING:
    import datetime as dt

    from drivetrain.features.registry import RegisteredView
    from drivetrain.features.view import View

KEY, SEEN = "drivetrain_key", "drivetrain_seen"
_TYPES = {"STRING": "STRING", "BYTES": "BYTES", "INT32": "INT64", "INT64": "INT64", "UNIX_TIMESTAMP": "TIMESTAMP"}
_ONLINE, _KNOWN, _IS_KNOWN = "online", "known", "drivetrain_is_known"


def online_schema(view: View) -> pa.Schema:
    """Of the table of what is in Redis: join keys, the key, and the event time that was seen, in microseconds."""
    keys = [pa.field(name, _stored(kind.arrow)) for name, kind in view.join_keys.items()]
    return pa.schema([*keys, pa.field(KEY, pa.binary()), pa.field(SEEN, pa.int64())])


def _stored(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp("us", "UTC") if pa.types.is_timestamp(kind) else kind


def online_table(view: View, *, target: str) -> Statement:
    """An empty table for that.

    Args:
        view: whose entities.
        target: project.dataset.table; one that is there is replaced.
    """
    types = {name: _TYPES[kind.name] for name, kind in view.join_keys.items()} | {KEY: "BYTES", SEEN: "INT64"}
    columns = (exp.cast(exp.null(), kind, dialect=DIALECT).as_(name, quoted=True) for name, kind in types.items())
    return Statement(staged_as(target, exp.select(*columns).limit(0).sql(DIALECT)), {})


def gone(registered: RegisteredView, *, online: str, target: str, older_than: dt.datetime | None) -> Statement:
    """Make a table of what is to be forgotten: KEY and SEEN, all of shard 0.

    Args:
        registered: the view.
        online: the table of what is in Redis.
        target: project.dataset.table; one that is there is replaced.
        older_than: event times that are of no use any more; None: there are none.
    """
    view = registered.view
    known = (
        exp.select(*(exp.column(name, quoted=True) for name in view.join_keys))
        .select(exp.true().as_(_IS_KNOWN))
        .distinct()
        .from_(source_rows(registered))
    )
    same = [
        exp.column(name, table=_ONLINE, quoted=True).eq(exp.column(name, table=_KNOWN, quoted=True))
        for name in view.join_keys
    ]
    seen = exp.column(SEEN, table=_ONLINE)
    condition: exp.Expr = exp.column(_IS_KNOWN, table=_KNOWN).is_(exp.null())
    if older_than is not None:
        condition = exp.or_(condition, seen.copy() < int(older_than.timestamp() * 1_000_000))
    there = table_named(online)
    there.set("alias", exp.TableAlias(this=exp.to_identifier(_ONLINE)))
    rows = (
        exp.select(exp.column(KEY, table=_ONLINE), seen, exp.Literal.number(0).as_(SHARD, quoted=True))
        .distinct()  # Redis may have told one twice
        .from_(there)
        .join(known.subquery(_KNOWN), on=exp.and_(*same), join_type="left")
        .where(condition)
    )
    return Statement(staged_as(target, rows.sql(DIALECT)), {})
