"""Files with a view's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from drivetrain.features.encode import ColumnRefusedError
from drivetrain.features.materialize import PART

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from drivetrain.features.view import View


_READ_BYTES = 1 << 20  # of a column at a time; else a group's whole column is read at once


def parquet_batches(
    path: Path, view: View, *, rows: int = PART, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """The view's columns of a file, so many rows at a time.

    Args:
        path: of the file.
        view: what it is of.
        rows: at a time.
        columns: which; None: all of the view's.

    Raises:
        ColumnRefusedError: it is no Parquet file, ends too early, or has not all of the columns.
    """
    wanted = list(dict.fromkeys(view.columns)) if columns is None else list(columns)
    try:
        with pq.ParquetFile(path, buffer_size=_READ_BYTES) as file:
            known = set(file.schema_arrow.names)
            if missing := sorted(set(wanted) - known):
                raise ColumnRefusedError(
                    f"{path}: has no column {', '.join(missing)}, which feature view {view.name} asks for"
                )
            for group in range(file.num_row_groups):  # asked for all of them, it would hold on to those behind it
                yield from file.iter_batches(rows, row_groups=[group], columns=wanted)
    except pa.ArrowInvalid as error:
        raise ColumnRefusedError(f"{path}: is no Parquet file, or not a whole one: {error}") from None


def parquet_rows(path: Path) -> int:
    """How many rows a file says it has.

    Raises:
        ColumnRefusedError: it is no Parquet file.
    """
    try:
        return int(pq.read_metadata(path).num_rows)
    except pa.ArrowInvalid as error:
        raise ColumnRefusedError(f"{path}: is no Parquet file: {error}") from None


def first_rows(path: Path, count: int) -> list[dict[str, Any]]:
    """The first rows of a file, as Python has them."""
    with pq.ParquetFile(path) as file:
        batch = next(file.iter_batches(count), None)
    return [] if batch is None else list(batch.to_pylist())
