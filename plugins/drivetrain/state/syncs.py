"""The registry of sheet syncs in Postgres; see drivetrain.sheets.registry.SyncRegistry."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on, insert

from drivetrain.sheets.dispatch import Trigger
from drivetrain.sheets.registry import GOOD_OUTCOMES, Changes, KnownSync, RunRecord, query_key, spec_hash
from drivetrain.sheets.schedule import next_due
from drivetrain.sheets.spec import CatchUp, Priority
from drivetrain.spec_types import Schedule
from drivetrain.state.partitions import drop_months, ensure_months
from drivetrain.state.tables import sheet_runs, sheet_specs, sheet_syncs
from drivetrain.state.transaction import transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.engine import Connection, Engine

    from drivetrain.sheets.catalog import Sync
    from drivetrain.sheets.dispatch import Decision

_FACTS = (
    "team",
    "owner",
    "description",
    "mode",
    "spreadsheet_id",
    "tab",
    "cron",
    "timezone",
    "freshness_seconds",
    "catch_up",
    "priority",
    "attempts",
    "spec_hash",
    "query_key",
)
_MONTH = dt.timedelta(days=31)
_KNOWN = (
    "sync",
    "spreadsheet_id",
    "cron",
    "timezone",
    "freshness_seconds",
    "catch_up",
    "priority",
    "attempts",
    "dispatched_until",
    "last_success_at",
    "last_attempt_at",
    "pending_since",
)


class PostgresRegistry:
    """The registry.

    Args:
        engine: of the database that drivetrain.state.migrate has prepared.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def specs_version(self) -> str | None:
        """See SyncRegistry."""
        with transaction(self._engine) as connection:
            return connection.execute(sa.select(sheet_specs.c.version)).scalar()

    def register(self, syncs: Sequence[Sync], now: dt.datetime, *, version: str = "") -> Changes:
        """See SyncRegistry."""
        with transaction(self._engine) as connection:
            # Two registrations at once would each remove what only the other knows.
            connection.execute(sa.text("LOCK TABLE sheet_syncs IN SHARE ROW EXCLUSIVE MODE"))
            columns = (sheet_syncs.c.sync, sheet_syncs.c.spec_hash, sheet_syncs.c.cron, sheet_syncs.c.timezone)
            known = {row.sync: row for row in connection.execute(sa.select(*columns, sheet_syncs.c.removed_at))}
            rows = [_facts(sync) for sync in syncs]
            here = {row["sync"] for row in rows}
            active = {name for name, row in known.items() if row.removed_at is None}
            added = [row for row in rows if row["sync"] not in active]
            changed = [
                row for row in rows if row["sync"] in active and row["spec_hash"] != known[row["sync"]].spec_hash
            ]
            for row in added:
                _upsert(connection, row | _fresh(row, now))
            _count_latest(connection, [row["sync"] for row in added if row["sync"] not in known], now)
            for row in changed:
                before = known[row["sync"]]
                rescheduled = (before.cron, before.timezone) != (row["cron"], row["timezone"])
                _upsert(
                    connection, row | _fresh(row, now), keep=() if rescheduled else ("dispatched_until", "next_due_at")
                )
            removed = sorted(active - here)
            if removed:
                gone = sheet_syncs.update().where(sheet_syncs.c.sync.in_(removed))
                connection.execute(gone.values(removed_at=now, pending_since=None))
            known_as = insert(sheet_specs).values(id=1, version=version, registered_at=now)
            latest = {"version": version, "registered_at": now}
            connection.execute(known_as.on_conflict_do_update(index_elements=["id"], set_=latest))
        return Changes(
            added=tuple(sorted(row["sync"] for row in added)),
            changed=tuple(sorted(row["sync"] for row in changed)),
            removed=tuple(removed),
        )

    def due(self, now: dt.datetime) -> Sequence[KnownSync]:
        """See SyncRegistry."""
        c = sheet_syncs.c
        objective = sa.func.make_interval(0, 0, 0, 0, 0, 0, c.freshness_seconds)
        late = sa.and_(
            c.cron.is_not(None),
            c.last_attempt_at.is_not(None),
            sa.or_(c.last_success_at.is_(None), c.last_success_at + objective < now),
        )
        query = (
            sa.select(*(c[name] for name in _KNOWN))
            .where(c.removed_at.is_(None), c.paused_at.is_(None), sa.or_(c.next_due_at <= now, late))
            .order_by(c.sync)
        )
        with transaction(self._engine) as connection:
            return [_known(row._mapping, now) for row in connection.execute(query)]

    def dispatched(self, decisions: Sequence[Decision], now: dt.datetime) -> None:
        """See SyncRegistry."""
        if not decisions:
            return
        statement = (
            sheet_syncs.update()
            .where(sheet_syncs.c.sync == sa.bindparam("_sync"))
            .values(
                dispatched_until=sa.func.greatest(sheet_syncs.c.dispatched_until, sa.bindparam("_until")),
                next_due_at=sa.bindparam("_next"),
                pending_since=sa.func.coalesce(sa.bindparam("_pending", type_=_AT), sheet_syncs.c.pending_since),
            )
        )
        rows = [
            {
                "_sync": decision.sync,
                "_until": decision.dispatched_until,
                "_next": decision.next_due_at,
                "_pending": now if decision.due else None,
            }
            for decision in sorted(decisions, key=lambda decision: decision.sync)
        ]
        with transaction(self._engine) as connection:
            connection.execute(statement, rows)

    def finished(self, keys: Collection[str]) -> set[str]:
        """See SyncRegistry."""
        c = sheet_runs.c
        query = sa.select(c.job_key).where(c.job_key.in_(list(keys)), c.outcome.in_(sorted(GOOD_OUTCOMES)))
        with transaction(self._engine) as connection:
            return set(connection.execute(query).scalars())

    def record(self, records: Sequence[RunRecord]) -> None:
        """See SyncRegistry."""
        if not records:
            return
        ordered = sorted(records, key=lambda record: (record.sync, record.due_at))  # one order: no deadlock
        with transaction(self._engine) as connection:
            ensure_months(connection, sheet_runs.name, (record.due_at for record in ordered))
            run = insert(sheet_runs).values([asdict(record) | {"trigger": record.trigger.value} for record in ordered])
            key = ("job_key", "due_at")
            values = {column.name: run.excluded[column.name] for column in sheet_runs.c if column.name not in key}
            # A good end stays: a second delivery that finds nothing to do does not hide what the first one did.
            better = sheet_runs.c.outcome.not_in(sorted(GOOD_OUTCOMES))
            kept = run.on_conflict_do_update(index_elements=key, set_=values, where=better)
            news = set(connection.execute(kept.returning(sheet_runs.c.job_key)).scalars())
            for record in ordered:
                if record.job_key in news:
                    connection.execute(_state_after(record))

    def pause(self, sync: str, *, by: str, now: dt.datetime) -> bool:
        """See SyncRegistry."""
        row = sheet_syncs.update().where(sheet_syncs.c.sync == sync, sheet_syncs.c.removed_at.is_(None))
        with transaction(self._engine) as connection:
            return bool(connection.execute(row.values(paused_at=now, paused_by=by)).rowcount)

    def resume(self, sync: str, now: dt.datetime) -> bool:
        """See SyncRegistry."""
        c = sheet_syncs.c
        with transaction(self._engine) as connection:
            found = connection.execute(sa.select(c.cron, c.timezone).where(c.sync == sync).with_for_update()).first()
            if found is None:
                return False
            following = _next_due(found.cron, found.timezone, now)
            values = {"paused_at": None, "paused_by": None, "dispatched_until": now, "next_due_at": following}
            connection.execute(sheet_syncs.update().where(c.sync == sync).values(**values))
            return True

    def prune(self, *, before: dt.datetime) -> int:
        """See SyncRegistry."""
        with transaction(self._engine) as connection:
            return drop_months(connection, sheet_runs.name, before=before)


_AT = sa.DateTime(timezone=True)


@lru_cache(maxsize=4096)
def _schedule(cron: str | None, timezone: str | None) -> Schedule | None:
    """Thousands of syncs share some hundred schedules, and reading one costs more than reading its row."""
    return Schedule(cron=cron, timezone=timezone or "UTC") if cron else None


def _next_due(cron: str | None, timezone: str | None, now: dt.datetime) -> dt.datetime | None:
    schedule = _schedule(cron, timezone)
    return next_due(schedule, now) if schedule else None


def _facts(sync: Sync) -> dict[str, Any]:
    spec = sync.spec
    return {
        "sync": spec.sync,
        "team": spec.team,
        "owner": spec.owner,
        "description": spec.description,
        "mode": spec.mode.value,
        "spreadsheet_id": spec.target.spreadsheet_id,
        "tab": spec.target.tab,
        "cron": spec.schedule.cron if spec.schedule else None,
        "timezone": spec.schedule.timezone if spec.schedule else None,
        "freshness_seconds": int(spec.freshness_objective.total_seconds()),
        "catch_up": spec.catch_up.value,
        "priority": spec.priority.value,
        "attempts": spec.attempts,
        "spec_hash": spec_hash(sync),
        "query_key": query_key(sync),
    }


def _fresh(facts: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    return {
        "registered_at": now,
        "removed_at": None,
        "dispatched_until": now,
        "next_due_at": _next_due(facts["cron"], facts["timezone"], now),
    }


def _upsert(connection: Connection, row: dict[str, Any], keep: Collection[str] = ()) -> None:
    statement = insert(sheet_syncs).values(row)
    overwrite = (*_FACTS, "removed_at", "dispatched_until", "next_due_at")
    values = {name: statement.excluded[name] for name in overwrite if name not in keep}
    connection.execute(statement.on_conflict_do_update(index_elements=["sync"], set_=values))


def _count_latest(connection: Connection, syncs: Sequence[str], now: dt.datetime) -> None:
    """Let the latest runs of new syncs count: a person may run a sync before anybody has registered it."""
    c = sheet_runs.c
    query = (
        sa.select(sheet_runs)
        .ext(distinct_on(c.sync))
        .where(c.sync.in_(syncs), c.due_at > now - _MONTH)
        .order_by(c.sync, c.due_at.desc())
    )
    for row in connection.execute(query).mappings().all() if syncs else ():
        connection.execute(_state_after(RunRecord(**dict(row) | {"trigger": Trigger(row["trigger"])})))


def _known(row: Any, now: dt.datetime) -> KnownSync:
    freshness = dt.timedelta(seconds=row["freshness_seconds"])
    pending: dt.datetime | None = row["pending_since"]
    return KnownSync(
        sync=row["sync"],
        spreadsheet_id=row["spreadsheet_id"],
        schedule=_schedule(row["cron"], row["timezone"]),
        freshness=freshness,
        catch_up=CatchUp(row["catch_up"]),
        priority=Priority(row["priority"]),
        attempts=row["attempts"],
        dispatched_until=row["dispatched_until"],
        last_success_at=row["last_success_at"],
        last_attempt_at=row["last_attempt_at"],
        # A job that was not heard of for longer than the objective is believed lost.
        pending=pending is not None and now - pending < max(freshness, _PATIENCE),
    )


_PATIENCE = dt.timedelta(hours=1)


def _state_after(record: RunRecord) -> Any:
    c = sheet_syncs.c
    values: dict[str, Any] = {
        "last_due_at": sa.func.greatest(c.last_due_at, record.due_at),
        "last_attempt_at": sa.func.greatest(c.last_attempt_at, record.finished_at),
        "last_outcome": record.outcome,
        "last_error": record.error or None,
    }
    if record.is_final:
        values["pending_since"] = None
    if record.is_good:
        values["failures"] = 0
        if record.outcome != "superseded":
            read_at = record.source_read_at or record.started_at
            values |= {"last_success_at": sa.func.greatest(c.last_success_at, read_at), "rows": record.rows}
    else:
        values["failures"] = c.failures + 1
    return sheet_syncs.update().where(c.sync == record.sync).values(**values)
