"""Which tables a query reads, and whether it says the same again as long as these are unchanged. Pure, from its text.

Everything here errs to one side: what isn't understood is not repeatable, and such a query simply runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from drivetrain.sheets.lineage import without_parameters


class TableName(NamedTuple):
    """A table as Snowflake stores its name: upper case unless it was quoted. "" stands for the session's default."""

    database: str
    schema: str
    name: str

    def within(self, database: str, schema: str) -> TableName:
        """The whole name, in a session with these defaults."""
        return TableName(self.database or database, self.schema or schema, self.name)


@dataclass(frozen=True)
class QuerySource:
    """What a query reads.

    Attributes:
        tables: sorted, each once; its own CTEs left out. Without any there is nothing that could tell of a change.
        is_repeatable: the tables' rows and the bound parameters alone decide on its result.
    """

    tables: tuple[TableName, ...]
    is_repeatable: bool


_UNKNOWN = QuerySource((), False)

# What a result may depend on beside tables and parameters, as the parser calls it. What it has no type for is below.
_OTHER_CAUSES = re.compile(
    r"""
    Current\w* | Local\w* | Systimestamp | Utc\w*                  # the moment; who asks, and where
    | SessionUser | SessionParameter | Parameter | Placeholder      # variables, of the session or of the statement
    | Rand\w* | Uniform | Normal | Zipf | Uuid | TableSample        # chance
    | Seq\d | NextValueFor | Generator                              # counters
    | AI\w* | ML\w* | Predict | Generate\w*                         # models
    | HistoricalData | Changes                                      # other rows than the table has now
    | ToFile | DirectoryStage | DynamicIdentifier | SemanticView    # files, names that are known only when it runs
    | Dot                                                           # among others, a function of somebody's schema
    | Command | Into | Lock                                         # no plain question
    """,
    re.VERBOSE,
)
# Functions of Snowflake that the parser has no type for and that depend on their arguments alone:
# https://docs.snowflake.com/en/sql-reference/functions-all. Any other may be somebody's own, which may read anything.
_PLAIN_FUNCTIONS = re.compile(
    r"""
    TRUNC | TRUNCATE | HASH | HAVERSINE | LIKE_ALL | RATIO_TO_REPORT
    | CONDITIONAL_TRUE_EVENT | CONDITIONAL_CHANGE_EVENT
    | TO_OBJECT | OBJECT_DELETE | OBJECT_PICK | ARRAYS_TO_OBJECT
    | AS_(ARRAY|BOOLEAN|CHAR|DATE|DECIMAL|DOUBLE|INTEGER|NUMBER|OBJECT|VARCHAR)
    | IS_(BOOLEAN|CHAR|DATE|DECIMAL|DOUBLE|INTEGER|OBJECT|REAL|TIMESTAMP_NTZ|VARCHAR)
    | ST_(CONTAINS|WITHIN|X|Y) | TO_GEOGRAPHY | H3_LATLNG_TO_CELL
    """,
    re.VERBOSE | re.IGNORECASE,
)
# FLATTEN and its like make rows of a value of the row beside them.
_PLAIN_ROW_FUNCTIONS = (exp.Explode, exp.SplitToTable)
_METADATA_SCHEMAS = frozenset({"INFORMATION_SCHEMA", "ACCOUNT_USAGE", "READER_ACCOUNT_USAGE", "ORGANIZATION_USAGE"})


@lru_cache(maxsize=8192)
def query_source(sql: str) -> QuerySource:
    """What a query of Snowflake's reads; %(name)s may stand where a value does. Parsed once for each text."""
    try:
        statements = [
            part
            for part in sqlglot.parse(without_parameters(sql).replace("%%", "%"), read="snowflake")
            if part is not None
        ]
        statements = [part for part in statements if not isinstance(part, exp.Semicolon)]
        if len(statements) != 1 or not isinstance(statements[0], exp.Query):
            return _UNKNOWN
        return _source(statements[0])
    except (SqlglotError, RecursionError):
        return _UNKNOWN


def _source(query: exp.Query) -> QuerySource:
    found: set[TableName] = set()
    seen: set[int] = set()
    is_plain = not any(_is_beyond_the_tables(node) for node in query.walk())
    for scope in traverse_scope(query):
        for table in scope.tables:
            seen.add(id(table))
            if not isinstance(scope.sources.get(table.alias_or_name), exp.Table):
                continue  # one of the query's own CTEs
            if not isinstance(table.this, exp.Identifier):
                is_plain = False  # a stage, a function, a name that is only known when it runs
                continue
            name = TableName(_folded(table.args.get("catalog")), _folded(table.args.get("db")), _folded(table.this))
            is_plain &= name.schema not in _METADATA_SCHEMAS
            found.add(name)
    every_table = all(id(table) in seen for table in query.find_all(exp.Table))
    return QuerySource(tuple(sorted(found)), is_plain and every_table and bool(found))


def _is_beyond_the_tables(node: exp.Expr) -> bool:
    if _OTHER_CAUSES.fullmatch(type(node).__name__):
        return True
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        return _PLAIN_FUNCTIONS.fullmatch(node.name) is None
    if isinstance(node, exp.Lateral | exp.TableFromRows):
        return not isinstance(node.this, (*_PLAIN_ROW_FUNCTIONS, exp.Subquery))
    if isinstance(node, exp.Column):
        return node.name.upper() in ("NEXTVAL", "CURRVAL") or node.name.upper().startswith("METADATA$")
    return False


def _folded(identifier: exp.Expr | None) -> str:
    if identifier is None:
        return ""
    return str(identifier.name) if identifier.args.get("quoted") else str(identifier.name).upper()
