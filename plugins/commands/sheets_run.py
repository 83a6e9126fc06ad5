"""Syncs run from the command line: workbook by workbook, as their tasks run them."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowNotFoundException
from sqlalchemy.exc import DBAPIError

from drivetrain.errors import DrivetrainError, FatalError
from drivetrain.quota.port import Priority
from drivetrain.sheets import a1
from drivetrain.sheets.engine import SyncJob, run_group
from drivetrain.sheets.registry import spec_hash
from drivetrain.sheets.schedule import bind, run_key, run_window
from hooks.google_sheets import GoogleSheetsHook
from hooks.guarded_memory import GuardedMemory
from hooks.guarded_port import GuardedPort
from hooks.sheets_quota import shared_quota
from hooks.snowflake import SnowflakeConnections
from hooks.state import StateHook

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    from drivetrain.sheets.catalog import Sync
    from drivetrain.sheets.memory import Remembered
    from drivetrain.sheets.outcome import SyncOutcome
    from drivetrain.sheets.port import RowSource, SheetsPort


@dataclass(frozen=True)
class Told:
    """What became of one sync: an outcome or an error.

    Attributes:
        header: the tab's header row as it was found, as far as the sync's columns go; empty for a new tab.
        url: the tab's page.
    """

    sync: Sync
    outcome: SyncOutcome | None = None
    error: DrivetrainError | None = None
    header: tuple[str, ...] = ()
    url: str | None = None

    @property
    def kind(self) -> str:
        """planned, written, unchanged, already_applied or failed."""
        return self.outcome.outcome if self.outcome else "failed"

    def summary(self) -> dict[str, Any]:
        """As a task returns it."""
        spec = self.sync.spec
        if self.outcome is None:
            return {"sync": spec.sync, "outcome": "failed", "error": str(self.error), "team": spec.team}
        return self.outcome.summary() | {"url": self.url, "team": spec.team}


def run_syncs(syncs: Sequence[Sync], *, at: dt.datetime, run_id: str, dry_run: bool) -> Iterator[Told]:
    """Plan or run syncs, and tell of each when its workbook is done.

    Args:
        syncs: any.
        at: the run's time, for queries about an interval.
        run_id: the same for every try of one run.
        dry_run: plan only. Nobody is kept waiting then; a run has each workbook to itself.
    """
    books: dict[tuple[str, str], list[Sync]] = {}
    for sync in syncs:
        target = sync.spec.target
        books.setdefault((target.spreadsheet_id, target.connection), []).append(sync)
    with SnowflakeConnections() as snowflake:
        for (spreadsheet_id, connection), together in books.items():
            book = _Book(spreadsheet_id, connection, snowflake, at, run_id, dry_run)
            yield from book.run(together)


@dataclass
class _Book:
    spreadsheet_id: str
    connection: str
    snowflake: SnowflakeConnections
    at: dt.datetime
    run_id: str
    dry_run: bool

    def run(self, syncs: Sequence[Sync]) -> Iterator[Told]:
        try:
            with _one_line():
                sheets = GoogleSheetsHook(self.connection, quota=shared_quota(), priority=Priority.HIGH)
                port = _HeaderSeen(sheets.client_for(self.spreadsheet_id))
                state = StateHook()
                alone = nullcontext(lambda: True) if self.dry_run else state.workbook(self.spreadsheet_id)
                with alone as still_ours:
                    known = state.recall([sync.spec for sync in syncs], dry_run=self.dry_run)
                    jobs = [self._job(sync, known) for sync in syncs]
                    memory = GuardedMemory(state.memory, still_ours)
                    result = run_group(jobs, GuardedPort(port, still_ours), memory=memory)
        except DrivetrainError as error:
            yield from (Told(sync, error=error) for sync in syncs)
            return
        for sync in syncs:
            outcome = result.outcomes.get(sync.spec.sync)
            if outcome is None:
                yield Told(sync, error=result.errors[sync.spec.sync])
            else:
                header = port.header(outcome.tab, sync.spec.target.anchor)
                yield Told(sync, outcome, header=header, url=sheets.url(self.spreadsheet_id, outcome.gid))

    def _job(self, sync: Sync, known: Mapping[str, Remembered]) -> SyncJob:
        spec = sync.spec
        window = run_window(spec.schedule, spec.freshness_objective, self.at)
        return SyncJob(
            spec=spec,
            open_source=partial(self._source, sync, bind(spec.source.parameters, window)),
            run_id=run_key(spec, window, self.run_id),
            dry_run=self.dry_run,
            on_rejects=lambda rejects: StateHook().save_rejects(spec.sync, self.run_id, rejects),
            spec_hash=spec_hash(sync),
            memory=known.get(spec.sync),
        )

    @contextmanager
    def _source(self, sync: Sync, parameters: Mapping[str, object]) -> Iterator[RowSource]:
        spec = sync.spec
        with _one_line():
            result = self.snowflake.arrow_result(spec.source.connection, sync.sql, parameters, name=f"sync {spec.sync}")
            with result as rows:
                yield rows


@contextmanager
def _one_line() -> Iterator[None]:
    """A connection that Airflow does not have, or tables that are not there, as an error of ours."""
    try:
        yield
    except AirflowNotFoundException as error:
        reason = str(error).rstrip(".")
        raise FatalError(f"{reason}: add the connection, or run this in the environment that has it") from None
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())[:200]
        raise FatalError(
            f"connection {StateHook.default_conn_name}: {reason}: bring its tables to the code's version by "
            "`drivetrain state migrate`"
        ) from None


@dataclass
class _HeaderSeen:
    """A port that keeps the header rows that pass by, since a plan shows new columns and asks nothing twice."""

    port: SheetsPort
    _first_rows: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def usage(self) -> Any:
        return self.port.usage

    def get_workbook(self, spreadsheet_id: str, fields: str) -> dict[str, Any]:
        return self.port.get_workbook(spreadsheet_id, fields)

    def read_values(self, spreadsheet_id: str, ranges: Sequence[str]) -> Sequence[Sequence[Sequence[object]]]:
        answers = self.port.read_values(spreadsheet_id, ranges)
        for where, rows in zip(ranges, answers, strict=True):
            first = rows[0] if rows else ()
            self._first_rows.setdefault(where.rsplit(":", 1)[0], tuple(str(cell) for cell in first))
        return answers

    def batch_update(self, spreadsheet_id: str, body: bytes) -> None:
        self.port.batch_update(spreadsheet_id, body)

    def put_values(self, spreadsheet_id: str, where: str, body: bytes) -> None:
        self.port.put_values(spreadsheet_id, where, body)

    def header(self, tab: str, anchor: str) -> tuple[str, ...]:
        """The first row from a cell on; nothing where nobody read it."""
        return self._first_rows.get(f"{a1.quote_tab(tab)}!{anchor}", ())
