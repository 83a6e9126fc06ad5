"""Our own state in Postgres, by an Airflow connection."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import tenacity
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from sqlalchemy.exc import DBAPIError

from drivetrain.errors import RetriableError, UnavailableError
from drivetrain.jobs.keeper import Keeper
from drivetrain.jobs.postgres_locks import PostgresGroupLocks
from drivetrain.sheets.dispatch import KIND
from drivetrain.sheets.spec import Edits
from drivetrain.state.memory import PostgresMemory
from drivetrain.state.migrate import migrate
from drivetrain.state.rejects import save_rejects
from drivetrain.state.shared_queries import SharedQueries
from drivetrain.state.syncs import PostgresRegistry
from hooks.postgres_url import postgres_url

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from sqlalchemy.engine import Engine

    from drivetrain.jobs.locks import GroupLock
    from drivetrain.sheets.memory import Remembered
    from drivetrain.sheets.rejects import Reject
    from drivetrain.sheets.spec import SheetSyncSpec

_LOCK_SECONDS = 600.0
_WRITE_SECONDS = 200.0  # Google ends a call after 180 s


class StateHook(BaseHook):
    """The database that holds what we know between runs.

    Args:
        state_conn_id: a connection of type postgres.
    """

    conn_name_attr = "state_conn_id"
    default_conn_name = "drivetrain_state"

    def __init__(self, state_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_conn_id = state_conn_id

    @cached_property
    def engine(self) -> Engine:
        """A small pool: most tasks need one connection at a time, a worker one for each of its threads."""
        connection = self.get_connection(self.state_conn_id)
        return sa.create_engine(
            postgres_url(connection),
            pool_size=1,
            max_overflow=20,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10},
        )

    @cached_property
    def registry(self) -> PostgresRegistry:
        """What is known of all sheet syncs."""
        return PostgresRegistry(self.engine)

    @cached_property
    def memory(self) -> PostgresMemory:
        """What the last run of each sheet sync left behind."""
        return PostgresMemory(self.engine)

    @cached_property
    def shared_queries(self) -> SharedQueries:
        """Queries whose results other syncs may fetch."""
        return SharedQueries(self.engine)

    def recall(self, specs: Collection[SheetSyncSpec], *, dry_run: bool) -> Mapping[str, Remembered]:
        """What is remembered of syncs, by name.

        A plan goes without where the database is away, unless a sync keeps people's edits: then it would show too much.
        """
        is_needed = not dry_run or any(spec.edits is Edits.KEEP for spec in specs)
        try:
            return self.memory.load([spec.sync for spec in specs])
        except (AirflowNotFoundException, UnavailableError, DBAPIError):
            if is_needed:
                raise
            return {}

    @contextmanager
    def workbook(self, spreadsheet_id: str, *, patience_seconds: float = 120) -> Iterator[Callable[[], bool]]:
        """Have a workbook to oneself, as a worker that leased its jobs has it; gives Keeper.still_ours.

        Args:
            spreadsheet_id: the workbook.
            patience_seconds: how long to wait for whoever has it.

        Raises:
            RetriableError: somebody else has it for longer than that.
        """
        locks = PostgresGroupLocks(self.engine, kind=KIND)
        waiting = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda lock: lock is None),
            wait=tenacity.wait_random(0.5, 2),
            stop=tenacity.stop_after_delay(patience_seconds),
        )
        try:
            lock: GroupLock = waiting(lambda: locks.take([spreadsheet_id], seconds=_LOCK_SECONDS).get(spreadsheet_id))
        except tenacity.RetryError:
            raise RetriableError(
                f"workbook {spreadsheet_id}: another run has had it for {patience_seconds:.0f} s: tried again later"
            ) from None

        def extend(seconds: float) -> None:
            nonlocal lock
            lock = locks.extend(lock, seconds=seconds)

        keeper = Keeper(extend, seconds=_LOCK_SECONDS, write_seconds=_WRITE_SECONDS, name=f"lock {spreadsheet_id}")
        try:
            with keeper:
                yield keeper.still_ours
        finally:
            locks.release(lock)

    @staticmethod
    def now() -> dt.datetime:
        """The clock of everything that is kept here."""
        return dt.datetime.now(dt.UTC)

    def migrate(self) -> None:
        """Bring the tables to the code's version."""
        migrate(self.engine)

    def save_rejects(self, sync: str, run_id: str, rejects: Sequence[Reject]) -> None:
        """Keep the rows that a run set aside; a run tried again keeps them once."""
        save_rejects(self.engine, sync, run_id, rejects)
