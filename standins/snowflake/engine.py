"""The databases under the stand-in: DuckDB files that outlive the process, and what Snowflake knows about tables.

fakesnow keeps its catalog in memory and forgets its databases on restart; here everything is a file below ``data``:
``databases/<NAME>.db``, ``databases/_fs_global.db`` (stages, file formats, comments) and ``stages/``.
"""

from __future__ import annotations

import datetime
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import duckdb
import fakesnow.info_schema as info_schema
import fakesnow.macros as macros
from fakesnow.conn import FakeSnowflakeConnection
from fakesnow.instance import GLOBAL_DATABASE_NAME, FakeSnow
from fakesnow.transforms import show

from standins.snowflake import patches
from standins.snowflake.prepared import PreparedSelects

if TYPE_CHECKING:
    from standins.snowflake.session import Session

# CREATED, LAST_DDL and LAST_ALTERED come from an append-only log: rows that are updated in place would make two
# sessions that load the same table conflict, which they do not in Snowflake.
_TABLE_LOG = """
create table if not exists {db}._fs_information_schema._table_log (
    schema_name varchar, table_name varchar, kind varchar, changed_at timestamptz);
create table if not exists {db}._fs_information_schema._ltz_columns (
    schema_name varchar, table_name varchar, column_name varchar);
create or replace view {db}._fs_information_schema._fs_table_times as
    select schema_name, table_name, max(changed_at) as last_altered,
           max(changed_at) filter (where kind = 'create') as created,
           max(changed_at) filter (where kind <> 'dml') as last_ddl
    from {db}._fs_information_schema._table_log group by all;
"""
# On opening: one row a table and kind is enough, and a table whose log entry a crash swallowed is new now.
_COMPACT_TABLE_LOG = """
create or replace temporary table _newest as
    select schema_name, table_name, kind, max(changed_at) as changed_at
    from {db}._fs_information_schema._table_log group by all;
begin;
delete from {db}._fs_information_schema._table_log;
insert into {db}._fs_information_schema._table_log from _newest;
insert into {db}._fs_information_schema._table_log
    select schema_name, table_name, 'create', now() from duckdb_tables() t
    where database_name = '{db}' and schema_name <> '_fs_information_schema' and not exists (
        from _newest n where n.schema_name = t.schema_name and n.table_name = t.table_name);
commit;
drop table _newest;
"""


_TABLES_AND_VIEWS = """
    select database_name, schema_name, table_name, estimated_size, 'BASE TABLE' as table_type, 0 as bytes
    from duckdb_tables()
    union all
    select database_name, schema_name, view_name, null, 'VIEW', null from duckdb_views() where not internal
"""


class _RecentResults(OrderedDict[str, Any]):
    """Results for RESULT_SCAN by query id. fakesnow keeps every one; a server that runs for days keeps the last 20."""

    def __setitem__(self, query_id: str, result: Any) -> None:
        super().__setitem__(query_id, result)
        while len(self) > 20:
            self.popitem(last=False)


class _PersistentFakeSnow(FakeSnow):
    """fakesnow's instance with its global catalog in a file, and databases only where they were created."""

    def __init__(self, folder: Path, timezone: str) -> None:
        self.create_database_on_connect = False
        self.create_schema_on_connect = False
        self.db_path = folder
        self.nop_regexes = None
        self.results_cache = _RecentResults()
        self.duck_conn = duckdb.connect(":memory:", config={"lambda_syntax": "ENABLE_SINGLE_ARROW"})
        self.duck_conn.execute(f"ATTACH '{folder / GLOBAL_DATABASE_NAME}.db' AS {GLOBAL_DATABASE_NAME}")
        self.duck_conn.execute(info_schema.fs_global_creation_sql())
        self.duck_conn.execute(show.fs_global_creation_sql())
        self.duck_conn.execute(macros.creation_sql("memory"))  # for sessions without a database
        self.duck_conn.execute(f"SET GLOBAL TimeZone = '{timezone}'")


class Engine:
    """All databases of the account. Thread-safe: each session gets a DuckDB cursor of its own."""

    def __init__(self, data: Path, *, timezone: str = "Asia/Kolkata", idle_transaction_seconds: float = 300.0) -> None:
        """Open or create an account.

        Args:
            data: folder of the account's files.
            timezone: the account's TIMEZONE parameter, an IANA name.
            idle_transaction_seconds: after this long without a statement, a transaction that blocks another one is
                rolled back: 5 minutes in https://docs.snowflake.com/en/sql-reference/transactions
        """
        self.timezone = timezone
        self.idle_transaction_seconds = idle_transaction_seconds
        self.sessions: WeakSet[Session] = WeakSet()
        self.prepared = PreparedSelects()
        self._folder = data / "databases"
        self._folder.mkdir(parents=True, exist_ok=True)
        patches.apply((data / "stages").resolve())
        self._fakesnow = _PersistentFakeSnow(self._folder, timezone)
        self._duck = self._fakesnow.duck_conn
        self._lock = threading.Lock()
        # Held from the time that a table gets to the commit that shows it: in the order of their commits, times grow.
        self.commit_lock = threading.RLock()
        self._last_stamp = datetime.datetime.min.replace(tzinfo=datetime.UTC)
        for file in sorted(self._folder.glob("*.db")):
            if file.stem != GLOBAL_DATABASE_NAME:
                self._duck.execute(f"ATTACH '{file}' AS \"{file.stem}\"")
                self.prepare_database(file.stem)
                self._duck.execute(_COMPACT_TABLE_LOG.format(db=file.stem))
                newest = f'select max(changed_at) from "{file.stem}"._fs_information_schema._table_log'
                self._last_stamp = max(self._last_stamp, self._duck.execute(newest).fetchone()[0] or self._last_stamp)

    def connect(self, database: str | None, schema: str | None) -> FakeSnowflakeConnection:
        """Open a connection for one session; a database or schema that does not exist is left unset."""
        connection = self._fakesnow.connect(database, schema)
        if not connection.database_set:
            connection.database = None
        if not connection.schema_set:
            connection._schema = None
        return connection

    def stamp(self) -> datetime.datetime:
        """The time of a change: now, and later than that of any change before it, whatever the clock does."""
        with self.commit_lock:
            step = datetime.timedelta(microseconds=1)
            self._last_stamp = max(datetime.datetime.now(datetime.UTC), self._last_stamp + step)
            return self._last_stamp

    def roll_back_idle(self) -> None:
        """Roll back the transactions that their clients left (a killed worker sends no ROLLBACK)."""
        for session in list(self.sessions):
            session.roll_back_if_idle(self.idle_transaction_seconds)

    def prepare_database(self, name: str) -> None:
        """Create what Snowflake has in every database: INFORMATION_SCHEMA with true times, and PUBLIC. Idempotent."""
        with self._lock:
            cursor = self._duck.cursor()
            cursor.execute(info_schema.per_db_creation_sql(name))
            cursor.execute(macros.creation_sql(name))
            cursor.execute(_TABLE_LOG.format(db=name))
            cursor.execute(_tables_view(name))
            cursor.execute(f'create schema if not exists {name}."PUBLIC"')

    def drop_database(self, name: str) -> None:
        """Detach a database and remove its file.

        Raises:
            duckdb.Error: when it does not exist or is in use.
        """
        with self._lock:
            self._duck.cursor().execute(f'DETACH "{name}"')
            for file in self._folder.glob(f"{name}.db*"):
                file.unlink()

    def close(self) -> None:
        """Write everything out and release the files."""
        self._duck.close()


def _tables_view(name: str) -> str:
    """INFORMATION_SCHEMA.TABLES as fakesnow defines it, with views, and the times from the log in place of 1970."""
    sql = info_schema.SQL_CREATE_INFORMATION_SCHEMA_TABLES_VIEW.substitute(catalog=name)
    epoch = "to_timestamp(0)::timestamptz"
    for column in ("created", "last_altered", "last_ddl"):
        sql = sql.replace(f'{epoch} AS "{column.upper()}"', f'coalesce(t.{column}, {epoch}) AS "{column.upper()}"')
    sql = sql.replace("create view if not exists", "create or replace view")
    sql = sql.replace("from duckdb_tables tables", f"from ({_TABLES_AND_VIEWS}) tables")
    for constant, column in (("'BASE TABLE'", "TABLE_TYPE"), ("0", "BYTES")):
        sql = sql.replace(f'{constant} AS "{column}"', f'tables.{column.lower()} AS "{column}"')
    join = (
        f"left join {name}._fs_information_schema._fs_table_times t"
        " on t.schema_name = tables.schema_name and t.table_name = tables.table_name\nwhere tables.database_name"
    )
    return sql.replace("where tables.database_name", join)
