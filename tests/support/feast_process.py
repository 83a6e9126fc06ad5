"""What Feast itself does, for tests that compare: run by the Python of .venv-feast, which has nothing of ours.

Reads requests from its input, a line of JSON each, and answers a line each: {"answer": …} or {"error": …}.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import sys
import traceback
from pathlib import Path
from typing import Any

import pyarrow as pa
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType, types
from feast.infra.online_stores.helpers import _redis_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import feast_value_type_to_python_type, python_values_to_proto_values
from feast.utils import _convert_arrow_to_proto

_TYPES = {
    "BYTES": types.Bytes,
    "STRING": types.String,
    "INT32": types.Int32,
    "INT64": types.Int64,
    "DOUBLE": types.Float64,
    "FLOAT": types.Float32,
    "BOOL": types.Bool,
    "UNIX_TIMESTAMP": types.UnixTimestamp,
    "JSON": types.Json,
    "UUID": types.Uuid,
    "TIME_UUID": types.TimeUuid,
    "DECIMAL": types.Decimal,
}


def _dtype(name: str) -> Any:
    for suffix, kind in (("_LIST", types.Array), ("_SET", types.Set)):
        if name.endswith(suffix):
            return kind(_TYPES[name.removesuffix(suffix)])
    return _TYPES[name]


def _table(request: dict[str, Any]) -> pa.Table:
    return pa.ipc.open_stream(base64.b64decode(request["arrow"])).read_all()


class Process:
    """One feature store at a time."""

    store: FeatureStore

    def values(self, request: dict[str, Any]) -> list[str]:
        """Each value of the table's first column, serialized, as Feast's materialization does it."""
        column = _table(request).column(0).combine_chunks()
        found = python_values_to_proto_values(column.to_numpy(zero_copy_only=False), ValueType[request["value_type"]])
        return [one.SerializeToString().hex() for one in found]

    def read_values(self, request: dict[str, Any]) -> list[Any]:
        """Serialized values as Feast gives them to people."""
        found = []
        for data in request["values"]:
            value = Value()
            value.ParseFromString(bytes.fromhex(data))
            found.append(_told(feast_value_type_to_python_type(value)))
        return found

    def keys(self, request: dict[str, Any]) -> list[str]:
        """The keys of entities, whose values are given as one serialized Value a join key."""
        found = []
        for row in request["rows"]:
            values = [Value.FromString(bytes.fromhex(one)) for one in row]
            key = EntityKey(join_keys=request["join_keys"], entity_values=values)
            found.append(_redis_key(request["project"], key, 3).hex())
        return found

    def apply(self, request: dict[str, Any]) -> None:
        """A store with one view."""
        folder = Path(request["folder"])
        config = RepoConfig(
            project=request["project"],
            registry=str(folder / "registry.db"),
            provider="local",
            online_store={"type": "redis", "connection_string": f"127.0.0.1:{request['port']}"},
            offline_store={"type": "file"},
            entity_key_serialization_version=3,
        )
        self.store = FeatureStore(config=config)
        entities = [
            Entity(name=name, join_keys=[name], value_type=ValueType[kind])
            for name, kind in request["join_keys"].items()
        ]
        source = FileSource(
            path=str(folder / "rows.parquet"),
            timestamp_field=request["timestamp_field"],
            created_timestamp_column=request.get("created_field") or "",
        )
        view = FeatureView(
            name=request["view"],
            entities=entities,
            ttl=dt.timedelta(days=36500),
            schema=[
                *(Field(name=name, dtype=_dtype(kind)) for name, kind in request["features"].items()),
                *(Field(name=name, dtype=_dtype(kind)) for name, kind in request["join_keys"].items()),
            ],
            source=source,
        )
        self.store.apply([*entities, view])

    def write(self, request: dict[str, Any]) -> None:
        """Write a table's rows online, as materialization does."""
        view = self.store.get_feature_view(request["view"])
        join_keys = {one.name: one.dtype.to_value_type() for one in view.entity_columns}
        rows = _convert_arrow_to_proto(_table(request), view, join_keys)
        self.store._get_provider().online_write_batch(self.store.config, view, rows, None)

    def read(self, request: dict[str, Any]) -> dict[str, list[Any]]:
        """What Feast's SDK gives for entities."""
        found = self.store.get_online_features(features=request["features"], entity_rows=request["entities"])
        return {name: [_told(value) for value in values] for name, values in found.to_dict().items()}


def _told(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, dt.datetime):
        return {"seconds": int(value.timestamp())}
    if isinstance(value, set | frozenset | list | tuple):
        return [_told(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def main() -> None:
    """Answer until the input ends."""
    process = Process()
    answers, sys.stdout = sys.stdout, sys.stderr  # Feast prints
    print(json.dumps({"answer": "ready"}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"answer": getattr(process, request["do"])(request)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
