"""When Snowflake's tables last changed: asked for all of a database at once, and kept for a while for all threads."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from drivetrain.errors import DrivetrainError, SourceError
from drivetrain.jobs.clock import utc_now
from drivetrain.sheets.skip import source_version
from drivetrain.sheets.source_tables import query_source
from hooks.snowflake import ArrowSnowflakeHook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drivetrain.jobs.clock import Clock
    from drivetrain.sheets.skip import SourceVersion
    from drivetrain.sheets.source_tables import TableName
    from drivetrain.sheets.spec import Source
    from hooks.snowflake import SnowflakeSession

# LAST_ALTERED moves with DML, DDL and maintenance: https://docs.snowflake.com/en/sql-reference/info-schema/tables
# Of what changes by itself (dynamic, Iceberg, hybrid, external tables) or elsewhere (shares, views) it says too little.
_TABLES = """
SELECT TABLE_SCHEMA, TABLE_NAME, CREATED, LAST_ALTERED, ROW_COUNT, BYTES, CURRENT_TIMESTAMP() AS READ_AT
FROM "{database}".INFORMATION_SCHEMA.TABLES
WHERE TABLE_SCHEMA IN ({schemas}) AND TABLE_TYPE = 'BASE TABLE'
  AND IS_DYNAMIC = 'NO' AND IS_ICEBERG = 'NO' AND IS_HYBRID = 'NO'
  AND EXISTS (SELECT 1 FROM "{database}".INFORMATION_SCHEMA.DATABASES
              WHERE DATABASE_NAME = %(database)s AND TYPE = 'STANDARD')
"""


@dataclass
class _Database:
    """What one database's tables said."""

    read_at: dt.datetime
    schemas: frozenset[str]
    tables: Mapping[tuple[str, str], tuple[str, ...]]


@dataclass
class _Account:
    """What is known over one connection. Whoever has the lock asks; the others wait and find the answer."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    stack: ExitStack = field(default_factory=ExitStack)
    hook: ArrowSnowflakeHook | None = None
    session: SnowflakeSession | None = None
    databases: dict[str, _Database] = field(default_factory=dict)
    watermarks: dict[tuple[str, str], tuple[dt.datetime, object]] = field(default_factory=dict)
    silent_until: dt.datetime | None = None

    def close(self) -> None:
        """Log out, and ask anew next time."""
        self.stack.close()
        self.hook = self.session = None
        self.databases.clear()
        self.watermarks.clear()


class SnowflakeVersions:
    """Versions of queries' sources. Thread-safe; as a context manager it logs out at the end.

    One statement tells of all tables of the schemas that were asked for in a database so far, so that thousands of
    syncs that are due at once cost a few.

    Args:
        keep_seconds: how long an answer may be used.
        settle_seconds: how long a table has to be left alone before its time is believed: LAST_ALTERED has
            milliseconds, and a second change within the same one would not show.
        now: the clock of due times.
        log: told why a version is not known, where that is not the query's doing.
    """

    def __init__(
        self,
        *,
        keep_seconds: float = 20,
        settle_seconds: float = 2,
        now: Clock = utc_now,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._keep, self._settle = dt.timedelta(seconds=keep_seconds), dt.timedelta(seconds=settle_seconds)
        self._now, self._log = now, log
        self._accounts: dict[str, _Account] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for account in self._accounts.values():
                account.close()
            self._accounts.clear()

    def of(
        self, source: Source, sql: str, parameters: Mapping[str, object], *, since: dt.datetime
    ) -> SourceVersion | None:
        """The version of what a query reads; None where that can't be told, and then the query has to run.

        Args:
            source: the spec's.
            sql: the query's text.
            parameters: as they are bound.
            since: a version that was read before this is too old: the job's due time.
        """
        query = query_source(sql)
        if source.always_run or not (source.watermark or query.is_repeatable):
            return None
        account = self._account(source.connection)
        with account.lock:
            if account.silent_until is not None and self._now() < account.silent_until:
                return None
            account.silent_until = None
            try:
                if source.watermark:
                    return self._of_watermark(account, source, parameters, since)
                return self._of_tables(account, source.connection, query.tables, parameters, since)
            except SourceError as error:
                self._log(f"no version of the source, so its query runs: {error}")
                return None
            except DrivetrainError as error:
                self._log(f"no versions over {source.connection}, so queries run: {error}")
                account.close()
                account.silent_until = self._now() + self._keep
                return None

    def _account(self, connection_id: str) -> _Account:
        with self._lock:
            return self._accounts.setdefault(connection_id, _Account())

    def _of_tables(
        self,
        account: _Account,
        connection_id: str,
        tables: Sequence[TableName],
        parameters: Mapping[str, object],
        since: dt.datetime,
    ) -> SourceVersion | None:
        session = self._session(account, connection_id)
        named = [table.within(session.database, session.schema) for table in tables]
        if not all(table.database and table.schema for table in named):
            return None
        answers = {
            database: self._database(
                account, database, frozenset(table.schema for table in named if table.database == database), since
            )
            for database in sorted({table.database for table in named})
        }
        versions = []
        for table in sorted(named):
            version = answers[table.database].tables.get((table.schema, table.name))
            if version is None:  # a view, a share's, not there, or changed just now
                return None
            versions.append([*table, *version])
        return source_version(session, versions, parameters, min(answer.read_at for answer in answers.values()))

    def _of_watermark(
        self, account: _Account, source: Source, parameters: Mapping[str, object], since: dt.datetime
    ) -> SourceVersion | None:
        session = self._session(account, source.connection)
        sql = source.watermark or ""
        used = {name: value for name, value in parameters.items() if f"%({name})s" in sql}
        key = (sql, repr(sorted(used.items())))
        if key not in account.watermarks or not self._is_fresh(account.watermarks[key][0], since):
            read_at = self._now()
            rows = self._rows(account, sql, used, "watermark")
            if len(rows) != 1 or len(rows[0]) != 1:
                self._log(f"a watermark gives one value, so the query runs: {' '.join(sql.split())[:200]}")
                return None
            account.watermarks[key] = read_at, str(next(iter(rows[0].values())))
        read_at, value = account.watermarks[key]
        return source_version(session, [sql, value], parameters, read_at)

    def _session(self, account: _Account, connection_id: str) -> SnowflakeSession:
        if account.hook is None or account.session is None:
            account.hook = account.stack.enter_context(ArrowSnowflakeHook(connection_id).one_connection())
            account.session = account.hook.session()
        return account.session

    def _database(self, account: _Account, database: str, schemas: frozenset[str], since: dt.datetime) -> _Database:
        known = account.databases.get(database)
        if known is not None and schemas <= known.schemas and self._is_fresh(known.read_at, since):
            return known
        schemas |= known.schemas if known is not None else frozenset()
        read_at = self._now()  # before the question: the answer is at least as fresh
        names = {f"schema_{place}": name for place, name in enumerate(sorted(schemas))}
        quoted = database.replace('"', '""').replace("%", "%%")
        sql = _TABLES.format(database=quoted, schemas=", ".join(f"%({name})s" for name in names))
        # A refusal is kept too: until it is asked again, nothing is known of these schemas.
        account.databases[database] = _Database(read_at, schemas, {})
        rows = self._rows(account, sql, {**names, "database": database}, f"tables of {database}")
        tables = {
            (str(row["TABLE_SCHEMA"]), str(row["TABLE_NAME"])): tuple(
                str(row[name]) for name in ("CREATED", "LAST_ALTERED", "ROW_COUNT", "BYTES")
            )
            for row in rows
            if isinstance(altered := row["LAST_ALTERED"], dt.datetime)
            and isinstance(asked := row["READ_AT"], dt.datetime)
            and altered <= asked - self._settle
        }
        account.databases[database] = _Database(read_at, schemas, tables)
        return account.databases[database]

    def _rows(
        self, account: _Account, sql: str, parameters: Mapping[str, object], name: str
    ) -> list[dict[str, object]]:
        if account.hook is None:
            raise RuntimeError("log in first")
        with account.hook.arrow_result(sql, parameters, name=name) as result:
            return [row for batch in result.batches() for row in batch.to_pylist()]

    def _is_fresh(self, read_at: dt.datetime, since: dt.datetime) -> bool:
        now = self._now()
        return since <= read_at <= now < read_at + self._keep
