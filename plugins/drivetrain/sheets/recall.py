"""One run's use of what is remembered: whether there is anything to do, which rows were ours, what to remember next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from drivetrain.sheets.known import KnownRows
from drivetrain.sheets.memory import Remembered
from drivetrain.sheets.spec import Mode

if TYPE_CHECKING:
    import datetime as dt

    from drivetrain.sheets.ingest import Ingested
    from drivetrain.sheets.job import SyncJob


class Recall:
    """The memory of one sync while it runs.

    Args:
        job: the sync, with what the last run left behind.
        opened_at: before its query ran.
    """

    def __init__(self, job: SyncJob, opened_at: dt.datetime) -> None:
        self._job, self._opened_at = job, opened_at
        self._left: dict[str, bytes] = {}

    @property
    def may_skip(self) -> bool:
        """Whether the query's result alone can show that nothing is to do: so read it before the sheet is looked at."""
        job, last = self._job, self._job.memory
        if last is None or job.dry_run or job.check_due or not job.spec_hash or job.spec_hash != last.spec_hash:
            return False
        return bool(last.result_digest)

    def unchanged(self, new: Ingested, result_digest: str) -> Remembered | None:
        """What to remember if the query says what it said the last time, or has nothing to append; else None."""
        last = self._job.memory
        if last is None or not self.may_skip:
            return None
        is_append = self._job.spec.mode is Mode.APPEND
        if new.source_rows if is_append else result_digest != last.result_digest:
            return None
        return replace(
            last,
            source_version=self._job.source_version,
            source_read_at=self._source_read_at,
            result_digest=result_digest,
        )

    def known(self, content: str, shape: bytes) -> KnownRows | None:
        """The rows that were ours when a marker was written."""
        packed = self._left.get(content)
        if packed is None and self._job.memory is not None:
            packed = self._job.memory.rows_of(content)
        return KnownRows.unpack(packed, shape)

    def leave(
        self, content: str, known: KnownRows, *, result_digest: str, rows: int, checked_at: dt.datetime
    ) -> Remembered:
        """What to remember of a tab whose marker says `content`, and to find again should a write's answer be lost."""
        if content:
            self._left[content] = known.packed
        return Remembered(
            sync=self._job.spec.sync,
            spec_hash=self._job.spec_hash,
            source_version=self._job.source_version,
            source_read_at=self._source_read_at,
            result_digest=result_digest,
            tab_digest=content,
            row_hashes=known.packed if content else b"",
            rows=rows,
            checked_at=checked_at,
        )

    @property
    def _source_read_at(self) -> dt.datetime:
        return self._job.source_read_at or self._opened_at
