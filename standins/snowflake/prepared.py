"""SELECTs that were translated before: translating takes most of a small query, and clients repeat themselves."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

# What these give hangs on more than the text and the current schema: the session, the last statement, a stage.
_OF_THE_MOMENT = re.compile(
    r"\b(RESULT_SCAN|LAST_QUERY_ID|RANDOM|RANDSTR|UNIFORM|SAMPLE|TABLESAMPLE|NEXTVAL|CURRENT_(?!DATE|TIME)\w+|"
    r"INFORMATION_SCHEMA|GETVARIABLE)\b|[@$?]|%\w*\(",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Description:
    """What the columns of a result were.

    Attributes:
        generation: of the catalog, see PreparedSelects.
        schema: of the Arrow table, which tells less than DuckDB's types.
        types: name and DuckDB type of each column.
    """

    generation: int
    schema: pa.Schema
    types: list[tuple[str, str]]


@dataclass
class Prepared:
    """A translated SELECT.

    Attributes:
        expression: as it ran in DuckDB; only read.
        sql: the same as DuckDB's text.
        described: its columns when it ran the last time.
    """

    expression: exp.Expression
    sql: str
    described: Description | None = None


class PreparedSelects:
    """The translations that were used last, of all sessions; thread-safe.

    Args:
        most: how many are kept.

    Attributes:
        generation: another one after each DDL: columns may be others.
    """

    def __init__(self, most: int = 5_000) -> None:
        self._most, self.generation = most, 0
        self._kept: OrderedDict[object, Prepared] = OrderedDict()
        self._lock = threading.Lock()

    def outdate(self) -> None:
        """The catalog changes: called before and after."""
        with self._lock:
            self.generation += 1

    @staticmethod
    def key(sql: str, session: Hashable) -> object | None:
        """What a translation hangs on, or None where that is more than the text and what `session` holds."""
        if not sql.lstrip("(").lstrip()[:6].upper().startswith(("SELECT", "WITH", "--")) or _OF_THE_MOMENT.search(sql):
            return None
        return sql, session

    def get(self, key: object) -> Prepared | None:
        """The translation, if it is here."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: object, expression: exp.Expression | None, sql: str) -> None:
        """Remember a translation, unless it is no plain SELECT or says more than its text does."""
        if not isinstance(expression, exp.Select) or not set(expression.args) <= set(exp.Select.arg_types):
            return
        with self._lock:
            self._kept[key] = Prepared(expression, sql)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
