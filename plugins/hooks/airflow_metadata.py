# ruff: noqa: S608 - made of constants of this file and of drivetrain.cleanup.tables alone; every value is a parameter
"""Airflow's own database, by a connection and a role of its own: what the clean-up may see and delete.

A task has no session of Airflow's (Airflow 3 hands it the execution API and nothing else), and should have none: this
role may read and delete history, and can't change a connection, a variable or a user. docs/CLEANUP.md has its grants.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from sqlalchemy.exc import DBAPIError

from drivetrain.cleanup.metadata import BatchTooLongError, Deleted, OldRun, RowsBusyError, Window
from drivetrain.cleanup.tables import AGED, ALIVE, DAG_VERSIONS, FINISHED, RUN_PARTS, Part
from drivetrain.dags.parsed import TEAM_TAG
from drivetrain.errors import AccessDeniedError, DrivetrainError, FatalError, UnavailableError
from hooks.postgres_url import postgres_url

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy.engine import Connection, Engine

    from drivetrain.cleanup.metadata import Cut, Position
    from drivetrain.cleanup.tables import Aged

_READ_SECONDS = 15.0
_LOCK_SECONDS = 0.2
_IDLE_SECONDS = 10.0
_VACUUM_SECONDS = 900.0
_ROWS_A_FETCH = 1_000

# A statement that reads a whole table would be as long as the table: better an index, whatever the statistics say of a
# table that grew or shrank since they were made. It costs a plan nothing where there is no index.
_LIMITS = sa.text(
    "SELECT set_config('statement_timeout', :statement, true), set_config('lock_timeout', :lock, true), "
    "set_config('idle_in_transaction_session_timeout', :idle, true), set_config('enable_seqscan', 'off', true)"
)

_CUTOFFS = "unnest(CAST(:dags AS text[]), CAST(:befores AS timestamptz[])) AS c(dag_id, before)"
# By its end as well: a backfill of last year that ran today is not old.
_IS_OLD = (
    "r.state = ANY(:finished) AND r.run_after < c.before "
    "AND COALESCE(r.end_date, r.updated_at, r.run_after) < c.before "
    "AND NOT EXISTS (SELECT 1 FROM task_instance a "
    "WHERE a.dag_id = r.dag_id AND a.run_id = r.run_id AND a.state = ANY(:alive))"
)
_OLD_RUNS = (
    f"SELECT r.id, r.run_after FROM dag_run r JOIN {_CUTOFFS} ON c.dag_id = r.dag_id "
    f"WHERE r.run_after < :newest AND (r.run_after, r.id) > (:after, :after_id) AND r.id <> ALL(:kept) AND {_IS_OLD} "
    "ORDER BY r.run_after, r.id LIMIT :limit"
)
# The scheduler takes no lock on a run that ended, and skips what is locked. Who clears such a run waits for a batch.
_LOCK_RUNS = (
    f"SELECT r.id FROM dag_run r JOIN {_CUTOFFS} ON c.dag_id = r.dag_id "
    f"WHERE r.id = ANY(:runs) AND {_IS_OLD} FOR NO KEY UPDATE OF r SKIP LOCKED"
)
# Every DAG id once, by one look into the index each, however many runs they have.
_DAG_IDS = (
    "WITH RECURSIVE d AS ((SELECT dag_id FROM dag_run ORDER BY dag_id LIMIT 1) UNION ALL "
    "SELECT (SELECT r.dag_id FROM dag_run r WHERE r.dag_id > d.dag_id ORDER BY r.dag_id LIMIT 1) "
    "FROM d WHERE d.dag_id IS NOT NULL) SELECT dag_id FROM d WHERE dag_id IS NOT NULL"
)
# A scheduled DAG goes on from its newest run of that type, and templates ask for the newest that succeeded.
_LATEST = (
    "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY run_after DESC, id DESC) AS place, "
    "row_number() OVER (PARTITION BY run_type, state = 'success' ORDER BY run_after DESC, id DESC) AS place_of_kind "
    "FROM dag_run WHERE dag_id = :dag) k WHERE place <= :latest OR place_of_kind = 1"
)
_START = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


class AirflowMetadataHook(BaseHook):
    """Airflow's database as drivetrain.cleanup.metadata.MetadataStore wants it.

    Args:
        metadata_conn_id: a connection of type postgres.
        batch_seconds: a transaction that deletes runs stops after the statement with which it gets longer than this.
    """

    conn_name_attr = "metadata_conn_id"
    default_conn_name = "airflow_db_cleanup"

    def __init__(self, metadata_conn_id: str = default_conn_name, *, batch_seconds: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata_conn_id, self.batch_seconds = metadata_conn_id, batch_seconds

    @cached_property
    def engine(self) -> Engine:
        """One connection.

        Raises:
            FatalError: there is none of that id.
        """
        try:
            connection = self.get_connection(self.metadata_conn_id)
        except AirflowNotFoundException:
            raise FatalError(
                f"connection {self.metadata_conn_id}: there is none: add one of type postgres to Airflow's database, "
                "see docs/CLEANUP.md"
            ) from None
        # No prepared statements: plans for the arrays at hand, and a pooler that shares connections by transaction.
        arguments = {"connect_timeout": 10, "application_name": "drivetrain cleanup", "prepare_threshold": None}
        return sa.create_engine(
            postgres_url(connection), pool_size=1, max_overflow=2, pool_pre_ping=True, connect_args=arguments
        )

    @cached_property
    def tables(self) -> frozenset[str]:
        """Those of our lists that are there and have rows."""
        names = {part.table for part in RUN_PARTS} | {aged.table for aged in (*AGED, DAG_VERSIONS)}
        query = "SELECT n FROM unnest(CAST(:names AS text[])) n WHERE to_regclass(quote_ident(n)) IS NOT NULL"
        there = self._column(query, names=[*names])
        filled = {name for name in there if self._column(f"SELECT EXISTS (SELECT 1 FROM {name})")[0]}
        return frozenset(filled | {"dag_run", "task_instance"})

    def teams(self) -> dict[str, str]:
        """The team of each DAG that has one, by its tag `team:<name>`."""
        query = "SELECT dag_id, min(name) FROM dag_tag WHERE starts_with(name, :team) GROUP BY dag_id"
        return {dag_id: tag.removeprefix(TEAM_TAG) for dag_id, tag in self._rows(query, team=TEAM_TAG)}

    def dag_ids(self) -> list[str]:
        """DAGs that have runs; some may not exist any more."""
        return self._column(_DAG_IDS)

    def latest_runs(self, dag_id: str, latest: int) -> list[int]:
        """Ids of a DAG's newest runs, and of the newest of each type, failed or not and succeeded."""
        return self._column(_LATEST, dag=dag_id, latest=latest)

    def alive_runs(self) -> set[tuple[str, str]]:
        """(DAG id, run id) of runs that have not ended."""
        query = "SELECT dag_id, run_id FROM dag_run WHERE state = 'running' UNION "  # each by an index of its own
        query += "SELECT dag_id, run_id FROM dag_run WHERE state = 'queued'"
        return {(dag_id, run_id) for dag_id, run_id in self._rows(query)}

    def database_bytes(self) -> int:
        """Size of the whole database on disk."""
        return int(self._column("SELECT pg_database_size(current_database())")[0])

    def old_runs(
        self, cutoffs: Mapping[str, dt.datetime], kept: Collection[int], after: Position | None, limit: int
    ) -> list[OldRun]:
        """See MetadataStore."""
        if not cutoffs:
            return []
        begin, begin_id = after or (_START, 0)
        given = {"after": begin, "after_id": begin_id, "kept": [*kept], "limit": limit, "newest": max(cutoffs.values())}
        return [OldRun(key, run_after) for key, run_after in self._rows(_OLD_RUNS, **given, **_old(cutoffs))]

    def count_runs(self, runs: Sequence[int]) -> dict[str, int]:
        """See MetadataStore."""
        counts: Counter[str] = Counter()
        for part in self._parts:
            query = f"SELECT count(*) FROM {part.table} t WHERE {part.rows}"
            counts[part.table] = self._column(query, runs=[*runs])[0]
        return +counts

    def run_rows(self, runs: Sequence[int]) -> Iterator[tuple[str, str]]:
        """See MetadataStore."""
        for part in self._parts:
            query = f"SELECT row_to_json(t)::text FROM {part.table} t WHERE {part.rows}"
            yield from self._json(part.table, query, runs=[*runs])

    def delete_runs(self, runs: Sequence[int], cutoffs: Mapping[str, dt.datetime], limit: int) -> Deleted:
        """See MetadataStore."""
        rows: Counter[str] = Counter()
        begun, left, is_finished = time.monotonic(), limit, True
        with self._transaction(self._statement_seconds) as connection:
            given = {"runs": [*runs], **_old(cutoffs)}
            locked = list(connection.execute(sa.text(_LOCK_RUNS), given).scalars())
            for part in self._parts if locked else ():
                if left <= 0 or time.monotonic() - begun > self.batch_seconds:
                    is_finished = False
                    break
                count = connection.execute(_delete_some(part), {"runs": locked, "left": left}).rowcount
                rows[part.table] += count
                left -= count
        # With all of `left` used up by the last table there may be more of it.
        return Deleted(+rows, time.monotonic() - begun, is_finished and left > 0)

    def window(self, table: Aged, cut: Cut, after: Position | None, limit: int) -> Window:
        """See MetadataStore."""
        if table.table not in self.tables:
            return Window((), None)
        order = ", ".join(f"t.{column}" for column in table.order)
        names = [f"after_{number}" for number in range(len(table.order))]
        begin = f"AND ({order}) > ({', '.join(f':{name}' for name in names)})" if after else ""
        query = (
            f"SELECT t.id, ({table.old}) AS is_old, {order} FROM {table.table} t "
            f"WHERE {table.window} {begin} ORDER BY {order} LIMIT :limit"
        )
        given = {**_cut(query, cut), **dict(zip(names, after or (), strict=False)), "limit": limit}
        rows = self._rows(query, **given)
        last = tuple(rows[-1][2:]) if len(rows) == limit else None
        return Window([row[0] for row in rows if row[1]], last)

    def count_aged(self, table: Aged, keys: Sequence[Any]) -> dict[str, int]:
        """See MetadataStore."""
        counts = {table.table: len(keys)}
        for name, column in table.parts:
            query = f"SELECT count(*) FROM {name} p WHERE p.{column} = ANY(:keys)"
            counts[name] = self._column(query, keys=[*keys])[0]
        return counts

    def aged_rows(self, table: Aged, keys: Sequence[Any], cut: Cut) -> Iterator[tuple[str, str]]:
        """See MetadataStore."""
        which = f"t.id = ANY(:keys) AND {table.old}"
        query = f"SELECT row_to_json(t)::text FROM {table.table} t WHERE {which}"
        yield from self._json(table.table, query, keys=[*keys], **_cut(query, cut))

    def delete_aged(self, table: Aged, keys: Sequence[Any], cut: Cut) -> Deleted:
        """See MetadataStore."""
        query = f"SELECT t.id FROM {table.table} t WHERE t.id = ANY(:keys) AND {table.old}"
        lock = f"{query} FOR UPDATE OF t SKIP LOCKED"
        rows: Counter[str] = Counter()
        begun = time.monotonic()
        with self._transaction(self._statement_seconds) as connection:
            locked = list(connection.execute(sa.text(lock), {"keys": [*keys], **_cut(lock, cut)}).scalars())
            for name, column in (*table.parts, (table.table, "id")) if locked else ():
                delete = sa.text(f"DELETE FROM {name} d WHERE d.{column} = ANY(:keys)")
                rows[name] += connection.execute(delete, {"keys": locked}).rowcount
        return Deleted(+rows, time.monotonic() - begun)

    def vacuum(self, tables: Collection[str]) -> list[str]:
        """Make the space of deleted rows usable, and tell the planner how many are left; the tables that it worked for.

        Others read and write meanwhile. The file gets no smaller: that would need a lock that everybody waits for.
        A role that doesn't own the tables needs MAINTAIN, which there is from Postgres 17 on; else Postgres skips them.
        https://www.postgresql.org/docs/current/sql-vacuum.html
        """
        done = []
        with self._mapped(), self.engine.connect() as plain:
            connection = plain.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(sa.text(f"SET statement_timeout = '{_VACUUM_SECONDS:.0f}s'"))
            notices: list[str] = []
            driver: Any = connection.connection.driver_connection
            driver.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
            for table in sorted(tables):
                notices.clear()
                connection.execute(sa.text(f'VACUUM (SKIP_LOCKED, TRUNCATE FALSE, ANALYZE) "{table}"'))
                if notices:
                    self.log.info("vacuum of %s: %s", table, "; ".join(notices))
                else:
                    done.append(table)
            connection.invalidate()  # with its time-out and its handler
        return done

    @cached_property
    def _parts(self) -> tuple[Part, ...]:
        return tuple(part for part in RUN_PARTS if part.table in self.tables)

    @property
    def _statement_seconds(self) -> float:
        return max(2.0, 4 * self.batch_seconds)

    def _rows(self, query: str, **given: Any) -> list[Any]:
        with self._transaction(_READ_SECONDS) as connection:
            return list(connection.execute(sa.text(query), given))

    def _column(self, query: str, **given: Any) -> list[Any]:
        return [row[0] for row in self._rows(query, **given)]

    def _json(self, table: str, query: str, **given: Any) -> Iterator[tuple[str, str]]:
        """Rows as they come: values of XComs may be large."""
        with self._transaction(_READ_SECONDS) as connection:
            streamed = connection.execution_options(yield_per=_ROWS_A_FETCH).execute(sa.text(query), given)
            for (row,) in streamed:
                yield table, row

    @contextmanager
    def _transaction(self, statement_seconds: float) -> Iterator[Connection]:
        with self._mapped(), self.engine.begin() as connection:
            limits = {"statement": statement_seconds, "lock": _LOCK_SECONDS, "idle": _IDLE_SECONDS}
            connection.execute(_LIMITS, {name: f"{round(seconds * 1000)}ms" for name, seconds in limits.items()})
            yield connection

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._ours(error) from None

    def _ours(self, error: DBAPIError) -> DrivetrainError:
        """What Postgres said, as what to do next: https://www.postgresql.org/docs/current/errcodes-appendix.html ."""
        state = str(getattr(error.orig, "sqlstate", None) or "")
        where = f"connection {self.metadata_conn_id}: {' '.join(str(error.orig).split())[:200]}"
        if state in {"57014", "25P03", "25P04"}:  # statement, idle or transaction time-out
            return BatchTooLongError(where)
        # a lock, a deadlock, or a row that refers to one of these since a moment ago
        if state in {"55P03", "40P01", "40001", "23503", "23001"}:
            return RowsBusyError(where)
        if state == "42501":
            return AccessDeniedError(f"{where}: give the role the grants of docs/CLEANUP.md")
        if state.startswith("28"):
            return AccessDeniedError(f"{where}: correct the connection's login and password")
        if state.startswith("42"):
            return FatalError(f"{where}: Airflow's tables are others than drivetrain.cleanup.tables says: correct it")
        return UnavailableError(where)


def _delete_some(part: Part) -> sa.TextClause:
    found = f"SELECT t.ctid FROM {part.table} t WHERE {part.rows} LIMIT :left FOR UPDATE SKIP LOCKED"
    return sa.text(f"DELETE FROM {part.table} d WHERE d.ctid = ANY(ARRAY({found}))")


def _old(cutoffs: Mapping[str, dt.datetime]) -> dict[str, Any]:
    return {
        "dags": [*cutoffs],
        "befores": [*cutoffs.values()],
        "finished": [*FINISHED],
        "alive": [*ALIVE],
    }


def _cut(query: str, cut: Cut) -> dict[str, Any]:
    """The parameters that a query has."""
    given = {"before": cut.before, "latest": cut.latest}
    return {name: value for name, value in given.items() if f":{name}" in query}
