"""What Airflow's database knows of the platform's health. For the API server: tasks have no way to this database.

Every query goes by an index or is of a small table, and has a LIMIT; together they take milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from drivetrain.errors import UnavailableError
from drivetrain.metrics.platform import COMPONENTS, LIVE_STATES, Live, PlatformFacts, Queued, TableSize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine

_LIMITS = "SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = '{timeout_seconds:d}s'"
_NOW_AND_SIZE = "SELECT now(), pg_database_size(current_database())"
_TABLES = """
SELECT relname, pg_total_relation_size(oid), greatest(reltuples, 0)::bigint
FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
ORDER BY relpages DESC, relname LIMIT 10
"""
# One step in the index job_type_heart for each.
_HEARTBEATS = """
SELECT kind, (SELECT max(latest_heartbeat) FROM job WHERE job_type = kind) FROM unnest(CAST(:kinds AS text[])) AS kind
"""
_BUNDLES = "SELECT name, last_refreshed FROM dag_bundle WHERE active ORDER BY name LIMIT 50"
_PARSED = "SELECT min(last_parsed_time) FROM dag WHERE NOT is_stale"
_POOLS = "SELECT pool FROM slot_pool ORDER BY pool LIMIT 100"
# By ti_state. A platform with more than these is in trouble either way.
_LIVE = """
SELECT pool, state, count(*), min(since)
FROM (
  SELECT pool, state, CASE state WHEN 'queued' THEN queued_dttm WHEN 'scheduled' THEN scheduled_dttm END AS since
  FROM task_instance WHERE state = ANY(CAST(:states AS text[])) LIMIT 20000
) AS live GROUP BY pool, state
"""
# There is no index on start_date: the latest runs first, by idx_dag_run_run_after, then their tasks, by ti_dag_run.
_QUEUED = """
SELECT
  pool, count(*),
  percentile_disc(0.5) WITHIN GROUP (ORDER BY waited), percentile_disc(0.99) WITHIN GROUP (ORDER BY waited)
FROM (
  SELECT ti.pool, extract(epoch FROM ti.start_date - ti.queued_dttm) AS waited
  FROM (
    SELECT dag_id, run_id FROM dag_run WHERE run_after > now() - interval '1 hour' ORDER BY run_after DESC LIMIT 500
  ) AS latest JOIN task_instance ti USING (dag_id, run_id)
  WHERE ti.start_date > now() - interval '15 minutes' AND ti.start_date >= ti.queued_dttm
  LIMIT 5000
) AS started GROUP BY pool
"""
_SILENT = """
SELECT count(*) FROM task_instance WHERE state = 'running' AND last_heartbeat_at < now() - interval '2 minutes'
"""


def platform_facts(engine: Engine, *, timeout_seconds: int = 5) -> PlatformFacts:
    """One look.

    Args:
        engine: of Airflow's database, Postgres.
        timeout_seconds: for each query.

    Raises:
        UnavailableError: the database does not answer, or not in time.
    """
    try:
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql(_LIMITS.format(timeout_seconds=timeout_seconds))
            return _look(connection)
    except sa.exc.SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
        raise UnavailableError(
            f"Airflow's database: {reason}: look at the database, the next look asks anew"
        ) from error


def _look(connection: Connection) -> PlatformFacts:
    now, database_bytes = next(_rows(connection, _NOW_AND_SIZE))
    return PlatformFacts(
        at=now,
        database_bytes=int(database_bytes),
        silent_tasks=int(next(_rows(connection, _SILENT))[0]),
        oldest_parse=next(_rows(connection, _PARSED))[0],
        tables=tuple(TableSize(name, int(size), int(rows)) for name, size, rows in _rows(connection, _TABLES)),
        heartbeats=dict(_rows(connection, _HEARTBEATS, kinds=list(COMPONENTS))),
        refreshed=dict(_rows(connection, _BUNDLES)),
        live=tuple(Live(*row) for row in _rows(connection, _LIVE, states=list(LIVE_STATES))),
        queued=tuple(
            Queued(pool, int(started), float(p50), float(p99)) for pool, started, p50, p99 in _rows(connection, _QUEUED)
        ),
        pools=tuple(pool for (pool,) in _rows(connection, _POOLS)),
    )


def _rows(connection: Connection, query: str, **parameters: Any) -> Iterator[Any]:
    return iter([tuple(row) for row in connection.execute(sa.text(query), parameters)])
