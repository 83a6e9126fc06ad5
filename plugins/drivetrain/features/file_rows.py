"""Rows of a file that arrived, as the view's table takes them; those that it can't take are told, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drivetrain.features.encode import cast
from drivetrain.features.landing import AHEAD
from drivetrain.features.timestamps import microseconds

if TYPE_CHECKING:
    import datetime as dt

    from drivetrain.features.view import View

_TIMES = pa.timestamp("us", "UTC")
REASON = "reason"


def file_columns(view: View) -> list[str]:
    """What a file has to have: all of the view's, but when its rows were made, which is now."""
    return [name for name in dict.fromkeys(view.columns) if name != view.created_field]


def table_schema(view: View) -> pa.Schema:
    """What is loaded."""
    types = {name: kind.storage for name, kind in (*view.join_keys.items(), *view.features.items())}
    fields = [pa.field(name, types.get(name, _TIMES)) for name in file_columns(view)]
    if view.created_field is not None:
        fields.append(pa.field(view.created_field, _TIMES))
    return pa.schema(fields)


def sorted_out(batch: pa.RecordBatch, view: View, now: dt.datetime) -> tuple[pa.Table, pa.Table]:
    """A batch as good rows, and rejected ones as they are, with the reason.

    Args:
        batch: has the columns of file_columns.
        view: what it is of.
        now: when the rows are made.

    Raises:
        ColumnRefusedError: a column can't be what the view says.
    """
    table = pa.Table.from_batches([batch]).select(file_columns(view)).combine_chunks()
    reasons = np.full(len(table), "", dtype=object)

    def reject(which: np.ndarray, why: str) -> None:
        reasons[which & (reasons == "")] = why

    for name in (*view.join_keys, view.timestamp_field):
        reject(pc.is_null(table[name]).to_numpy(), f"{name}: is missing")
    happened = table[view.timestamp_field]
    times = np.zeros(len(table), dtype=np.int64)
    times[pc.is_valid(happened).to_numpy()] = microseconds(happened.drop_null(), view.timestamp_field)
    latest = int((now + AHEAD).timestamp() * 1_000_000)
    reject(times > latest, f"{view.timestamp_field}: lies in the future")
    is_bad = reasons != ""
    good = table.filter(pa.array(~is_bad))
    schema = table_schema(view)
    columns = []
    for field in schema:
        if field.name == view.created_field:
            columns.append(pa.repeat(pa.scalar(now, _TIMES), len(good)))
        elif field.name == view.timestamp_field:
            columns.append(pa.array(times[~is_bad]).cast(_TIMES))
        else:
            kind = view.join_keys.get(field.name) or view.features[field.name]
            columns.append(cast(good[field.name], kind, field.name).cast(field.type))
    bad = table.filter(pa.array(is_bad)).append_column(REASON, pa.array(reasons[is_bad], pa.string()))
    return pa.Table.from_arrays(columns, schema=schema), bad
