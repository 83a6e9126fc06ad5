"""What we write is what Feast writes, byte for byte; Feast reads ours and we read Feast's, for every type."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from redis import Redis

from drivetrain.features.decode import decode
from drivetrain.features.encode import encode
from drivetrain.features.entity_keys import entity_keys
from drivetrain.features.online_rows import prepare
from drivetrain.features.redis_layout import feature_field
from drivetrain.features.value_types import VALUE_TYPES, ValueType
from drivetrain.features.view import View
from hooks.online_writer import OnlineWriter
from tests.support.real_feast import Feast
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
NOON = dt.datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=dt.UTC)
SAMPLES: dict[str, list[Any]] = {
    "BYTES": [b"", b"\x00\xff", b"x" * 300],
    "STRING": ["", "Pune", "पुणे", "x" * 20_000],
    "INT32": [0, 1, -1, 127, 128, 2**31 - 1, -(2**31)],
    "INT64": [0, 1, -1, 300, 2**53 + 1, 2**63 - 1, -(2**63)],
    "DOUBLE": [0.0, -0.5, 1e300, float("inf")],
    "FLOAT": [0.0, -0.5, 3.4e38, float("-inf")],
    "BOOL": [True, False],
    "UNIX_TIMESTAMP": [
        NOON,
        dt.datetime.fromtimestamp(-2, dt.UTC),
        dt.datetime(1970, 1, 1, tzinfo=dt.UTC),
    ],
    "JSON": ['{"a": [1, 2]}', "[]"],
    "UUID": ["7d2ad1cc-5d29-4d2c-9d52-9f5a3e0b0b3a"],
    "TIME_UUID": ["6ba7b810-9dad-11d1-80b4-00c04fd430c8"],
    "DECIMAL": ["12.50", "-0.001"],
}
SOURCES = {
    "BYTES": pa.binary(),
    "STRING": pa.string(),
    "INT32": pa.int32(),
    "INT64": pa.int64(),
    "DOUBLE": pa.float64(),
    "FLOAT": pa.float32(),
    "BOOL": pa.bool_(),
    "UNIX_TIMESTAMP": pa.timestamp("us", "UTC"),
}


def column(value_type: ValueType, *, nulls: bool = False) -> pa.Array:
    """Values of that type, as a warehouse gives them."""
    name = value_type.name
    samples: list[Any] = SAMPLES[name.removesuffix("_LIST").removesuffix("_SET")]
    source = SOURCES.get(name.removesuffix("_LIST").removesuffix("_SET"), pa.string())
    if value_type.is_collection:
        samples, source = [samples, samples[:1], *([] if name.endswith("_SET") else [[]])], pa.list_(source)
    return pa.array([*samples, None] if nulls else samples, source)


@pytest.fixture(scope="module")
def feast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Feast]:
    with Feast(tmp_path_factory.mktemp("feast")) as process:
        yield process


@pytest.fixture
def redis(tmp_path: Any) -> Iterator[Redis]:
    with Valkey(tmp_path) as valkey, Redis(port=valkey.port, protocol=2, socket_timeout=20) as client:
        yield client


@pytest.mark.parametrize("value_type", VALUE_TYPES.values(), ids=VALUE_TYPES)
def test_a_column_s_bytes_are_feast_s(feast: Feast, value_type: ValueType) -> None:
    values = column(value_type)
    ours = encode(values, value_type, "column").to_pylist()
    theirs = feast("values", value_type=value_type.name, arrow=pa.table({"column": values}))
    if value_type.name.endswith("_SET"):  # in no order
        assert [sorted(map(repr, decode(one))) for one in ours] == [
            sorted(map(repr, decode(bytes.fromhex(one)))) for one in theirs
        ]
    else:
        assert [one.hex() for one in ours] == theirs


@pytest.mark.parametrize("value_type", VALUE_TYPES.values(), ids=VALUE_TYPES)
def test_feast_gives_people_what_we_wrote(feast: Feast, value_type: ValueType) -> None:
    values = column(value_type, nulls=True)
    ours = [one.hex() for one in encode(values, value_type, "column").to_pylist()]
    theirs = feast("read_values", values=ours)
    assert theirs[-1] is None
    assert [shown(one, value_type) for one in theirs] == [
        shown(decode(bytes.fromhex(one)), value_type, is_ours=True) for one in ours
    ]


@pytest.mark.parametrize(
    ("columns", "types"),
    [
        ({"car_id": pa.array([1, -1, 2**40])}, {"car_id": "INT64"}),
        ({"dealer": pa.array(["d1", "पुणे", ""])}, {"dealer": "STRING"}),
        ({"z": pa.array([1, 2, 3], pa.int32()), "a": pa.array([b"x", b"", b"yy"])}, {"z": "INT32", "a": "BYTES"}),
        ({"at": pa.array([NOON, NOON, NOON], pa.timestamp("us", "UTC"))}, {"at": "UNIX_TIMESTAMP"}),
    ],
)
def test_an_entity_s_key_is_feast_s(feast: Feast, columns: dict[str, pa.Array], types: dict[str, str]) -> None:
    known = {name: VALUE_TYPES[kind] for name, kind in types.items()}
    ours = [one.hex() for one in entity_keys(columns, known, "market").to_pylist()]
    written = [encode(columns[name], known[name], name).to_pylist() for name in columns]
    rows = [[one.hex() for one in row] for row in zip(*written, strict=True)]
    assert ours == feast("keys", project="market", join_keys=list(columns), rows=rows)


def shown(value: Any, value_type: ValueType, *, is_ours: bool = False) -> Any:
    """A value as both tell it: sets in some order, bytes and times as tests.support.feast_process sends them."""
    if isinstance(value, list):
        found = [shown(one, value_type, is_ours=is_ours) for one in value]
        return sorted(map(repr, found)) if value_type.name.endswith("_SET") else found
    if not is_ours or value is None:
        return value
    if value_type.name.startswith("JSON"):  # Feast reads it for people
        return told(json.loads(value))
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if value_type.name.startswith("UNIX_TIMESTAMP"):
        return {"seconds": value}
    return value


def told(value: Any) -> Any:
    """As tests.support.feast_process sends what is in a JSON."""
    return [told(one) for one in value] if isinstance(value, list) else str(value) if isinstance(value, dict) else value


def cars(view: View, times: list[dt.datetime], **columns: Any) -> pa.Table:
    """Rows of a view of two features, one a car."""
    count = len(times)
    return pa.table(
        {
            "car_id": pa.array(columns.get("car_id", range(count)), pa.int64()),
            "price": pa.array(columns.get("price", [1.5 * number for number in range(count)]), pa.float64()),
            "tags": pa.array(columns.get("tags", [["a", "b"]] * count), pa.list_(pa.string())),
            "at": pa.array(times, pa.timestamp("us", "UTC")),
        }
    )


CARS = View(
    project="market",
    name="car_prices",
    join_keys={"car_id": VALUE_TYPES["INT64"]},
    features={"price": VALUE_TYPES["DOUBLE"], "tags": VALUE_TYPES["STRING_LIST"]},
    timestamp_field="at",
)


def hashes(redis: Redis) -> dict[bytes, dict[bytes, bytes]]:
    return {key: redis.hgetall(key) for key in redis.keys("*")}


def test_a_materialized_view_is_the_same_in_redis_as_feast_s_own(feast: Feast, redis: Redis, tmp_path: Any) -> None:
    port = redis.connection_pool.connection_kwargs["port"]
    feast.apply(CARS, folder=tmp_path, port=port)
    table = cars(CARS, [NOON, NOON.replace(microsecond=0), NOON], price=[1.5, None, float("nan")])
    feast("write", view=CARS.name, arrow=table)
    theirs = hashes(redis)
    assert len(theirs) == 3
    redis.flushall()
    written = OnlineWriter(redis).write(prepare(table, CARS).rows)
    assert (written.written, written.stale) == (3, 0)
    assert hashes(redis) == theirs


def test_feast_s_sdk_serves_what_we_wrote_and_we_read_what_it_wrote(feast: Feast, redis: Redis, tmp_path: Any) -> None:
    port = redis.connection_pool.connection_kwargs["port"]
    feast.apply(CARS, folder=tmp_path, port=port)
    OnlineWriter(redis).write(prepare(cars(CARS, [NOON, NOON]), CARS).rows)
    read = feast(
        "read", features=["car_prices:price", "car_prices:tags"], entities=[{"car_id": 1}, {"car_id": 0}, {"car_id": 9}]
    )
    assert read == {
        "car_id": [1, 0, 9],
        "price": [1.5, 0.0, None],
        "tags": [["a", "b"], ["a", "b"], None],
    }
    feast("write", view=CARS.name, arrow=cars(CARS, [NOON.replace(hour=13)], price=[7.25]))
    (key,) = entity_keys({"car_id": pa.array([0])}, CARS.join_keys, CARS.project).to_pylist()
    assert decode(redis.hget(key, feature_field(CARS.name, "price"))) == 7.25
