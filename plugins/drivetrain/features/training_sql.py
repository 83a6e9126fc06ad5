"""Point-in-time joins: to each row the features that were known at its time, and no later ones.

Of a view the latest row of the entity counts whose event time is not after the row's time, nor older than the view's
`ttl`, and which was made by then. Rows stay as many as they are, whatever is in them.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from drivetrain.errors import FatalError
from drivetrain.features.warehouse_sql import (
    DELETED,
    DIALECT,
    Statement,
    json_text,
    source_rows,
    staged_as,
    table_named,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drivetrain.features.registry import RegisteredView, Registry

_ROWS, _ASKED, _KNOWN = "labelled", "asked", "known"


@dataclass(frozen=True)
class Asked:
    """Features of one view.

    Attributes:
        registered: the view.
        features: their names, and what they are called in the training set.
        keys: the view's join keys, and what the rows call them.
    """

    registered: RegisteredView
    features: Mapping[str, str]
    keys: Mapping[str, str]


def asked_of(registry: Registry, service: str, *, full_names: bool) -> tuple[Asked, ...]:
    """What a feature service asks for.

    Raises:
        FatalError: there is no such service, or two of its features would have one name.
    """
    if service not in registry.services:
        known = ", ".join(sorted(registry.services)) or "none"
        raise FatalError(f"feature service {service}: there is none; there are {known}")
    found = []
    for selected in registry.services[service]:
        registered = registry.view(selected.view)
        called = selected.alias or selected.view
        names = {name: f"{called}__{name}" if full_names else name for name in selected.features}
        renamed = dict(selected.join_key_map)
        keys = {key: renamed.get(key, key) for key in registered.view.join_keys}
        found.append(Asked(registered, names, keys))
    names_of_all = Counter(name for asked in found for name in asked.features.values())
    if twice := sorted(name for name, count in names_of_all.items() if count > 1):
        raise FatalError(
            f"feature service {service}: {', '.join(twice)} comes from several views: set full_names in the spec"
        )
    return tuple(found)


def labelled_rows(sql: str, *, where: str, target: str) -> Statement:
    """Keep the rows that are to get features: their query is asked once, so that it may say what it likes.

    Args:
        sql: a SELECT.
        where: its file, for errors.
        target: the table.

    Raises:
        FatalError: it is no SELECT.
    """
    try:
        query = sqlglot.parse_one(sql, dialect=DIALECT)
    except SqlglotError as error:
        raise FatalError(f"{where}: can't be read: {str(error).splitlines()[0]}") from None
    if not isinstance(query, exp.Query):
        raise FatalError(f"{where}: is no SELECT")
    return Statement(staged_as(target, query.sql(DIALECT)), {})


def check_columns(columns: Sequence[str], asked: Sequence[Asked], time: str, *, where: str) -> None:
    """Whether rows have what features are looked up by.

    Raises:
        FatalError: a column is missing, or has a feature's name.
    """
    needed = {time, *(name for each in asked for name in each.keys.values())}
    if missing := sorted(needed - set(columns)):
        raise FatalError(f"{where}: has no column {', '.join(missing)}; it has {', '.join(columns)}")
    features = {name for each in asked for name in each.features.values()}
    if taken := sorted(features & set(columns)):
        raise FatalError(
            f"{where}: column {', '.join(taken)} is a feature's name: call it otherwise, or set full_names"
        )


def with_features(
    asked: Sequence[Asked], columns: Sequence[str], *, labelled: str, time: str, target: str, as_known: bool
) -> Statement:
    """The training set, made anew.

    Args:
        asked: see asked_of.
        columns: of the rows.
        labelled: their table.
        time: the column of their times.
        target: the table to make.
        as_known: whether a row of features has to be made by the time it is asked for.
    """
    rows = table_named(labelled)
    rows.set("alias", exp.TableAlias(this=exp.to_identifier(_ROWS)))
    chosen: list[exp.Expr] = [_column(name, _ROWS) for name in columns]
    query = exp.select().from_(rows)
    for number, each in enumerate(asked):
        name = f"view_{number}"
        chosen += [_column(called, name) for called in each.features.values()]
        same = [_column(column, name).eq(_column(column, _ROWS)) for column in _looked_up_by(each, time)]
        features = _known_then(each, labelled=labelled, time=time, as_known=as_known)
        query = query.join(features.subquery(name), on=exp.and_(*same), join_type="left")
    text = query.select(*chosen).sql(DIALECT)
    return Statement(f"CREATE OR REPLACE TABLE {table_named(target).sql(DIALECT)} AS {text}", {})


def _known_then(asked: Asked, *, labelled: str, time: str, as_known: bool) -> exp.Select:
    """The features of each entity at each time that rows ask for, once."""
    view, ttl = asked.registered.view, asked.registered.ttl
    by = _looked_up_by(asked, time)
    entities = exp.select(*(exp.column(name, quoted=True) for name in by)).distinct().from_(table_named(labelled))
    happened, then = _column(view.timestamp_field, _KNOWN), _column(time, _ASKED)
    conditions: list[exp.Expr] = [
        _column(key, _KNOWN).eq(_column(column, _ASKED)) for key, column in asked.keys.items()
    ]
    conditions.append(happened.copy() <= then.copy())
    if ttl is not None:
        age = exp.Interval(
            this=exp.Literal.number(int(ttl / dt.timedelta(microseconds=1))), unit=exp.var("MICROSECOND")
        )
        conditions.append(happened.copy() >= exp.func("TIMESTAMP_SUB", then.copy(), age, dialect=DIALECT))
    order: list[exp.Expr] = [exp.Ordered(this=happened.copy(), desc=True)]
    if view.created_field is not None:
        made = _column(view.created_field, _KNOWN)
        if as_known:  # a row that was made at no known time was made before all others
            conditions.append(exp.or_(made.copy().is_(exp.null()), made.copy() <= then.copy()))
        order.append(exp.Ordered(this=made, desc=True, nulls_first=False))
    if asked.registered.deleted_field:
        order.append(exp.Ordered(this=_column(DELETED, _KNOWN), desc=True))
    whole = exp.Struct(expressions=[_column(name, _KNOWN) for name in view.features])
    order.append(exp.Ordered(this=json_text(whole), desc=True))
    rank = exp.Window(
        this=exp.RowNumber(),
        partition_by=[_column(name, _ASKED) for name in by],
        order=exp.Order(expressions=order),
    )
    source = source_rows(asked.registered)
    source.set("alias", exp.TableAlias(this=exp.to_identifier(_KNOWN)))
    features = (_column(name, _KNOWN).as_(called, quoted=True) for name, called in asked.features.items())
    return (
        exp.select(*(_column(name, _ASKED) for name in by), *features)
        .from_(entities.subquery(_ASKED))
        .join(source, on=exp.and_(*conditions))
        .where(exp.true())  # BigQuery wants one beside QUALIFY
        .qualify(rank.eq(1))
    )


def _looked_up_by(asked: Asked, time: str) -> list[str]:
    return list(dict.fromkeys((*asked.keys.values(), time)))


def _column(name: str, table: str) -> exp.Column:
    return exp.column(name, table=table, quoted=True)
