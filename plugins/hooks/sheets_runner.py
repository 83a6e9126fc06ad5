"""Runs a workbook's jobs for a worker: connections by their ids, log-ins kept for the thread's next workbook."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from drivetrain.errors import RetriableError
from drivetrain.jobs.clock import utc_now
from drivetrain.quota.port import Priority
from drivetrain.sheets.dispatch import Trigger
from drivetrain.sheets.engine import GroupResult, SyncJob, run_group
from drivetrain.sheets.port import Settings
from drivetrain.sheets.registry import query_key, spec_hash
from drivetrain.sheets.schedule import bind, run_key, run_window
from drivetrain.sheets.skip import is_check_due, skip, wants_version
from hooks.google_sheets import GoogleSheetsHook
from hooks.guarded_memory import GuardedMemory
from hooks.guarded_port import GuardedPort
from hooks.shared_results import SharedResults
from hooks.sheets_quota import shared_quota
from hooks.snowflake import SnowflakeConnections
from hooks.snowflake_versions import SnowflakeVersions
from hooks.state import StateHook

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from drivetrain.jobs.clock import Clock
    from drivetrain.sheets.memory import Remembered
    from drivetrain.sheets.outcome import SyncOutcome
    from drivetrain.sheets.port import RowSource
    from drivetrain.sheets.schedule import Window
    from drivetrain.sheets.skip import SourceVersion
    from drivetrain.sheets.worker import Work


_ORDER = (Priority.LOW, Priority.NORMAL, Priority.HIGH)


def _priority(work: Work) -> Priority:
    """Somebody waits for what was asked for; else it is the spec's."""
    return Priority.HIGH if work.message.trigger is Trigger.DEMAND else Priority(work.sync.spec.priority.value)


@dataclass(frozen=True)
class _Asked:
    """A job, with all that its query's answer depends on, as of before the query."""

    work: Work
    window: Window
    parameters: Mapping[str, object]
    version: SourceVersion | None
    spec_hash: str
    remembered: Remembered | None

    @property
    def name(self) -> str:
        """The sync's."""
        return self.work.sync.spec.sync


class SheetsRunner:
    """A drivetrain.sheets.worker.Runner over Airflow's connections. As a context manager it closes what it opened.

    A job whose source has not changed since the tab was last brought in line costs neither a query nor a call
    (drivetrain.sheets.skip), and a query that several syncs have runs once for all of them (hooks.shared_results).

    Args:
        settings: request sizes and patience.
        state_conn_id: Postgres: rows that were set aside, what is remembered of each sync, ids of shared queries.
        versions: when sources last changed; by default asked over each source's connection.
        now: the clock of due times.
        log: told what happens.
    """

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        state_conn_id: str = StateHook.default_conn_name,
        versions: SnowflakeVersions | None = None,
        now: Clock = utc_now,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings, self._now, self._log = settings or Settings(), now, log
        self._state = StateHook(state_conn_id)
        self._versions = versions or SnowflakeVersions(now=now, log=log)
        self._shared = SharedResults(self._state.shared_queries, now=now, log=log)
        self._hooks: dict[tuple[str, Priority], GoogleSheetsHook] = {}
        self._mine = threading.local()
        self._opened: list[SnowflakeConnections] = []
        self._lock = threading.Lock()

    def __enter__(self) -> SheetsRunner:
        return self

    def __exit__(self, *_: object) -> None:
        self._versions.__exit__()
        with self._lock:
            for connections in self._opened:
                connections.__exit__()
            self._opened.clear()

    def __call__(self, works: Sequence[Work], still_ours: Callable[[], bool]) -> GroupResult:
        """See Runner."""
        skipped, asked = self._sort(works)
        result = self._run(asked, still_ours) if asked else GroupResult()
        result.outcomes.update(skipped)
        return result

    def _sort(self, works: Sequence[Work]) -> tuple[dict[str, SyncOutcome], list[_Asked]]:
        """The outcomes of those that have nothing to do, and the others."""
        known = self._state.memory.load([work.sync.spec.sync for work in works])
        skipped: dict[str, SyncOutcome] = {}
        since: dict[str, dt.datetime] = {}
        asked: list[_Asked] = []
        for work in works:
            each = self._asked(work, known.get(work.sync.spec.sync))
            outcome = skip(
                work.sync.spec, each.spec_hash, work.message.trigger, each.version, each.remembered, self._now()
            )
            if outcome is None or each.version is None:
                asked.append(each)
            else:
                skipped[each.name], since[each.name] = outcome, each.version.read_at
        if skipped:
            self._log(f"workbook {works[0].sync.spec.target.spreadsheet_id}: no source of {', '.join(skipped)} changed")
            self._state.memory.unchanged(since)
        return skipped, asked

    def _asked(self, work: Work, remembered: Remembered | None) -> _Asked:
        spec = work.sync.spec
        window = run_window(spec.schedule, spec.freshness_objective, work.message.due_at)
        parameters = bind(spec.source.parameters, window)
        version = None
        if wants_version(spec):
            version = self._versions.of(spec.source, work.sync.sql, parameters, since=work.message.due_at)
        return _Asked(work, window, parameters, version, spec_hash(work.sync), remembered)

    def _run(self, asked: Sequence[_Asked], still_ours: Callable[[], bool]) -> GroupResult:
        target = asked[0].work.sync.spec.target
        sheets = self._sheets(target.connection, max((_priority(each.work) for each in asked), key=_ORDER.index))
        port = GuardedPort(sheets.client_for(target.spreadsheet_id), still_ours)
        snowflake = self._snowflake()
        shared: dict[str, dt.datetime] = {}
        jobs = [self._job(each, snowflake, shared) for each in asked]
        result = run_group(
            jobs,
            port,
            settings=self._settings,
            log=self._log,
            memory=GuardedMemory(self._state.memory, still_ours),
            clock=self._now,
        )
        for name, read_at in shared.items():
            if name in result.outcomes:
                result.outcomes[name] = replace(result.outcomes[name], source="shared", source_read_at=read_at)
        if any(isinstance(error, RetriableError) for error in result.errors.values()):
            self._forget(snowflake)  # a connection that broke is not used again
        return result

    def _job(self, asked: _Asked, snowflake: SnowflakeConnections, shared: dict[str, dt.datetime]) -> SyncJob:
        work, spec = asked.work, asked.work.sync.spec
        return SyncJob(
            spec=spec,
            open_source=self._query(asked, snowflake, shared),
            run_id=run_key(spec, asked.window, work.key),
            on_rejects=lambda rejects: self._state.save_rejects(spec.sync, work.key, rejects),
            spec_hash=asked.spec_hash,
            source_version=asked.version.value if asked.version else "",
            source_read_at=asked.version.read_at if asked.version else None,
            memory=asked.remembered,
            check_due=is_check_due(spec, work.message.trigger, asked.remembered, self._now()),
        )

    def _query(
        self, asked: _Asked, snowflake: SnowflakeConnections, shared: dict[str, dt.datetime]
    ) -> Callable[[], AbstractContextManager[RowSource]]:
        work, version = asked.work, asked.version
        connection_id, name = work.sync.spec.source.connection, f"sync {asked.name}"
        query = connection_id, work.sync.sql, asked.parameters
        # Whoever asks for a run by hand wants what the source says now.
        if work.message.trigger is Trigger.DEMAND or not self._shared.has(query_key(work.sync)):
            return partial(snowflake.arrow_result, *query, name=name)

        def on_shared(read_at: dt.datetime) -> None:
            shared[asked.name] = version.read_at if version else read_at

        return partial(
            self._shared.arrow_result,
            snowflake,
            *query,
            version=version.value if version else "",
            due_at=work.message.due_at,
            on_shared=on_shared,
            name=name,
        )

    def _sheets(self, connection_id: str, priority: Priority) -> GoogleSheetsHook:
        with self._lock:
            if (connection_id, priority) not in self._hooks:
                hook = GoogleSheetsHook(connection_id, quota=shared_quota(), priority=priority)
                self._hooks[connection_id, priority] = hook
            return self._hooks[connection_id, priority]

    def _snowflake(self) -> SnowflakeConnections:
        found: SnowflakeConnections | None = getattr(self._mine, "snowflake", None)
        if found is None:
            found = self._mine.snowflake = SnowflakeConnections()
            with self._lock:
                self._opened.append(found)
        return found

    def _forget(self, connections: SnowflakeConnections) -> None:
        self._mine.snowflake = None
        with self._lock:
            self._opened.remove(connections)
        connections.__exit__()
