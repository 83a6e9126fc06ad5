"""Keep our tables small: what nobody looks at any more goes. The next month's partition is made before its time."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from drivetrain.jobs.postgres import PostgresQueue
from drivetrain.sheets.dispatch import KIND
from drivetrain.state.alert_tables import alerts
from drivetrain.state.feature_loads import LoadOutcome
from drivetrain.state.feature_tables import feature_audits, feature_files, feature_loads, feature_runs
from drivetrain.state.job_tables import job_dead_letters
from drivetrain.state.partitions import drop_month, ensure_months, months_before
from drivetrain.state.tables import sheet_memory, sheet_memory_rows, sheet_rejects, sheet_runs, sheet_syncs
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine
    from sqlalchemy.sql import ColumnElement

ROWS_AT_ONCE = 20_000
# A month is dropped under a lock that everybody waits behind: better not today than that.
# https://www.postgresql.org/docs/16/ddl-partitioning.html : DROP TABLE takes ACCESS EXCLUSIVE on the parent
LOCK_SECONDS = 5


@dataclass(frozen=True)
class Keep:
    """How long things are kept.

    Attributes:
        months: whole months of run history, besides the present one.
        reject_days: rows that syncs and loads set aside.
        dead_letter_days: jobs that were given up.
        alert_days: alerts that are over and of which everybody heard.
        feature_run_days: how runs, files, loads and audits of feature views went; runs that are compared with need 8
            at least.
        removed_days: what is remembered of syncs that git has no more.
    """

    months: int = 13
    reject_days: int = 90
    dead_letter_days: int = 30
    alert_days: int = 30
    feature_run_days: int = 90
    removed_days: int = 30

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 1:
                raise ValueError(f"{name}: {value} is less than 1")


@dataclass(frozen=True)
class Pruned:
    """How much went, or would go."""

    months: int
    rejects: int
    dead_letters: int
    alerts: int
    feature_runs: int
    feature_files: int
    feature_loads: int
    feature_audits: int
    memories: int


def maintain(engine: Engine, keep: Keep, now: dt.datetime, *, dry_run: bool = False) -> Pruned:
    """Prune, and make the partitions of this month and the next. Killed anywhere, the next run goes on.

    Args:
        engine: of the state database.
        keep: for how long.
        now: aware.
        dry_run: only count.

    Raises:
        UnavailableError: the database is away, or somebody reads a month for too long.
    """
    oldest_month = months_ago(now, keep.months)
    rejected = sheet_rejects.c.rejected_at < now - dt.timedelta(days=keep.reject_days)
    heard = alerts.c.over_told_at < now - dt.timedelta(days=keep.alert_days)
    buried = now - dt.timedelta(days=keep.dead_letter_days)
    read = now - dt.timedelta(days=keep.feature_run_days)
    materialized, landed = feature_runs.c.started_at < read, feature_files.c.done_at < read
    compared = feature_audits.c.audited_at < read
    # The newest says how far a view's query was asked, however old it is.
    later = feature_loads.alias()
    is_last = ~sa.exists().where(
        later.c.project == feature_loads.c.project,
        later.c.view == feature_loads.c.view,
        later.c.outcome == LoadOutcome.LOADED,
        later.c.until > feature_loads.c.until,
    )
    asked = sa.and_(feature_loads.c.until < read, ~is_last)
    removed = sheet_syncs.c.removed_at < now - dt.timedelta(days=keep.removed_days)
    gone = sa.select(sheet_syncs.c.sync).where(removed)
    forgotten = sheet_memory.c.sync.in_(gone)
    if dry_run:
        dead = sa.and_(job_dead_letters.c.kind == KIND, job_dead_letters.c.buried_at < buried)
        with transaction(engine) as connection:
            months = len(months_before(connection, sheet_runs.name, before=oldest_month))
        return Pruned(
            months,
            rejects=_count(engine, sheet_rejects, rejected),
            dead_letters=_count(engine, job_dead_letters, dead),
            alerts=_count(engine, alerts, heard),
            feature_runs=_count(engine, feature_runs, materialized),
            feature_files=_count(engine, feature_files, landed),
            feature_loads=_count(engine, feature_loads, asked),
            feature_audits=_count(engine, feature_audits, compared),
            memories=_count(engine, sheet_memory, forgotten),
        )
    _make_months(engine, now)
    _delete(engine, sheet_memory_rows, sheet_memory_rows.c.sync.in_(gone))
    return Pruned(
        _drop_months(engine, oldest_month),
        rejects=_delete(engine, sheet_rejects, rejected),
        dead_letters=PostgresQueue(engine, kind=KIND).prune(before=buried),
        alerts=_delete(engine, alerts, heard),
        feature_runs=_delete(engine, feature_runs, materialized),
        feature_files=_delete(engine, feature_files, landed),
        feature_loads=_delete(engine, feature_loads, asked),
        feature_audits=_delete(engine, feature_audits, compared),
        memories=_delete(engine, sheet_memory, forgotten),
    )


def months_ago(now: dt.datetime, months: int) -> dt.datetime:
    """The first moment of the month so many months before the present one, in UTC."""
    today = now.astimezone(dt.UTC)
    years, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return dt.datetime(years, month + 1, 1, tzinfo=dt.UTC)


def _make_months(engine: Engine, now: dt.datetime) -> None:
    with transaction(engine) as connection:
        _wait_briefly(connection)
        ensure_months(connection, sheet_runs.name, [now, months_ago(now, -1)])


def _drop_months(engine: Engine, before: dt.datetime) -> int:
    with transaction(engine) as connection:
        names = months_before(connection, sheet_runs.name, before=before)
    for name in names:
        # One at a time: everybody waits while the lock is held.
        with transaction(engine) as connection:
            _wait_briefly(connection)
            drop_month(connection, name)
    return len(names)


def _wait_briefly(connection: sa.Connection) -> None:
    connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))


def _count(engine: Engine, table: sa.Table, which: ColumnElement[bool]) -> int:
    with transaction(engine) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(which)).scalar_one())


def _delete(engine: Engine, table: sa.Table, which: ColumnElement[bool]) -> int:
    """Delete in short transactions, so that nobody waits for a long one."""
    key = sa.tuple_(*table.primary_key.columns)
    some = sa.select(*table.primary_key.columns).where(which).limit(ROWS_AT_ONCE)
    deleted = 0
    while True:
        with transaction(engine) as connection:
            count = connection.execute(sa.delete(table).where(key.in_(some))).rowcount
        deleted += count
        if count < ROWS_AT_ONCE:
            return deleted
