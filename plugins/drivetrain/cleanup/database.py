"""One night's clean-up of Airflow's database: which runs stay, then table by table."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from drivetrain.cleanup.metadata import Cleaner, Cut, MetadataStore
from drivetrain.cleanup.pace import Pace
from drivetrain.cleanup.retention import DAY
from drivetrain.cleanup.tables import AGED, DAG_VERSIONS
from drivetrain.errors import FatalError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping

    from drivetrain.cleanup.archive import Archive
    from drivetrain.cleanup.retention import Retention

# Fewer dead rows than this are no reason to read a table from end to end: autovacuum comes by anyway.
VACUUM_FROM_ROWS = 10_000


class Database(MetadataStore, Protocol):
    """Airflow's database as a whole."""

    def teams(self) -> Mapping[str, str]:
        """The team of each DAG that has one."""

    def dag_ids(self) -> Collection[str]:
        """DAGs that have runs."""

    def latest_runs(self, dag_id: str, latest: int) -> Collection[int]:
        """Ids of a DAG's newest runs, and of the newest of each type, failed or not and succeeded."""

    def vacuum(self, tables: Collection[str]) -> Collection[str]:
        """Make the space of deleted rows usable; the tables that it worked for."""


@dataclass(frozen=True)
class DatabaseReport:
    """What went, or would go.

    Attributes:
        rows: by table.
        transactions: that deleted something.
        seconds: of all of them.
        longest_seconds: of one.
        skipped: batches left to the next time, since somebody held their rows.
        is_complete: the walk came to its end in time; else the next one goes on.
        archived_rows: copied before.
        archived_bytes: of the copies.
        vacuumed: tables whose space can be used again.
    """

    rows: dict[str, int]
    transactions: int = 0
    seconds: float = 0.0
    longest_seconds: float = 0.0
    skipped: int = 0
    is_complete: bool = True
    archived_rows: int = 0
    archived_bytes: int = 0
    vacuumed: list[str] = field(default_factory=list)


def clean_database(
    store: Database,
    retention: Retention,
    now: dt.datetime,
    *,
    archive: Archive | None = None,
    is_over: Callable[[], bool] = lambda: False,
    dry_run: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> DatabaseReport:
    """Delete what is old. Killed anywhere, the next one goes on.

    Args:
        store: the database.
        retention: for how long things are kept.
        now: aware.
        archive: gets a copy first.
        is_over: whether the time is up.
        dry_run: count, delete nothing.
        sleep: how to wait; tests don't.

    Raises:
        FatalError: a team of the retention's is no DAG's: misspelled, its runs would go too early.
        RetriableError: the database is away.
    """
    batches = retention.batches
    pace = Pace(batches.seconds, batches.most_rows)
    cleaner = Cleaner(store, pace, archive=archive, rest=batches.rest, is_over=is_over, dry_run=dry_run, sleep=sleep)
    cutoffs = _cutoffs(store, retention, now)
    kept = [run for dag_id in cutoffs for run in store.latest_runs(dag_id, retention.latest_runs)]
    is_complete = cleaner.clean_runs(cutoffs, kept)
    # After the runs: what belonged to one of them may go only then.
    for table in AGED:
        is_complete &= cleaner.clean_aged(table, Cut(now - retention.table(table.table)))
    # A version of today may be about to get its first run.
    is_complete &= cleaner.clean_aged(DAG_VERSIONS, Cut(now - DAY, retention.dag_versions))
    tally = cleaner.tally
    many = [table for table, rows in tally.rows.items() if rows >= VACUUM_FROM_ROWS]
    return DatabaseReport(
        rows=dict(sorted(tally.rows.items())),
        transactions=tally.transactions,
        seconds=round(tally.seconds, 3),
        longest_seconds=round(tally.longest_seconds, 3),
        skipped=tally.skipped,
        is_complete=is_complete,
        archived_rows=archive.rows if archive else 0,
        archived_bytes=archive.bytes if archive else 0,
        vacuumed=list(store.vacuum(many)) if many and batches.vacuum and not dry_run else [],
    )


def _cutoffs(store: Database, retention: Retention, now: dt.datetime) -> dict[str, dt.datetime]:
    teams = store.teams()
    known = set(teams.values())
    if unknown := sorted(set(retention.teams) - known):
        raise FatalError(
            f"teams.{unknown[0]}: no DAG has the tag team:{unknown[0]}: correct or remove it; "
            f"there are: {', '.join(sorted(known))}"
        )
    return {dag_id: now - retention.of(teams.get(dag_id)).runs for dag_id in store.dag_ids()}
