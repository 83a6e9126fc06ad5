"""What BigQuery is asked: a run's rows into a table of their own, what is known of them, how many there would be.

The rows of a run are kept in a staging table, so that what is judged is what is written, whatever happens to the source
meanwhile, and so that tasks which write side by side scan the source once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from drivetrain.errors import FatalError
from drivetrain.features.gates import NUMBERS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from drivetrain.features.registry import RegisteredView, Source
    from drivetrain.features.spec import Gates
    from drivetrain.features.view import View
    from drivetrain.features.window import Window

SHARD = "drivetrain_shard"
DELETED = "drivetrain_deleted"  # only where the view has a deleted_field
STAGED_DAYS = 3  # for as long a refused run's rows can be looked at
QUANTILES = 20
DIALECT = "bigquery"
_SOURCE = "source"


@dataclass(frozen=True)
class Statement:
    """Text for BigQuery, and the values of its named parameters."""

    sql: str
    parameters: Mapping[str, dt.datetime]


def stage(registered: RegisteredView, window: Window, *, target: str, shards: int) -> Statement:
    """Make a table of a window's rows: of each entity the latest, and all that have no entity.

    Args:
        registered: the view.
        window: which rows.
        target: project.dataset.table; one that is there is replaced.
        shards: rows get a number below that, the same for an entity each time.

    Raises:
        FatalError: the view's source is no table and no query.
    """
    view = registered.view
    keys = [_column(name) for name in view.join_keys]
    without_entity = [key.copy().is_(exp.null()) for key in keys]
    rows = (
        exp.select(*(_column(name) for name in dict.fromkeys(view.columns)))
        .select(*([_column(DELETED)] if registered.deleted_field else []))
        .select(_shard(keys, shards).as_(SHARD, quoted=True))
        .from_(source_rows(registered))
        .where(*_conditions(view, window))
        .qualify(exp.or_(*without_entity, _rank(registered).eq(1)))
    )
    return Statement(staged_as(target, rows.sql(DIALECT), cluster_by=SHARD), window.parameters)


def _shard(keys: Sequence[exp.Expr], shards: int) -> exp.Expr:
    if shards == 1:
        return exp.Literal.number(0)
    fingerprint = exp.func("FARM_FINGERPRINT", json_text(exp.Struct(expressions=[key.copy() for key in keys])))
    # The remainder first: the least of all integers has no absolute value.
    return exp.func("ABS", exp.func("MOD", fingerprint, exp.Literal.number(shards), dialect=DIALECT))


def staged_as(target: str, query: str, *, cluster_by: str | None = None) -> str:
    """A table of a query's rows that is there for some days; one that is there is replaced."""
    clustered = f"CLUSTER BY `{cluster_by}` " if cluster_by else ""
    return (
        f"CREATE OR REPLACE TABLE {table_named(target).sql(DIALECT)} {clustered}"
        f"OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {STAGED_DAYS} DAY)) AS {query}"
    )


def sample(registered: RegisteredView, window: Window, *, target: str, entities: int, salt: str) -> Statement:
    """Make a table of what Redis should have of some entities, drawn by chance: of each its latest row.

    Args:
        registered: the view.
        window: what is in Redis by now: rows that happened, and were made, before `until`.
        target: project.dataset.table; its rows are all of shard 0.
        entities: how many.
        salt: other ones for each text, the same for the same.
    """
    view = registered.view
    keys = [_column(name) for name in view.join_keys]
    conditions = _conditions(view, window) + [exp.not_(key.copy().is_(exp.null())) for key in keys]
    if view.created_field is not None:
        made = _column(view.created_field)
        conditions.append(exp.or_(made.copy().is_(exp.null()), made < exp.Parameter(this=exp.var("until"))))
    drawn = exp.func(
        "CONCAT", json_text(exp.Struct(expressions=[key.copy() for key in keys])), exp.Literal.string(salt)
    )
    rows = (
        exp.select(*(_column(name) for name in dict.fromkeys(view.columns)))
        .select(exp.Literal.number(0).as_(SHARD, quoted=True))
        .from_(source_rows(registered))
        .where(*conditions)
        .qualify(_rank(registered).eq(1))
        .order_by(exp.func("FARM_FINGERPRINT", drawn))
        .limit(entities)
    )
    return Statement(staged_as(target, rows.sql(DIALECT)), window.parameters)


def count(registered: RegisteredView, window: Window) -> Statement:
    """How many rows of a window there are, as `n`, with all that an entity has."""
    number = exp.Count(this=exp.Star()).as_("n")
    query = exp.select(number).from_(source_rows(registered)).where(*_conditions(registered.view, window))
    return Statement(query.sql(DIALECT), window.parameters)


def profile(registered: RegisteredView, gates: Gates, *, staged: str) -> Statement:
    """One row of figures on staged rows: `n`, `deleted`, and some for each feature that has a gate.

    For the gate at place i: `nulls_i`, and where they are asked for `outside_i`, `least_i`, `most_i` and `quantiles_i`.
    `deleted` are rows that take an entity's features away; they are among `n` alone.

    Args:
        registered: what the rows are of.
        gates: what they will be held to.
        staged: the table.
    """
    view, is_deleted = registered.view, _column(DELETED) if registered.deleted_field else exp.false()
    figures: list[exp.Expr] = [exp.Count(this=exp.Star()).as_("n"), _count_if(is_deleted, "deleted")]
    for number, (name, gate) in enumerate(gates.features.items()):
        kind, value = view.features[name].name, _value(view, name)
        is_null = exp.and_(_is_nothing(value, kind), exp.not_(is_deleted.copy()))
        figures.append(_count_if(is_null, f"nulls_{number}"))
        if kind not in NUMBERS:
            continue
        if gate.is_bounded:
            bounds: list[exp.Expr] = [value.copy() < gate.min] if gate.min is not None else []
            bounds += [value.copy() > gate.max] if gate.max is not None else []
            figures.append(_count_if(exp.or_(*bounds), f"outside_{number}"))
        figures.append(exp.Min(this=value.copy()).as_(f"least_{number}"))
        figures.append(exp.Max(this=value.copy()).as_(f"most_{number}"))
        if gate.max_psi is not None:
            quantiles = exp.func("APPROX_QUANTILES", value.copy(), exp.Literal.number(QUANTILES))
            figures.append(quantiles.as_(f"quantiles_{number}"))
    return Statement(exp.select(*figures).from_(table_named(staged)).sql(DIALECT), {})


def at_most(view: View, edges: Mapping[str, Sequence[float]], *, staged: str) -> Statement:
    """One row: for the feature at place i `at_most_i`, of each of its edges how many values are at most that."""
    figures = [
        exp.Array(expressions=[exp.CountIf(this=_value(view, name) <= edge) for edge in asked]).as_(f"at_most_{number}")
        for number, (name, asked) in enumerate(edges.items())
    ]
    return Statement(exp.select(*figures).from_(table_named(staged)).sql(DIALECT), {})


def shard_is(number: int) -> str:
    """A restriction of rows for BigQuery's Storage Read API.

    https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#tablereadoptions
    """
    return f"{SHARD} = {number:d}"


def _rank(registered: RegisteredView) -> exp.Window:
    """1 for the latest row of each entity.

    Of rows that are made at the same time one that deletes; of others always the same one: a run that is repeated must
    not choose another.
    """
    view = registered.view
    made = [_column(view.created_field).desc()] if view.created_field else []
    whole = exp.Struct(expressions=[_column(name) for name in view.features])
    deletes = [_column(DELETED).desc()] if registered.deleted_field else []
    order = [_column(view.timestamp_field).desc(), *made, *deletes, json_text(whole).desc()]
    return exp.Window(
        this=exp.RowNumber(),
        partition_by=[_column(name) for name in view.join_keys],
        order=exp.Order(expressions=order),
    )


def _conditions(view: View, window: Window) -> list[exp.Expr]:
    happened = _column(view.timestamp_field)
    found: list[exp.Expr] = [happened.copy() < exp.Parameter(this=exp.var("until"))]
    if window.since is not None:
        found.append(happened.copy() >= exp.Parameter(this=exp.var("since")))
    if window.news_since is not None:
        news = [happened] + ([_column(view.created_field)] if view.created_field else [])
        found.append(exp.or_(*(column >= exp.Parameter(this=exp.var("news_since")) for column in news)))
    return found


def source_rows(registered: RegisteredView) -> exp.Table | exp.Subquery:
    """A view's table or query, its columns called as the view calls them.

    Where the view has a column of deletions, rows that delete have no feature, and all of them DELETED.

    Raises:
        FatalError: it has neither, or its query can't be read.
    """
    source, view = registered.source, registered.view
    if not source.table and not source.query:
        raise FatalError(f"feature view {view.name}: its source is no table and no query of BigQuery's")
    rows = table_named(source.table) if source.table else _query(source, view).subquery()
    deleted = registered.deleted_field
    if not source.field_mapping and not deleted:
        rows.set("alias", exp.TableAlias(this=exp.to_identifier(_SOURCE)))
        return rows
    there = {here: there for there, here in source.field_mapping}

    def column(name: str) -> exp.Column:
        return exp.column(there.get(name, name), quoted=True)

    columns: list[exp.Expr] = []
    for name in dict.fromkeys(view.columns):
        if deleted and name in view.features:
            value: exp.Expr = exp.If(this=column(deleted), true=exp.null(), false=column(name))
        else:
            value = column(name)
        columns.append(value.as_(name, quoted=True) if deleted or name in there else value)
    if deleted:
        columns.append(exp.func("IFNULL", column(deleted), exp.false(), dialect=DIALECT).as_(DELETED, quoted=True))
    return exp.select(*columns).from_(rows).subquery(_SOURCE)


def _query(source: Source, view: View) -> exp.Query:
    try:
        query = sqlglot.parse_one(source.query, dialect=DIALECT)
    except SqlglotError as error:
        raise FatalError(f"feature view {view.name}: its query can't be read: {str(error).splitlines()[0]}") from None
    if not isinstance(query, exp.Query):
        raise FatalError(f"feature view {view.name}: its query is no SELECT")
    return query


def table_named(name: str) -> exp.Table:
    """A table by its whole name.

    Raises:
        FatalError: the name has other than two or three parts.
    """
    parts = name.split(".")
    if len(parts) not in (2, 3) or not all(parts):
        raise FatalError(f"table {name}: write it as project.dataset.table")
    table, dataset, *project = reversed(parts)
    return exp.table_(table, db=dataset, catalog=project[0] if project else None, quoted=True)


def _column(name: str) -> exp.Column:
    return exp.column(name, quoted=True)


def json_text(value: exp.Expr) -> exp.Expr:
    """A value that is the same text each time."""
    return exp.Anonymous(this="TO_JSON_STRING", expressions=[value])


def _value(view: View, name: str) -> exp.Expr:
    column = _column(name)
    if view.features[name].name in ("FLOAT", "DOUBLE"):  # what is not a number is no value in Redis either
        return exp.func("IF", exp.func("IS_NAN", column.copy()), exp.null(), column)
    return column


def _is_nothing(value: exp.Expr, kind: str) -> exp.Expr:
    if kind.endswith(("_LIST", "_SET")):  # in BigQuery a collection that is null is one without items
        return exp.func("COALESCE", exp.Anonymous(this="ARRAY_LENGTH", expressions=[value]), 0).eq(0)
    return value.is_(exp.null())


def _count_if(condition: exp.Expr, name: str) -> exp.Expr:
    return exp.CountIf(this=condition).as_(name)
