"""What to do with a file that arrived: fetch, judge, load or set aside, and keep what became of it."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from drivetrain.features.encode import ColumnRefusedError
from drivetrain.features.file_rows import file_columns
from drivetrain.features.landing import is_for, landed_file, why_unfit
from drivetrain.state.features import FileOutcome, PostgresFeatureFiles
from hooks.feature_files import parquet_batches
from hooks.feature_warehouse import FeatureWarehouseHook
from hooks.incoming_rows import loaded_table, sort_rows
from hooks.landed_files import LandedFiles

if TYPE_CHECKING:
    import datetime as dt

    from drivetrain.features.landing import LandedFile
    from drivetrain.features.spec import FeatureSpec, Landing
    from hooks.feature_store import FeatureStoreHook
    from hooks.pubsub_client import Received
    from hooks.state import StateHook

IGNORED = "ignored"


class Told(Protocol):
    """Hears of a file that was set aside."""

    def __call__(self, file: LandedFile, place: str, reason: str) -> None:
        """Told once the file is there."""


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
        now, view = self._state.now(), self._registered.view
        try:
            batches = parquet_batches(path, view, columns=file_columns(view))
            found = sort_rows(batches, path.parent, view, now)
        except ColumnRefusedError as error:
            # The name of our copy says nothing to anybody.
            return self._set_aside(file, str(error).replace(str(path), file.name), landed_at, rows=0, rejected=0)
        reason = why_unfit(landing, found.rows, found.rejected, self._memory.usual_rows())
        if found.rejected:
            self._files.keep_rows(file, found.bad)
        if reason is not None:
            return self._set_aside(file, reason + found.told, landed_at, rows=found.rows, rejected=found.rejected)
        table = loaded_table(self._registered)
        self._warehouse.load(found.good, table, key=f"{table}#{file.url}#{file.generation}")
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
