"""What to do with a file that arrived: fetch, judge, load or set aside, and keep what became of it."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow.parquet as pq

from drivetrain.errors import FatalError
from drivetrain.features.encode import ColumnRefusedError
from drivetrain.features.file_rows import REASON, file_columns, sorted_out, table_schema
from drivetrain.features.landing import is_for, landed_file, why_unfit
from drivetrain.state.features import FileOutcome, PostgresFeatureFiles
from hooks.feature_files import parquet_batches
from hooks.feature_warehouse import FeatureWarehouseHook
from hooks.landed_files import LandedFiles

if TYPE_CHECKING:
    import datetime as dt

    from drivetrain.features.landing import LandedFile
    from drivetrain.features.registry import RegisteredView
    from drivetrain.features.spec import FeatureSpec, Landing
    from drivetrain.features.view import View
    from hooks.feature_store import FeatureStoreHook
    from hooks.pubsub_client import Received
    from hooks.state import StateHook

IGNORED = "ignored"


class Told(Protocol):
    """Hears of a file that was set aside."""

    def __call__(self, file: LandedFile, place: str, reason: str) -> None:
        """Told once the file is there."""


@dataclass(frozen=True)
class _Sorted:
    """A file's rows in files of their own."""

    good: Path
    bad: Path
    rows: int
    rejected: int
    reasons: Counter[str]


class FeatureLanding:
    """One view's files.

    Args:
        spec: the view's; it has a landing.
        store: where its definition is.
        state: Postgres, for what became of each file.
        told: told of each file that is set aside: the file, where it is now, and why.
    """

    def __init__(self, spec: FeatureSpec, store: FeatureStoreHook, state: StateHook, told: Told) -> None:
        self._spec, self._state, self._told = spec, state, told
        self._registered = store.view(spec.view)
        self._files = LandedFiles(store.settings.gcp_conn_id)
        self._warehouse = FeatureWarehouseHook(store.settings.gcp_conn_id)
        self._memory = PostgresFeatureFiles(state.engine, store.settings.project, spec.view)

    def take(self, received: Received) -> Counter[str]:
        """Do what a message says; gives what was done."""
        file = landed_file(received.attributes)
        landing = self._spec.landing
        if file is None or landing is None or not is_for(file, landing):
            return Counter({IGNORED: 1})
        if self._memory.outcome(file) is not None:
            return Counter({IGNORED: 1})
        with tempfile.TemporaryDirectory(prefix="landed-") as folder:
            path = Path(folder) / "file"
            landed_at = self._files.fetch(file, path)
            if landed_at is None:  # replaced, set aside or taken away meanwhile
                return Counter({IGNORED: 1})
            return self._judge(file, path, landing, landed_at)

    def _judge(self, file: LandedFile, path: Path, landing: Landing, landed_at: dt.datetime) -> Counter[str]:
        now = self._state.now()
        try:
            found = _sort_rows(path, self._registered.view, now)
        except ColumnRefusedError as error:
            # The name of our copy says nothing to anybody.
            return self._set_aside(file, str(error).replace(str(path), file.name), landed_at, rows=0, rejected=0)
        reason = why_unfit(landing, found.rows, found.rejected, self._memory.usual_rows())
        if found.rejected:
            self._files.keep_rows(file, found.bad)
        if reason is not None:
            if found.reasons:
                reason += ": " + ", ".join(f"{count:,} {why}" for why, count in found.reasons.most_common(5))
            return self._set_aside(file, reason, landed_at, rows=found.rows, rejected=found.rejected)
        key = hashlib.sha256(f"{file.url}#{file.generation}".encode()).hexdigest()[:32]
        self._warehouse.load(found.good, _table(self._registered), key=key)
        self._memory.done(
            file, FileOutcome.LOADED, rows=found.rows, rejected=found.rejected, landed_at=landed_at, now=now
        )
        return Counter({"loaded": 1, "rows": found.rows - found.rejected, "rejected": found.rejected})

    def _set_aside(
        self, file: LandedFile, reason: str, landed_at: dt.datetime, *, rows: int, rejected: int
    ) -> Counter[str]:
        place = self._files.set_aside(file, reason)
        self._memory.done(
            file,
            FileOutcome.SET_ASIDE,
            rows=rows,
            rejected=rejected,
            landed_at=landed_at,
            now=self._state.now(),
            reason=reason,
        )
        self._told(file, place, reason)
        return Counter({"set_aside": 1})


def _sort_rows(path: Path, view: View, now: dt.datetime) -> _Sorted:
    good_path, bad_path = path.with_name("good.parquet"), path.with_name("bad.parquet")
    rows = rejected = 0
    reasons: Counter[str] = Counter()
    bad_writer: pq.ParquetWriter | None = None
    with pq.ParquetWriter(good_path, table_schema(view)) as good_writer:
        try:
            for batch in parquet_batches(path, view, columns=file_columns(view)):
                good, bad = sorted_out(batch, view, now)
                good_writer.write_table(good)
                rows += batch.num_rows
                if len(bad):
                    rejected += len(bad)
                    reasons.update(bad[REASON].to_pylist())
                    bad_writer = bad_writer or pq.ParquetWriter(bad_path, bad.schema)
                    bad_writer.write_table(bad)
        finally:
            if bad_writer is not None:
                bad_writer.close()
    return _Sorted(good_path, bad_path, rows, rejected, reasons)


def _table(registered: RegisteredView) -> str:
    source, view = registered.source, registered.view
    if not source.table or source.field_mapping:
        raise FatalError(
            f"feature view {view.name}: its source is no plain table, so that no files can be loaded into it: remove "
            "landing from its spec"
        )
    return source.table
