"""Runs a workbook's jobs for a worker: connections by their ids, log-ins kept for the thread's next workbook."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from drivetrain.errors import RetriableError
from drivetrain.quota.port import Priority
from drivetrain.sheets.dispatch import Trigger
from drivetrain.sheets.engine import SyncJob, run_group
from drivetrain.sheets.port import Settings
from drivetrain.sheets.schedule import bind, run_key, run_window
from hooks.google_sheets import GoogleSheetsHook
from hooks.guarded_port import GuardedPort
from hooks.sheets_quota import shared_quota
from hooks.snowflake import SnowflakeConnections
from hooks.state import StateHook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivetrain.sheets.engine import GroupResult
    from drivetrain.sheets.worker import Work


_ORDER = (Priority.LOW, Priority.NORMAL, Priority.HIGH)


def _priority(work: Work) -> Priority:
    """Somebody waits for what was asked for; else it is the spec's."""
    return Priority.HIGH if work.message.trigger is Trigger.DEMAND else Priority(work.sync.spec.priority.value)


class SheetsRunner:
    """A drivetrain.sheets.worker.Runner over Airflow's connections. As a context manager it closes what it opened.

    Args:
        settings: request sizes and patience.
        state_conn_id: Postgres, for rows that were set aside.
        log: told what happens.
    """

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        state_conn_id: str = StateHook.default_conn_name,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings, self._log = settings or Settings(), log
        self._state = StateHook(state_conn_id)
        self._hooks: dict[tuple[str, Priority], GoogleSheetsHook] = {}
        self._mine = threading.local()
        self._opened: list[SnowflakeConnections] = []
        self._lock = threading.Lock()

    def __enter__(self) -> SheetsRunner:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for connections in self._opened:
                connections.__exit__()
            self._opened.clear()

    def __call__(self, works: Sequence[Work], still_ours: Callable[[], bool]) -> GroupResult:
        """See Runner."""
        target = works[0].sync.spec.target
        sheets = self._sheets(target.connection, max((_priority(work) for work in works), key=_ORDER.index))
        port = GuardedPort(sheets.client_for(target.spreadsheet_id), still_ours)
        snowflake = self._snowflake()
        result = run_group([self._job(work, snowflake) for work in works], port, settings=self._settings, log=self._log)
        if any(isinstance(error, RetriableError) for error in result.errors.values()):
            self._forget(snowflake)  # a connection that broke is not used again
        return result

    def _job(self, work: Work, snowflake: SnowflakeConnections) -> SyncJob:
        spec = work.sync.spec
        window = run_window(spec.schedule, spec.freshness_objective, work.message.due_at)
        return SyncJob(
            spec=spec,
            open_source=partial(
                snowflake.arrow_result,
                spec.source.connection,
                work.sync.sql,
                bind(spec.source.parameters, window),
                name=f"sync {spec.sync}",
            ),
            run_id=run_key(spec, window, work.key),
            on_rejects=lambda rejects: self._state.save_rejects(spec.sync, work.key, rejects),
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
