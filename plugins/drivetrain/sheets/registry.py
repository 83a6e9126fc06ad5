"""The port of what is known of all syncs: their specs' facts, their state, and the history of their runs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import orjson

from drivetrain.errors import FatalError
from drivetrain.sheets.dispatch import KIND, KnownSync
from drivetrain.sheets.spec import FromRun

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Sequence

    from drivetrain.errors import DrivetrainError
    from drivetrain.sheets.catalog import Sync
    from drivetrain.sheets.dispatch import Decision, Trigger
    from drivetrain.sheets.outcome import SyncOutcome

__all__ = ["KIND", "Changes", "KnownSync", "RunRecord", "SyncRegistry", "spec_hash"]

# An outcome after which the tab is as its query said; see drivetrain.sheets.outcome.SyncOutcome.
GOOD_OUTCOMES = frozenset({"written", "unchanged", "already_applied", "superseded"})
_ERROR_CHARACTERS = 2_000


def spec_hash(sync: Sync) -> str:
    """Changes with anything that a spec or its query says."""
    document = orjson.dumps([sync.spec.model_dump(mode="json"), sync.sql], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(document, digest_size=12).hexdigest()


def query_key(sync: Sync) -> str:
    """The same for all syncs whose query, with its parameters, is the same over the same connection."""
    source = sync.spec.source
    parameters = {
        name: value.from_ if isinstance(value, FromRun) else [value] for name, value in source.parameters.items()
    }
    document = orjson.dumps([source.connection, sync.sql, parameters], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(document, digest_size=12).hexdigest()


@dataclass(frozen=True)
class Changes:
    """What a registration changed, by the syncs' names."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True)
class RunRecord:
    """How one job of one sync went, up to now: a job that is tried again replaces its record.

    Attributes:
        job_key: of the job; one job has one record, however often it is delivered.
        due_at: what the run is about; for one on demand the time of the request.
        attempt: 1 for the first.
        outcome: SyncOutcome's, or "superseded" where a later due time did its work, or "failed".
        is_final: no retry follows: it is done, or was given up.
        error: one line, "" where it went well.
        rows_edited: rows that people edited, see SyncOutcome.
        warning: one line, "" where there is none.
        source: where the rows are from, see SyncOutcome.
        source_read_at: the tab says what the source said then, or later; None: when the run began.
    """

    sync: str
    job_key: str
    due_at: dt.datetime
    trigger: Trigger
    attempt: int
    started_at: dt.datetime
    finished_at: dt.datetime
    outcome: str
    is_final: bool
    error: str = ""
    rows: int = 0
    rows_added: int = 0
    rows_changed: int = 0
    rows_deleted: int = 0
    rows_rejected: int = 0
    write_calls: int = 0
    read_calls: int = 0
    bytes_sent: int = 0
    rows_edited: int = 0
    warning: str = ""
    source: str = "query"
    source_read_at: dt.datetime | None = None

    @property
    def is_good(self) -> bool:
        """Whether the tab is as its query said."""
        return self.outcome in GOOD_OUTCOMES

    def ended(self, outcome: SyncOutcome | None, error: DrivetrainError | None, *, is_last: bool) -> RunRecord:
        """With what became of it.

        Args:
            outcome: None: it failed.
            error: what with.
            is_last: nobody would try it again.
        """
        if outcome is None:
            final = isinstance(error, FatalError) or is_last
            return replace(self, outcome="failed", is_final=final, error=str(error)[:_ERROR_CHARACTERS])
        return replace(
            self,
            outcome=outcome.outcome,
            is_final=True,
            rows=outcome.rows,
            rows_added=outcome.rows_added,
            rows_changed=outcome.rows_changed,
            rows_deleted=outcome.rows_deleted,
            rows_rejected=outcome.rows_rejected,
            write_calls=outcome.write_calls,
            read_calls=outcome.read_calls,
            bytes_sent=outcome.bytes_sent,
            rows_edited=outcome.rows_edited,
            warning=outcome.warning,
            source=outcome.source,
            source_read_at=outcome.source_read_at,
        )


class SyncRegistry(Protocol):
    """Every method may be repeated with the same effect, and may raise UnavailableError."""

    def specs_version(self) -> str | None:
        """What the last registration was of; None before the first."""

    def register(self, syncs: Sequence[Sync], now: dt.datetime, *, version: str = "") -> Changes:
        """Take over what the specs say. A new sync is due from now on; one that is gone keeps its history.

        Of a new sync the latest run counts, where there is one: somebody ran it by hand before it was registered.

        Args:
            syncs: all of them.
            now: aware.
            version: of the files, see drivetrain.sheets.catalog.specs_version.
        """

    def due(self, now: dt.datetime) -> Sequence[KnownSync]:
        """Those that may have to run at `now`: a due time has come, or they are late; never one that is paused."""

    def dispatched(self, decisions: Sequence[Decision], now: dt.datetime) -> None:
        """Remember decisions; called after their jobs are in the queue, so that none is lost in between."""

    def finished(self, keys: Collection[str]) -> set[str]:
        """Those of these jobs that ended well already: a queue may deliver them again."""

    def record(self, records: Sequence[RunRecord]) -> None:
        """Keep how runs went, all or none."""

    def pause(self, sync: str, *, by: str, now: dt.datetime) -> bool:
        """Let a sync not be due until it is resumed; False: there is none of that name."""

    def resume(self, sync: str, now: dt.datetime) -> bool:
        """Let it be due again from now on; False: there is none of that name."""

    def prune(self, *, before: dt.datetime) -> int:
        """Forget months of history that ended before; returns how many."""
