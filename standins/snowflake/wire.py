"""Snowflake's result format: DuckDB's Arrow columns re-encoded as the service sends them.

What clients rely on (read from the connector's own decoder, nanoarrow_cpp/ArrowIterator):

- FIXED: unscaled integers, in the narrowest of int8..int64 that holds the chunk's values, else decimal128. So two
  chunks of one result may differ in type, as with the real service.
- TIMESTAMP_NTZ and TIMESTAMP_LTZ: struct of epoch seconds and nanoseconds; TIMESTAMP_TZ adds the offset in minutes
  plus 1440. TIME: nanoseconds since midnight.
- VARIANT, OBJECT, ARRAY: JSON text, indented and with sorted keys.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_MAX_TEXT = 16_777_216
_MAX_BINARY = 8_388_608


@dataclass(frozen=True)
class Column:
    """One column of a result: ``kind`` is Snowflake's logical type in lower case, ``timezone`` for timestamp_tz."""

    name: str
    kind: str
    precision: int | None = None
    scale: int | None = None
    timezone: str = "UTC"

    def rowtype(self) -> dict[str, Any]:
        """The column as an entry of the response's ``rowtype``."""
        length = {"text": _MAX_TEXT, "binary": _MAX_BINARY}.get(self.kind)
        return {
            "name": self.name,
            "database": "",
            "schema": "",
            "table": "",
            "nullable": True,
            "type": self.kind,
            "length": length,
            "byteLength": length,
            "precision": self.precision,
            "scale": self.scale,
            "collation": None,
        }


_FIXED_38 = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_KINDS = {
    "BLOB": "binary",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DOUBLE": "real",
    "FLOAT": "real",
    "JSON": "variant",
    "TIME": "time",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP_NS": "timestamp_ntz",
    "TIMESTAMP_MS": "timestamp_ntz",
    "TIMESTAMP_S": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp_tz",
}


def column(name: str, duckdb_type: str, *, timezone: str) -> Column:
    """Describe a result column from the type that DuckDB's DESCRIBE gives it; what Snowflake lacks becomes text."""
    if match := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", duckdb_type):
        return Column(name, "fixed", int(match[1]), int(match[2]))
    if duckdb_type in _FIXED_38:
        return Column(name, "fixed", 38, 0)
    kind = _KINDS.get(duckdb_type, "text")
    if kind.startswith("time"):
        return Column(name, kind, 0, 9, timezone)
    return Column(name, kind)


def to_ipc(table: pa.Table, columns: list[Column]) -> bytes:
    """Encode rows as one Arrow IPC stream in Snowflake's format; zero rows give a stream with the schema alone."""
    arrays = [_encode(chunked, spec) for chunked, spec in zip(table.columns, columns, strict=True)]
    fields = [_field(array.type, spec) for array, spec in zip(arrays, columns, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        if batch.num_rows:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def to_json(table: pa.Table) -> list[list[str | None]]:
    """Rows as Snowflake's JSON rowset: every value as text. Used for the counts that DML answers with."""
    return [[None if value is None else str(value) for value in row.values()] for row in table.to_pylist()]


def _field(arrow_type: pa.DataType, spec: Column) -> pa.Field:
    metadata = {
        "logicalType": spec.kind.upper(),
        "precision": str(spec.precision or 38),
        "scale": str(spec.scale or 0),
        "charLength": str(_MAX_TEXT if spec.kind == "text" else 0),
        "byteLength": "16",
        "finalType": "T",
    }
    return pa.field(spec.name, arrow_type, metadata=metadata)


def _encode(chunked: pa.ChunkedArray, spec: Column) -> pa.Array:
    array = chunked.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # zero chunks stay a chunked array
        array = pa.array([], chunked.type)
    if spec.kind == "fixed":
        return _fixed(array)
    if spec.kind == "variant":
        return pa.array([_variant(value) for value in array.to_pylist()], pa.string())
    if spec.kind == "time":
        return pc.multiply(array.cast(pa.time64("us")).cast(pa.int64()), 1000)
    if spec.kind.startswith("timestamp"):
        return _timestamp(array, spec)
    if spec.kind == "real":
        return array.cast(pa.float64())
    if spec.kind == "text" and not pa.types.is_string(array.type):
        if pa.types.is_null(array.type) or pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type):
            return array.cast(pa.string())
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
    return array


def _fixed(array: pa.Array) -> pa.Array:
    if pa.types.is_decimal(array.type):
        try:
            # The same 16 bytes read with scale 0 are the unscaled integers.
            buffers = array.buffers()
            unscaled = pa.Array.from_buffers(pa.decimal128(38, 0), len(array), buffers, offset=array.offset)
            array = unscaled.cast(pa.int64())
        except pa.ArrowInvalid:
            return array
    elif pa.types.is_uint64(array.type):
        try:
            array = array.cast(pa.int64())
        except pa.ArrowInvalid:
            return array.cast(pa.decimal128(38, 0))
    extremes = pc.min_max(array)
    low, high = extremes["min"].as_py() or 0, extremes["max"].as_py() or 0
    for bits, width in ((8, pa.int8()), (16, pa.int16()), (32, pa.int32())):
        if -(1 << bits - 1) <= low and high < 1 << bits - 1:
            return array.cast(width)
    return array.cast(pa.int64())


def _variant(text: str | None) -> str | None:
    if text is None:
        return None
    return json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False)


def _timestamp(array: pa.Array, spec: Column) -> pa.Array:
    zone = array.type.tz
    nanos = array.cast(pa.timestamp("us", zone)).cast(pa.int64())
    epoch = pc.divide(nanos, 1_000_000)
    rest = pc.subtract(nanos, pc.multiply(epoch, 1_000_000))
    before = pc.less(rest, 0)  # integer division rounds to zero; the epoch has to be the floor
    epoch = pc.if_else(before, pc.subtract(epoch, 1), epoch)
    fraction = pc.multiply(pc.if_else(before, pc.add(rest, 1_000_000), rest), 1000).cast(pa.int32())
    children = {"epoch": epoch, "fraction": fraction}
    if spec.kind == "timestamp_tz":
        children["timezone"] = pc.add(_offset_minutes(epoch, spec.timezone), 1440).cast(pa.int32())
    return pa.StructArray.from_arrays(
        [pc.fill_null(child, 0) for child in children.values()], list(children), mask=pc.is_null(array)
    )


def _offset_minutes(epoch: pa.Array, timezone: str) -> pa.Array:
    instants = epoch.cast(pa.timestamp("s", "UTC"))
    local = pc.local_timestamp(instants.cast(pa.timestamp("s", timezone))).cast(pa.int64())
    return pc.divide(pc.subtract(local, epoch), 60)
