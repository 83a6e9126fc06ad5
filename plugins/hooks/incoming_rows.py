"""Rows on their way into a feature view's table: sorted into those that are fit for it, and those that are not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from drivetrain.errors import FatalError
from drivetrain.features.file_rows import REASON, sorted_out, table_schema

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

    from drivetrain.features.registry import RegisteredView
    from drivetrain.features.view import View


@dataclass(frozen=True)
class SortedRows:
    """Rows in files of their own.

    Attributes:
        good: a Parquet file as the view's table takes it.
        bad: one of the others, with the reason; it is there if there are any.
        rows: all of them.
        rejected: the bad ones.
        reasons: how many of them for which.
    """

    good: Path
    bad: Path
    rows: int
    rejected: int
    reasons: Counter[str]

    @property
    def told(self) -> str:
        """The reasons that most were rejected for, behind a sentence; "": none was."""
        if not self.reasons:
            return ""
        return ": " + ", ".join(f"{count:,} {why}" for why, count in self.reasons.most_common(5))


def sort_rows(batches: Iterable[pa.RecordBatch], folder: Path, view: View, now: dt.datetime) -> SortedRows:
    """Read all rows, some at a time.

    Args:
        batches: have the columns of file_rows.file_columns.
        folder: for the two files.
        view: what they are of.
        now: when they are made.

    Raises:
        ColumnRefusedError: a column can't be what the view says.
    """
    good_path, bad_path = folder / "good.parquet", folder / "bad.parquet"
    rows = rejected = 0
    reasons: Counter[str] = Counter()
    bad_writer: pq.ParquetWriter | None = None
    with pq.ParquetWriter(good_path, table_schema(view)) as good_writer:
        try:
            for batch in batches:
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
    return SortedRows(good_path, bad_path, rows, rejected, reasons)


def loaded_table(registered: RegisteredView) -> str:
    """The table that a view's rows are loaded into.

    Raises:
        FatalError: its source is none.
    """
    source, view = registered.source, registered.view
    if not source.table or source.field_mapping:
        raise FatalError(
            f"feature view {view.name}: its source is no plain table, so that nothing can be loaded into it: remove "
            "landing and load from its spec"
        )
    return source.table
