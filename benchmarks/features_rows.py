"""A view of 20 features of all common types, and its rows in a Parquet file: the same for every contender."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from drivetrain.features.value_types import VALUE_TYPES
from drivetrain.features.view import View

if TYPE_CHECKING:
    from pathlib import Path

TYPES = {
    **{f"amount_{number}": "DOUBLE" for number in range(8)},
    **{f"count_{number}": "INT64" for number in range(6)},
    **{f"is_{number}": "BOOL" for number in range(2)},
    "city": "STRING",
    "model": "STRING",
    "seen_at": "UNIX_TIMESTAMP",
    "scores": "DOUBLE_LIST",
}
VIEW = View(
    project="bench",
    name="cars",
    join_keys={"car_id": VALUE_TYPES["INT64"]},
    features={name: VALUE_TYPES[kind] for name, kind in TYPES.items()},
    timestamp_field="event_at",
)
BEGIN = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
END = BEGIN + dt.timedelta(days=1)
_GROUP, _SEED = 100_000, 7


def write_rows(path: Path, entities: int) -> None:
    """One row an entity, with events all over the day."""
    schema = pa.schema(
        [
            ("car_id", pa.int64()),
            *((name, VALUE_TYPES[kind].arrow) for name, kind in TYPES.items() if kind in ("DOUBLE", "INT64", "BOOL")),
            ("city", pa.string()),
            ("model", pa.string()),
            ("seen_at", pa.timestamp("us", "UTC")),
            ("scores", pa.list_(pa.float64())),
            ("event_at", pa.timestamp("us", "UTC")),
        ]
    )
    draw = np.random.default_rng(_SEED)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, entities, _GROUP):
            writer.write_table(_rows(draw, start, min(_GROUP, entities - start), schema))


def _rows(draw: np.random.Generator, start: int, count: int, schema: pa.Schema) -> pa.Table:
    begin = int(BEGIN.timestamp()) * 1_000_000

    def times() -> pa.Array:
        return pa.array(begin + draw.integers(0, 86_400_000_000, count)).cast(pa.timestamp("us", "UTC"))

    made = {
        "DOUBLE": lambda: pa.array(draw.random(count) * 1e6),
        "INT64": lambda: pa.array(draw.integers(0, 1 << int(draw.integers(4, 40)), count)),
        "BOOL": lambda: pa.array(draw.random(count) < 0.5),
        "UNIX_TIMESTAMP": times,
        "DOUBLE_LIST": lambda: pa.array(list(draw.random((count, 3)))),
    }
    cities = pa.array(["Pune", "Goa", "Mumbai", "Bengaluru", "Delhi"])
    texts = {
        "city": cities.take(pa.array(draw.integers(0, len(cities), count))),
        "model": pa.array([f"model {number}" for number in draw.integers(0, 5_000, count)]),
    }
    columns = {name: texts[name] if kind == "STRING" else made[kind]() for name, kind in TYPES.items()}
    columns |= {"car_id": pa.array(np.arange(start, start + count)), "event_at": times()}
    return pa.table([columns[name] for name in schema.names], schema=schema)
