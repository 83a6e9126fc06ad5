"""A store of Feast's with one view of cars, for scripts that the Python of .venv-feast runs: it has nothing of ours."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from feast import BigQuerySource, Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType, types

TYPES = {
    "DOUBLE": types.Float64,
    "INT64": types.Int64,
    "BOOL": types.Bool,
    "STRING": types.String,
    "UNIX_TIMESTAMP": types.UnixTimestamp,
    "DOUBLE_LIST": types.Array(types.Float64),
}


def store_of(folder: Path, redis_port: int, view: str, features: dict[str, str], rows: str) -> FeatureStore:
    """A store over that Redis, applied; features by their types' names, rows in a Parquet file or a BigQuery table."""
    is_file = rows.endswith(".parquet")
    offline = {"type": "file"} if is_file else {"type": "bigquery", "project_id": rows.split(".")[0]}
    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            registry=str(folder / "registry.db"),
            provider="local",
            online_store={"type": "redis", "connection_string": f"127.0.0.1:{redis_port}"},
            offline_store=offline,
            entity_key_serialization_version=3,
        )
    )
    car = Entity(name="car", join_keys=["car_id"], value_type=ValueType.INT64)
    fields = [Field(name=name, dtype=TYPES[kind]) for name, kind in features.items()]
    at = "event_at"
    source = FileSource(path=rows, timestamp_field=at) if is_file else BigQuerySource(table=rows, timestamp_field=at)
    made = FeatureView(
        name=view,
        entities=[car],
        ttl=dt.timedelta(days=365),
        schema=[Field(name="car_id", dtype=types.Int64), *fields],
        source=source,
    )
    store.apply([car, made])
    return store
