"""Feast's feature server, by the Python of .venv-feast, over a store that has the features already.

Run as a file, so that nothing of ours is imported.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import uvicorn
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType, types
from feast.feature_server import get_app


def main() -> None:
    """Arguments: Redis' port, the server's port, a folder, how many features the view has."""
    redis, port, folder, features = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            registry=str(folder / "registry.db"),
            provider="local",
            online_store={"type": "redis", "connection_string": f"127.0.0.1:{redis}"},
            offline_store={"type": "file"},
            entity_key_serialization_version=3,
        )
    )
    car = Entity(name="car", join_keys=["car_id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="wide",
        entities=[car],
        ttl=dt.timedelta(days=365),
        schema=[
            Field(name="car_id", dtype=types.Int64),
            *(Field(name=f"f{number}", dtype=types.Float64) for number in range(features)),
        ],
        source=FileSource(path=str(folder / "rows.parquet"), timestamp_field="event_at"),
    )
    store.apply([car, view])
    uvicorn.run(get_app(store), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
