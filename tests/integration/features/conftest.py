"""A feature store of real parts: BigQuery's emulator, Redis, Postgres, and a registry's file."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
import yaml
from airflow.sdk import DAG
from redis import Redis
from typer.testing import CliRunner

from commands import features
from drivetrain.features.landing import landing_topic
from drivetrain.features.spec import FeatureSpec
from drivetrain.state.alert_tables import alerts
from drivetrain.state.feature_tables import feature_files, feature_runs, feature_watermarks
from hooks.pubsub_client import Message, PubSubClient
from hooks.state import StateHook
from operators.feature_finish import FinishFeaturesOperator
from operators.feature_land import LandFeatureFilesOperator
from operators.feature_materialize import MaterializeFeaturesOperator
from operators.feature_stage import StageFeaturesOperator
from standins.bigquery.program import bigquery_python
from standins.bigquery.testing import BigQueryStandin
from standins.gcs.program import gcs_program
from standins.gcs.testing import GcsStandin
from standins.pubsub.emulator import emulator_program
from standins.pubsub.testing import PubSubEmulator
from tests.support.operators import Context
from tests.support.postgres import running_postgres
from tests.support.registries import RegistryFile
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from google.cloud.bigquery import Client

ROOT = Path(__file__).parents[3]
NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
CARS, DEALERS, LEADS = (f"marketplace.features.{name}" for name in ("cars", "dealers", "leads"))
COLUMNS = "car INT64, price FLOAT64, city STRING, badges ARRAY<STRING>, event_at TIMESTAMP, made_at TIMESTAMP"
LEAD_COLUMNS = (
    "lead STRING, asked_on TIMESTAMP, car INT64, score FLOAT64, notes ARRAY<STRING>, event_at TIMESTAMP, "
    "made_at TIMESTAMP, is_gone BOOL"
)
FEATURES = {"price": "DOUBLE", "city": "STRING", "badges": "STRING_LIST"}
TIMES = {"timestamp": "event_at", "created": "made_at"}


@dataclass
class Store:
    """The parts, and a clock that a test sets.

    Attributes:
        bigquery: the official client.
        redis: of raw bytes.
        now: what the operators take as the time.
    """

    bigquery: Client
    redis: Redis
    patch: pytest.MonkeyPatch
    now: dt.datetime = NOON

    def insert(self, *rows: Mapping[str, Any]) -> None:
        """Rows of cars; what is left out is filled in."""
        table = pa.table(
            {
                "car": pa.array([row.get("car") for row in rows], pa.int64()),
                "price": pa.array([row.get("price", 1.0) for row in rows], pa.float64()),
                "city": pa.array([row.get("city", "Pune") for row in rows], pa.string()),
                "badges": pa.array([row.get("badges", ["new"]) for row in rows], pa.list_(pa.string())),
                "event_at": pa.array([row["at"] for row in rows], pa.timestamp("us", "UTC")),
                "made_at": pa.array([row.get("made_at", row["at"]) for row in rows], pa.timestamp("us", "UTC")),
            }
        )
        values = ", ".join(map(_sql, table.to_pylist()))
        self.bigquery.query(f"INSERT INTO {CARS} VALUES {values}").result()

    def contents(self) -> dict[bytes, dict[bytes, bytes]]:
        """All of Redis."""
        return {key: self.redis.hgetall(key) for key in self.redis.keys("*")}

    def everything(self) -> dict[bytes, Any]:
        """All of Redis, whatever it is, as Redis itself would carry it elsewhere."""
        return {key: self.redis.dump(key) for key in self.redis.keys("*")}

    def staged_tables(self) -> list[str]:
        """The names of what is put aside now."""
        return [table.table_id for table in self.bigquery.list_tables("staging")]

    def watermark(self) -> dt.datetime | None:
        """Of cars."""
        with StateHook().engine.connect() as connection:
            return connection.execute(sa.select(feature_watermarks.c.read_until)).scalar()

    def run(self, run_id: str, spec: FeatureSpec | None = None, **params: Any) -> dict[str, Any]:
        """A whole run, as its DAG has it; gives what each task returned."""
        chosen = spec or SPEC
        context = Context(run_id, **params)
        context.returned["stage"] = self.stage(context, chosen)
        context.returned["write"] = [self.write(context, shard, chosen.view) for shard in range(chosen.shards)]
        context.returned["finish"] = self.finish(context, chosen.view)
        return context.returned

    def stage(self, context: Context, spec: FeatureSpec | None = None) -> dict[str, Any]:
        """The first task."""
        return StageFeaturesOperator(task_id="stage", spec=spec or SPEC).execute(context)

    def write(self, context: Context, shard: int = 0, view: str = "cars") -> dict[str, Any]:
        """One of the second."""
        return MaterializeFeaturesOperator(task_id="write", view=view, shard=shard).execute(context)

    def finish(self, context: Context, view: str = "cars") -> dict[str, int]:
        """The last."""
        return FinishFeaturesOperator(task_id="finish", view=view).execute(context)


@dataclass
class Landing:
    """A bucket that tells of files, and the operator that loads them."""

    store: Store
    bucket: Any
    client: Any
    folder: Path

    def upload(self, name: str, data: bytes, *, told: bool = True) -> int:
        """Put a file where cars arrive; gives its generation. The stand-in of Google's notification is sent, too."""
        blob = self.bucket.blob(f"cars/{name}")
        blob.upload_from_string(data)
        if told:
            self.tell(blob.name, blob.generation)
        return int(blob.generation)

    def tell(self, name: str, generation: object, event: str = "OBJECT_FINALIZE") -> None:
        """What Google publishes."""
        attributes = {"eventType": event, "bucketId": "landing", "objectId": name}
        attributes |= {"objectGeneration": str(generation), "payloadFormat": "NONE"}
        self.client.publish(landing_topic("cars"), [Message(b"", attributes)])

    def names(self) -> list[str]:
        """Of all objects."""
        return [blob.name for blob in self.bucket.list_blobs()]

    def land(self, **params: Any) -> dict[str, int]:
        """The operator's XCom."""
        operator = LandFeatureFilesOperator(task_id="land", spec=LANDED, include=str(self.folder), wait_seconds=1)
        operator.dag = DAG("features_cars")
        return operator.execute(Context("land", **params))


def cars_spec(**changes: Any) -> FeatureSpec:
    """How cars get into Redis."""
    facts = {"view": "cars", "team": "pricing", "owner": "pricing@drivetrain.example"}
    return FeatureSpec.model_validate(facts | changes)


SPEC = cars_spec()
LANDED = cars_spec(landing={"bucket": "landing", "prefix": "cars/", "max_reject_share": 0.25})


def _sql(row: Mapping[str, Any]) -> str:
    def one(value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, dt.datetime):
            return f"TIMESTAMP '{value.isoformat()}'"
        if isinstance(value, list):
            return f"[{', '.join(map(one, value))}]"
        return f"'{value}'" if isinstance(value, str) else repr(value)

    return f"({', '.join(map(one, row.values()))})"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Redis]]:
    """Servers and connections; the tests of a file share them."""
    try:
        bigquery_python()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("features")
    registry = folder / "registry.db"
    file = RegistryFile()
    file.view("cars", {"car": "INT64"}, FEATURES, ttl=dt.timedelta(days=30), table=CARS, **TIMES)
    file.view(
        "dealers", {"dealer": "STRING", "city": "STRING"}, {"rating": "INT64"}, table=DEALERS, timestamp="event_at"
    )
    keys = {"lead": "STRING", "asked_on": "UNIX_TIMESTAMP", "car": "INT64"}
    features = {"score": "DOUBLE", "notes": "STRING_LIST"}
    file.view("leads", keys, features, table=LEADS, tags={"deleted_field": "is_gone"}, **TIMES)
    file.service("leads", {"leads": ["score"]})
    file.service("page", {"cars": ["price", "badges"], "dealers": ["rating"]})
    file.service("twice", {"cars": ["price"], "offline": ["price"]})
    file.view("offline", {"car": "INT64"}, FEATURES, table=CARS, online=False, **TIMES)
    file.view("lost", {"car": "INT64"}, FEATURES, table="marketplace.features.lost", **TIMES)
    file.view("short", {"car": "INT64"}, {"colour": "STRING"}, table=CARS, **TIMES)
    registry.write_bytes(file.content())
    with (
        BigQueryStandin() as bigquery,
        Valkey(folder) as valkey,
        running_postgres(folder / "state") as postgres,
        pytest.MonkeyPatch.context() as patch,
    ):
        extra = {"registry": str(registry), "project": "marketplace", "staging": "marketplace.staging"}
        store = {"conn_type": "redis", "host": "127.0.0.1", "port": valkey.port, "extra": extra}
        connections = {
            "GOOGLE_CLOUD_DEFAULT": bigquery.connection(),
            "FEATURE_STORE_DEFAULT": store,
            "FEATURE_STORE_ODD": store | {"extra": extra | {"regsitry": "x"}},
            "DRIVETRAIN_STATE": postgres,
        }
        for name, connection in connections.items():
            patch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
        StateHook().migrate()
        client = bigquery.client()
        client.create_dataset("features")
        client.create_dataset("staging")
        client.create_dataset("training")
        client.query(f"CREATE TABLE {LEADS} ({LEAD_COLUMNS})").result()
        with Redis(port=valkey.port, protocol=2, socket_timeout=20) as redis:
            yield client, redis


@pytest.fixture(scope="module")
def buckets() -> Iterator[tuple[Any, PubSubEmulator]]:
    """Cloud Storage and Pub/Sub; the tests of a file share them."""
    try:
        gcs_program(), emulator_program()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with GcsStandin() as gcs, PubSubEmulator() as pubsub, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
        patch.setenv("PUBSUB_EMULATOR_HOST", pubsub.host)
        client = gcs.client("marketplace")
        client.create_bucket("landing")
        yield client, pubsub


@pytest.fixture
def landing(store: Store, buckets: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Landing:
    """An empty bucket, nothing told."""
    bucket = buckets[0].bucket("landing")
    for blob in bucket.list_blobs():
        blob.delete()
    with StateHook().engine.begin() as connection:
        connection.execute(sa.delete(feature_files))
        connection.execute(sa.delete(alerts))
    told = CliRunner().invoke(features.app, ["landing", "--include", str(_include(tmp_path))], catch_exceptions=False)
    assert "gs://landing --topic=drivetrain-features-cars" in told.output
    client = PubSubClient()
    while received := client.pull(landing_topic("cars"), 100, wait_seconds=0.3):
        client.acknowledge(landing_topic("cars"), [each.ack_id for each in received])
    return Landing(store, bucket, client, tmp_path)


def _include(folder: Path) -> Path:
    path = folder / "specs" / "features" / "cars.yaml"
    path.parent.mkdir(parents=True)
    shutil.copytree(ROOT / "include" / "alerts", folder / "alerts")
    path.write_text(yaml.safe_dump(LANDED.model_dump(mode="json", exclude_defaults=True)))
    return folder


@pytest.fixture
def store(parts: tuple[Client, Redis], monkeypatch: pytest.MonkeyPatch) -> Store:
    """The parts, empty, at noon."""
    client, redis = parts
    redis.flushall()
    client.query(f"CREATE OR REPLACE TABLE {CARS} ({COLUMNS})").result()
    client.query(f"DELETE FROM {LEADS} WHERE TRUE").result()
    for table in client.list_tables("staging"):
        client.delete_table(table)
    with StateHook().engine.begin() as connection:
        connection.execute(sa.delete(feature_watermarks))
        connection.execute(sa.delete(feature_runs))
    found = Store(client, redis, monkeypatch)
    monkeypatch.setattr(StateHook, "now", staticmethod(lambda: found.now))
    return found
