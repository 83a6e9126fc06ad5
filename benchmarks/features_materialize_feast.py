"""Feast, by the Python of .venv-feast: materialize_incremental of the same file into the same Redis.

Run as a file, so that nothing of ours is imported. Says what it took as JSON on its last line.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import sys
import time
from pathlib import Path

import feast
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType, types

_TYPES = {
    "DOUBLE": types.Float64,
    "INT64": types.Int64,
    "BOOL": types.Bool,
    "STRING": types.String,
    "UNIX_TIMESTAMP": types.UnixTimestamp,
    "DOUBLE_LIST": types.Array(types.Float64),
}


def main() -> None:
    """Arguments: the file, Redis' port, a folder, the features' types as JSON, the end of the interval."""
    path, port, folder, features, end = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], sys.argv[5]
    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            registry=str(folder / "registry.db"),
            provider="local",
            online_store={"type": "redis", "connection_string": f"127.0.0.1:{port}"},
            offline_store={"type": "file"},
            entity_key_serialization_version=3,
        )
    )
    car = Entity(name="car", join_keys=["car_id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="cars",
        entities=[car],
        ttl=dt.timedelta(days=365),
        schema=[
            Field(name="car_id", dtype=types.Int64),
            *(Field(name=name, dtype=_TYPES[kind]) for name, kind in json.loads(features).items()),
        ],
        source=FileSource(path=str(path), timestamp_field="event_at"),
    )
    store.apply([car, view])
    began, cpu = time.perf_counter(), time.process_time()
    store.materialize_incremental(end_date=dt.datetime.fromisoformat(end))
    told = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(told | {"peak_mib": peak, "version": feast.__version__}))


if __name__ == "__main__":
    main()
