"""From batches of rows to Redis: one thread prepares, another writes, and only a few parts are in memory at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from drivetrain.features.online_rows import Prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from drivetrain.features.online_rows import OnlineRows
    from drivetrain.features.view import View

PART = 10_000  # rows: of 20 features some 5 MB, and enough for a column's fixed costs not to matter
_KEPT_PLACES = 1_000


class WriteResult(Protocol):
    """What a writer says of rows."""

    written: int
    stale: int
    conflicts: int


@dataclass
class Materialized:
    """What became of all rows.

    Attributes:
        read: rows that came in.
        written: entities that have these rows' values now; one whose rows came in several parts counts in each.
        stale: rows that are older than what was there.
        superseded: rows of entities that had a later one in the same part.
        rejected: by reason, how many rows nothing could be written for.
        places: of the first of those, by reason: which of all rows they were.
        conflicts: transactions that other writers came between.
    """

    read: int = 0
    written: int = 0
    stale: int = 0
    superseded: int = 0
    conflicts: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    places: dict[str, list[int]] = field(default_factory=dict)

    def reject(self, reason: str, places: NDArray[np.int64]) -> None:
        """Count rows of the part that begins after `read` rows."""
        self.rejected[reason] = self.rejected.get(reason, 0) + len(places)
        kept = self.places.setdefault(reason, [])
        kept += (self.read + places[: _KEPT_PLACES - len(kept)]).tolist()


def materialize(
    batches: Iterable[pa.RecordBatch],
    view: View,
    write: Callable[[OnlineRows], WriteResult],
    *,
    progress: Callable[[Materialized], None] = lambda _: None,
) -> Materialized:
    """Write all rows. May be repeated, or stopped at any place and begun again: the end is the same.

    Args:
        batches: of any size, with the view's columns.
        view: what they are of.
        write: see hooks.online_writer.OnlineWriter.write.
        progress: told after each part.

    Raises:
        ColumnRefusedError: a batch is not what the view says; what came before it is written.
    """
    total = Materialized()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prepare") as pool:
        parts = _parts(batches)
        coming = [pool.submit(_next, parts, view)]
        while True:
            # The next part is prepared while this one is on its way to Redis.
            size, prepared = coming.pop().result()
            if prepared is None:
                return total
            coming.append(pool.submit(_next, parts, view))
            done = write(prepared.rows)
            total.superseded += prepared.superseded
            total.written += done.written
            total.stale += done.stale
            total.conflicts += done.conflicts
            for reason, places in prepared.rejected.items():
                total.reject(reason, places)
            total.read += size
            progress(total)


def _parts(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, PART):
            yield batch.slice(start, PART)
        del batch  # before the next one comes: a page of BigQuery's has megabytes


def _next(parts: Iterator[pa.RecordBatch], view: View) -> tuple[int, Prepared | None]:
    part = next(parts, None)
    return (0, None) if part is None else (part.num_rows, prepare(part, view))
