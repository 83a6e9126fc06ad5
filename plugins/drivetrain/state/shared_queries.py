"""Ids of queries whose results other syncs may fetch, shared by all processes."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from drivetrain.state.tables import shared_queries, sheet_syncs
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine

_LOCK_NOT_AVAILABLE = "55P03"  # https://www.postgresql.org/docs/current/errcodes-appendix.html
_KEPT = dt.timedelta(hours=24)  # no longer than Snowflake keeps the results


@dataclass(frozen=True)
class KnownQuery:
    """A query that ran.

    Attributes:
        query_id: Snowflake's.
        read_at: when it began: its result is at least as fresh as that.
    """

    query_id: str
    read_at: dt.datetime


class Turn:
    """One's turn at a query: nobody else runs it meanwhile.

    Attributes:
        known: what somebody before has run; None: run it, and say so.
    """

    def __init__(self, connection: Connection, key: str, known: KnownQuery | None) -> None:
        self._connection, self._key, self.known = connection, key, known

    def ran(self, query: KnownQuery) -> None:
        """Let the others know; they do once the turn is over."""
        c = shared_queries.c
        row = insert(shared_queries).values(key=self._key, query_id=query.query_id, read_at=query.read_at)
        newer = {"query_id": row.excluded.query_id, "read_at": row.excluded.read_at}
        self._connection.execute(row.on_conflict_do_update(index_elements=["key"], set_=newer))
        self._connection.execute(sa.delete(shared_queries).where(c.read_at < query.read_at - _KEPT))


class SharedQueries:
    """The ids.

    Args:
        engine: of the database that drivetrain.state.migrate has prepared.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_several(self) -> frozenset[str]:
        """The drivetrain.sheets.registry.query_key of each query that at least two syncs have."""
        c = sheet_syncs.c
        of_present = sa.select(c.query_key).where(c.removed_at.is_(None), c.query_key.is_not(None))
        query = of_present.group_by(c.query_key).having(sa.func.count() > 1)
        with transaction(self._engine) as connection:
            return frozenset(connection.execute(query).scalars())

    @contextmanager
    def turn(self, key: str, *, since: dt.datetime, patience_seconds: float = 300) -> Iterator[Turn]:
        """Wait until nobody else is at this query, and find out whether it has been run.

        It is a lock of a transaction, so a process that dies lets go of it. Whoever waits longer than their patience
        goes on without it, and runs the query too.

        Args:
            key: of the query with all that its result depends on.
            since: what ran before this is of no use.
            patience_seconds: the longest wait.

        Raises:
            UnavailableError: the database can't be reached.
        """
        c = shared_queries.c
        with transaction(self._engine) as connection:
            _take(connection, key, patience_seconds)
            row = connection.execute(sa.select(c.query_id, c.read_at).where(c.key == key, c.read_at >= since)).first()
            yield Turn(connection, key, KnownQuery(row.query_id, row.read_at) if row else None)


def _take(connection: Connection, key: str, patience_seconds: float) -> None:
    lock = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(key, 0)))
    try:
        with connection.begin_nested():
            connection.execute(sa.select(sa.func.set_config("lock_timeout", f"{patience_seconds:.0f}s", True)))
            connection.execute(lock)
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
            raise
