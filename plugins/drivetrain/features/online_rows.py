"""A batch of a view's rows as what is written into Redis: one row for each entity, its latest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drivetrain.features.encode import ColumnRefusedError, encode
from drivetrain.features.entity_keys import entity_keys
from drivetrain.features.redis_commands import Commands, commands
from drivetrain.features.redis_layout import feature_field, time_field
from drivetrain.features.timestamps import encode_times, microseconds, stored_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from drivetrain.features.view import View


@dataclass(frozen=True)
class OnlineRows:
    """n entities, each once.

    Attributes:
        keys: of their hashes.
        times: event times in microseconds since 1970, shape (n,).
        values: of each feature, serialized, in the view's order.
    """

    view: View
    keys: pa.LargeBinaryArray
    times: NDArray[np.int64]
    values: tuple[pa.LargeBinaryArray, ...]

    def __len__(self) -> int:
        return len(self.times)

    def take(self, places: NDArray[np.int64]) -> OnlineRows:
        """Some of them."""
        at = pa.array(places)
        return OnlineRows(
            self.view,
            pc.take(self.keys, at),
            self.times[places],
            tuple(pc.take(column, at) for column in self.values),
        )

    def slice(self, start: int, count: int) -> OnlineRows:
        """Some of them that lie together."""
        columns = tuple(column.slice(start, count) for column in self.values)
        return OnlineRows(self.view, self.keys.slice(start, count), self.times[start : start + count], columns)

    def reads(self) -> Commands:
        """HGET of each entity's event time, as it is now."""
        return time_reads(self.view, self.keys)

    @property
    def fields(self) -> list[bytes]:
        """See view_fields."""
        return view_fields(self.view)

    def writes(self) -> Commands:
        """HSET of each entity's features and event time, in Feast's layout."""
        arguments: list[bytes | pa.LargeBinaryArray] = [b"HSET", self.keys]
        for feature, column in zip(self.view.features, self.values, strict=True):
            arguments += (feature_field(self.view.name, feature), column)
        return commands(*arguments, time_field(self.view.name), encode_times(self.times))

    def due(self, stored: Sequence[bytes | None]) -> NDArray[np.int64]:
        """The places of those that are not older than what is stored.

        One of the same time is written again: it may be a correction, and a run that is repeated changes nothing.

        Args:
            stored: what reads() was answered, shape (n,).
        """
        known = np.fromiter(map(stored_time, stored), dtype=np.int64, count=len(stored))
        return np.flatnonzero(self.times >= known)


def view_fields(view: View) -> list[bytes]:
    """Where in a hash the features are, in the view's order, and behind them the event time."""
    return [*(feature_field(view.name, name) for name in view.features), time_field(view.name)]


def time_reads(view: View, keys: pa.LargeBinaryArray) -> Commands:
    """HGET of each entity's event time."""
    return commands(b"HGET", keys, time_field(view.name))


@dataclass(frozen=True)
class Prepared:
    """A batch, read.

    Attributes:
        rows: those to write.
        superseded: rows of entities that have a later one in the same batch.
        rejected: rows that nothing can be written for, with the reason: their places in the batch.
    """

    rows: OnlineRows
    superseded: int
    rejected: dict[str, NDArray[np.int64]]


def prepare(batch: pa.RecordBatch | pa.Table, view: View) -> Prepared:
    """Read a batch.

    Args:
        batch: has all of the view's columns; others are of no interest.
        view: what it is of.

    Raises:
        ColumnRefusedError: a column is missing, or is not what the view says.
    """
    table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
    if missing := sorted(set(view.columns) - set(table.column_names)):
        raise ColumnRefusedError(
            f"feature view {view.name}: the batch has no column {', '.join(missing)}; it has "
            f"{', '.join(table.column_names)}"
        )
    table = table.select(list(dict.fromkeys(view.columns))).combine_chunks()
    table, rejected = _without_holes(table, view)
    keys = entity_keys({name: table[name] for name in view.join_keys}, view.join_keys, view.project)
    times = microseconds(table[view.timestamp_field], view.timestamp_field)
    latest = _latest(keys, times, _created(table, view))
    chosen = table.take(pa.array(latest))
    values = tuple(encode(chosen[name], value_type, name) for name, value_type in view.features.items())
    rows = OnlineRows(view, pc.take(keys, pa.array(latest)), times[latest], values)
    return Prepared(rows, superseded=len(table) - len(latest), rejected=rejected)


def _without_holes(table: pa.Table, view: View) -> tuple[pa.Table, dict[str, NDArray[np.int64]]]:
    """Without rows that have no entity or no time."""
    rejected: dict[str, NDArray[np.int64]] = {}
    is_bad = np.zeros(len(table), dtype=bool)
    for name in (*view.join_keys, view.timestamp_field):
        if table[name].null_count:
            holes = pc.is_null(table[name]).to_numpy()
            rejected[f"{name}: is missing"] = np.flatnonzero(holes & ~is_bad)
            is_bad |= holes
    return (table.filter(pa.array(~is_bad)) if rejected else table), rejected


def _created(table: pa.Table, view: View) -> NDArray[np.int64]:
    if view.created_field is None:
        return np.zeros(len(table), dtype=np.int64)
    created = table[view.created_field]
    if created.null_count:  # made at no known time: before all others
        oldest = pa.scalar(0, pa.int64()).cast(pa.timestamp("us")).cast(created.type)
        created = pc.fill_null(created, oldest)
    return microseconds(created, view.created_field)


def _latest(keys: pa.LargeBinaryArray, times: NDArray[np.int64], created: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each entity's last row, in the order of the batch."""
    entities = pc.dictionary_encode(keys).indices.to_numpy(zero_copy_only=False)
    order = np.lexsort((created, times, entities))  # stable: of equal ones the batch's last comes last
    is_last = np.append(np.diff(entities[order]) != 0, True) if len(order) else np.zeros(0, dtype=bool)
    return np.sort(order[is_last])
