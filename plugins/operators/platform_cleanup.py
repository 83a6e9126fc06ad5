"""Keeps Airflow small: its database, its logs, its pods, and what killed syncs left in workbooks."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from drivetrain.cleanup.archive import Archive
from drivetrain.cleanup.database import clean_database
from drivetrain.cleanup.logs import Owners, Sweep
from drivetrain.cleanup.pods import left_over
from drivetrain.cleanup.retention import load_retention
from drivetrain.cleanup.tabs import FIELDS, orphans, removal, tonight
from drivetrain.errors import DrivetrainError
from drivetrain.metrics import cleanup as metrics
from drivetrain.quota.port import Priority
from drivetrain.sheets.catalog import load_teams
from drivetrain.spec_types import parse_duration
from hooks.airflow_metadata import AirflowMetadataHook
from hooks.file_stores import file_store
from hooks.google_sheets import GoogleSheetsHook
from hooks.guarded_port import GuardedPort
from hooks.metrics import emit
from hooks.sheets_quota import shared_quota
from hooks.state import StateHook
from hooks.task_logs import log_stores
from operators.confs import refuse_unknown
from operators.failures import raise_all, told_to_airflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

    from drivetrain.cleanup.retention import Retention

_NAMED = 20  # pods or workbooks in an XCom


class CleanupOperator(BaseOperator):
    """What the clean-ups share.

    Args:
        include: the folder with cleanup/retention.yaml.
        budget_minutes: when to stop. What is left is the next run's.

    Returns (XCom): numbers, and `dry_run`.
    """

    ui_color = "#efe7d6"

    def __init__(self, *, include: str, budget_minutes: float = 40, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.include = include
        self.budget_minutes = budget_minutes

    def execute(self, context: Context) -> dict[str, Any]:
        """Clean up, or count what would go."""
        until = time.monotonic() + self.budget_minutes * 60
        with told_to_airflow():
            refuse_unknown(context, {"dry_run"})
            dry_run = is_rehearsal(context)
            retention = load_retention(Path(self.include))
            result = self.clean(retention, dry_run=dry_run, is_over=lambda: time.monotonic() > until)
        self.log.info("%s: %s", "would free" if dry_run else "freed", result)
        return {**result, "dry_run": dry_run}

    def clean(self, retention: Retention, *, dry_run: bool, is_over: Callable[[], bool]) -> dict[str, Any]:
        """One round."""
        raise NotImplementedError


class MetadataCleanupOperator(CleanupOperator):
    """Delete old DAG runs with all that belongs to them, other old rows, and old DAG versions.

    Args:
        metadata_conn_id: Airflow's database, see hooks.airflow_metadata.
        gcp_conn_id: for an archive in a bucket.

    Returns (XCom): see drivetrain.cleanup.database.DatabaseReport, and `database_bytes`.
    """

    def __init__(
        self,
        *,
        metadata_conn_id: str = AirflowMetadataHook.default_conn_name,
        gcp_conn_id: str = "google_cloud_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.metadata_conn_id, self.gcp_conn_id = metadata_conn_id, gcp_conn_id

    def clean(self, retention: Retention, *, dry_run: bool, is_over: Callable[[], bool]) -> dict[str, Any]:
        """One round."""
        database = AirflowMetadataHook(self.metadata_conn_id, batch_seconds=retention.batches.seconds)
        now, archive = _now(), None
        if retention.archive and not dry_run:
            archive = Archive(file_store(retention.archive, gcp_conn_id=self.gcp_conn_id), now)
        report = clean_database(database, retention, now, archive=archive, is_over=is_over, dry_run=dry_run)
        size = database.database_bytes()
        if not dry_run:
            emit(metrics.of_database(report, size), metrics.PREFIX)
        return {**asdict(report), "database_bytes": size}


class TaskLogsCleanupOperator(CleanupOperator):
    """Delete old task logs, and the oldest of teams that have too many.

    Args:
        metadata_conn_id: Airflow's database: whose DAGs are whose, and which runs have not ended.

    Returns (XCom): for each store `files` and `bytes` that went and `kept_bytes`, by team, and `is_complete`;
    `unknown`: a remote store that has to be cleaned by its own rules.
    """

    def __init__(self, *, metadata_conn_id: str = AirflowMetadataHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metadata_conn_id = metadata_conn_id

    def clean(self, retention: Retention, *, dry_run: bool, is_over: Callable[[], bool]) -> dict[str, Any]:
        """One round."""
        database, stores = AirflowMetadataHook(self.metadata_conn_id), log_stores()
        owners = Owners(database.teams(), database.alive_runs())
        if stores.unknown:
            self.log.warning("logs at %s are not cleaned here: give the store a rule of its own", stores.unknown)
        freed = {
            name: Sweep(store, retention, owners, _now(), is_over=is_over, dry_run=dry_run).run()
            for name, store in stores.known.items()
        }
        if not dry_run:
            emit(metrics.of_logs(freed), metrics.PREFIX)
        return {**{name: one.told() for name, one in freed.items()}, "unknown": stores.unknown}


class FinishedPodsCleanupOperator(CleanupOperator):
    """Delete pods of tasks that ended and that nobody removed. Skipped where tasks run in no pods.

    Args:
        kubernetes_conn_id: the cluster.

    Returns (XCom): `pods`: how many, `names`: of some, `is_complete`.
    """

    def __init__(self, *, kubernetes_conn_id: str = "kubernetes_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kubernetes_conn_id = kubernetes_conn_id

    def clean(self, retention: Retention, *, dry_run: bool, is_over: Callable[[], bool]) -> dict[str, Any]:
        """One round."""
        # Not above: it imports 1,500 modules of two Kubernetes clients, 0.6 s of CPU at each parse of the DAG.
        from hooks.finished_pods import FinishedPodsHook

        hook = FinishedPodsHook(self.kubernetes_conn_id)
        if not hook.exists():
            raise AirflowSkipException(f"connection {self.kubernetes_conn_id}: there is none: no task runs in a pod")
        gone, is_complete, finished_for = [], True, parse_duration(retention.pods.finished_for)
        for namespace in retention.pods.namespaces or (hook.namespace,):
            for pod in left_over(hook.pods(namespace), now=_now(), finished_for=finished_for):
                if is_over():
                    is_complete = False
                    break
                if dry_run or hook.delete(pod):
                    gone.append(f"{namespace}/{pod.name}")
        if not dry_run:
            emit(metrics.of_pods(len(gone)), metrics.PREFIX)
        return {"pods": len(gone), "names": gone[:_NAMED], "is_complete": is_complete}


class StagingTabsCleanupOperator(CleanupOperator):
    """Delete the hidden tabs that killed syncs left in the workbooks of the specs.

    A workbook that somebody works on is left for its next turn, and so is one that can't be read: whoever writes it
    will say so.

    Args:
        state_conn_id: Postgres, which knows who works on what.
        redis_conn_id: the shared count of Google's quota, if there is one.

    Returns (XCom): `workbooks` that were looked at, `tabs` that went, `skipped`: workbooks with the reason, and
    `is_complete`.
    """

    def __init__(
        self,
        *,
        state_conn_id: str = StateHook.default_conn_name,
        redis_conn_id: str = "redis_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.state_conn_id, self.redis_conn_id = state_conn_id, redis_conn_id

    def clean(self, retention: Retention, *, dry_run: bool, is_over: Callable[[], bool]) -> dict[str, Any]:
        """One round."""
        state, quota = StateHook(self.state_conn_id), shared_quota(self.redis_conn_id)
        targets = [sync.spec.target for team in load_teams(Path(self.include)) for sync in team.syncs]
        connections = {target.spreadsheet_id: target.connection for target in targets}
        hooks = {name: GoogleSheetsHook(name, quota=quota, priority=Priority.LOW) for name in set(connections.values())}
        tabs: Counter[str] = Counter()
        errors: dict[str, DrivetrainError] = {}
        is_complete = True
        for workbook in tonight(connections, _now().date(), retention.staging_tabs.over_nights):
            if is_over():
                is_complete = False
                break
            try:
                tabs[workbook] = _remove_tabs(hooks[connections[workbook]], state, workbook, dry_run=dry_run)
            except DrivetrainError as error:
                errors[workbook] = error
                self.log.warning("%s: left for its next turn: %s", workbook, error)
        if not tabs:
            raise_all(errors)
        if not dry_run:
            emit(metrics.of_tabs(tabs.total()), metrics.PREFIX)
        skipped = {workbook: str(error) for workbook, error in list(errors.items())[:_NAMED]}
        return {"workbooks": len(tabs), "tabs": tabs.total(), "skipped": skipped, "is_complete": is_complete}


def is_rehearsal(context: Context) -> bool:
    """Whether the run only counts. The schedule's runs do it; whoever triggers one has to say so.

    Both have the same parameters, and a form should begin with what does no harm.
    """
    return context["dag_run"].run_type != "scheduled" and bool(context["params"].get("dry_run", True))


def _remove_tabs(sheets: GoogleSheetsHook, state: StateHook, workbook: str, *, dry_run: bool) -> int:
    """Under the lock that every writer of the workbook takes: what lies there then is nobody's."""
    alone = nullcontext(lambda: True) if dry_run else state.workbook(workbook, patience_seconds=1)
    with alone as still_ours:
        port = GuardedPort(sheets.client_for(workbook), still_ours)
        tabs = orphans(port.get_workbook(workbook, FIELDS))
        if tabs and not dry_run:
            port.batch_update(workbook, removal(tabs))
    return len(tabs)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
