"""From a file that lands in a bucket to its value being served: how many seconds.

The whole way is real but for Google: the bucket tells Pub/Sub, a trigger wakes the DAG, its tasks load, stage, judge
and write, and somebody asks the feature server until it has the new value. Google's parts are emulators: this is what
Airflow and we take, and not what BigQuery does. Usage: python -m benchmarks.features_landing [--files N] [--quick]
"""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import random
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
import typer

from benchmarks.features_serve import ours
from benchmarks.frame import Report, percentile, spread
from drivetrain.features.catalog import load_features
from drivetrain.features.landing import landing_topic
from standins.bigquery.testing import BigQueryStandin
from standins.feast import apply_definitions
from standins.gcs.testing import GcsStandin, Notifications
from standins.platform.airflow_env import sql_uri
from standins.platform.secrets import Secrets
from standins.platform.testing import LocalPlatform
from standins.pubsub.testing import PubSubEmulator
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
VIEW, DAG, BUCKET, PROJECT = "car_listing", "features_car_listing", "drivetrain-landing", "marketplace"
ROWS = 1_000  # a file
SEED = 20_261_127
PATIENCE_SECONDS = 120.0
COLUMNS = (
    "car_id INT64, asking_price FLOAT64, kilometres INT64, days_listed INT64, price_changes INT64, city STRING, "
    "is_certified BOOL, listed_at TIMESTAMP, photo_scores ARRAY<FLOAT64>, event_at TIMESTAMP, loaded_at TIMESTAMP"
)
TASKS = """
SELECT r.run_id, r.queued_at, t.task_id, t.scheduled_dttm, t.start_date, t.end_date
FROM dag_run r JOIN task_instance t ON t.dag_id = r.dag_id AND t.run_id = r.run_id
WHERE r.dag_id = :dag AND t.state = 'success' AND r.queued_at >= :since
"""


def car_file(price: float) -> bytes:
    """Cars of one price each, as they are now."""
    now = dt.datetime.now(dt.UTC)
    table = pa.table(
        {
            "car_id": pa.array(range(ROWS), pa.int64()),
            "asking_price": pa.array([price] * ROWS),
            "kilometres": pa.array([42_000] * ROWS, pa.int64()),
            "days_listed": pa.array([3] * ROWS, pa.int64()),
            "price_changes": pa.array([1] * ROWS, pa.int64()),
            "city": pa.array(["Pune"] * ROWS),
            "is_certified": pa.array([True] * ROWS),
            "listed_at": pa.array([now] * ROWS, pa.timestamp("us", "UTC")),
            "photo_scores": pa.array([[0.5, 0.25]] * ROWS),
            "event_at": pa.array([now] * ROWS, pa.timestamp("us", "UTC")),
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


@contextmanager
def parts(folder: Path) -> Iterator[tuple[LocalPlatform, Any, httpx.Client]]:
    """A platform with Google's emulators, a bucket, and a client of the feature server."""
    (spec,) = (one for one in load_features(ROOT / "include").specs if one.view == VIEW)
    assert spec.landing is not None
    defined, topic = folder / "registry.db", landing_topic(VIEW)
    apply_definitions(defined)
    with ExitStack() as stack:
        bigquery = stack.enter_context(BigQueryStandin(PROJECT))
        pubsub = stack.enter_context(PubSubEmulator())
        os.environ["PUBSUB_EMULATOR_HOST"] = pubsub.host
        os.environ["AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"] = json.dumps(bigquery.connection())
        include = str(ROOT / "include")
        subprocess.run([str(ROOT / ".venv/bin/drivetrain"), "features", "landing", "--include", include], check=True)
        told = Notifications(pubsub.host, PROJECT, topic, spec.landing.prefix)
        gcs = stack.enter_context(GcsStandin(notifications=told))
        client = bigquery.client()
        for dataset in ("features", "staging"):
            client.create_dataset(dataset)
        client.query(f"CREATE TABLE {PROJECT}.features.{VIEW} ({COLUMNS})").result()
        emulators = {"PUBSUB_EMULATOR_HOST": pubsub.host, "STORAGE_EMULATOR_HOST": gcs.url}
        # Scheduled: the runs are those that a message begins.
        started = LocalPlatform(without=("snowflake", "sheets"), airflow=emulators, scheduled=True)
        platform = stack.enter_context(started)
        _connect(platform, bigquery, defined)
        port = stack.enter_context(ours(folder, defined, PROJECT, platform.layout.ports.redis))
        asking = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False))
        bucket = gcs.client(PROJECT).create_bucket(BUCKET)
        yield platform, bucket, asking


def _connect(platform: LocalPlatform, bigquery: BigQueryStandin, defined: Path) -> None:
    file = platform.layout.connections_file
    found = json.loads(file.read_text())
    google = bigquery.connection()
    extra = {"registry": str(defined), "project": PROJECT, "staging": f"{PROJECT}.staging"}
    store = {"conn_type": "redis", "host": "127.0.0.1", "port": platform.layout.ports.redis}
    found["google_cloud_default"] = google | {"extra": json.dumps(google["extra"])}
    found["feature_store_default"] = store | {"extra": json.dumps(extra)}
    file.write_text(json.dumps(found))


def _watched(platform: LocalPlatform) -> None:
    """Until the triggerer waits for files: Airflow sees so to it when it reads the file of a DAG that is not paused."""
    (dag,) = [dag for dag in platform.api.items("dags", "dags") if dag["dag_id"] == DAG]

    def is_watched() -> bool:
        found = [each for each in platform.api.items("assets", "assets") if each["name"] == f"feature files {VIEW}"]
        if not found or not found[0]["watchers"]:
            platform.api.put(f"parseDagFile/{dag['file_token']}")
            return False
        return True

    eventually("somebody who waits for files", is_watched, 60)


def served(client: httpx.Client) -> float | None:
    """The price of one car."""
    body = {"features": [f"{VIEW}:asking_price"], "entities": {"car_id": [ROWS // 2]}}
    answer = client.post("/get-online-features", json=body).raise_for_status().json()
    return answer["results"][-1]["values"][0]


def land(bucket: Any, client: httpx.Client, number: int) -> tuple[dt.datetime, float]:
    """Upload a file and wait for its price; gives when, and how many seconds it took."""
    price, at, start = 100_000.0 + number, dt.datetime.now(dt.UTC), time.monotonic()
    bucket.blob(f"features/{VIEW}/{number:05}.parquet").upload_from_string(car_file(price))
    while served(client) != price:
        if time.monotonic() - start > PATIENCE_SECONDS:
            raise TimeoutError(f"file {number}: not served within {PATIENCE_SECONDS:g} s")
        time.sleep(0.02)
    return at, time.monotonic() - start


def main(
    files: int = typer.Option(40, help="How many, one after the other."),
    quick: bool = typer.Option(False, help="Three files; nothing is written."),
) -> None:
    """Run the benchmark and write benchmarks/results/features-landing.json."""
    files, draw = (3 if quick else files), random.Random(SEED)
    report = Report(
        "features-landing",
        {
            "file": f"{ROWS:,} rows of car_listing in Parquet, one after the other",
            "way": "bucket, Pub/Sub, trigger, DAG of four tasks in LocalExecutor, Redis, feature server",
            "stand-ins": "Cloud Storage, Pub/Sub and BigQuery are emulators: no figure of theirs",
        },
    )
    with tempfile.TemporaryDirectory(prefix="landing-") as name, parts(Path(name)) as (platform, bucket, client):
        platform.api.write("PATCH", f"dags/{DAG}", {"is_paused": False})
        _watched(platform)
        land(bucket, client, 0)  # warm-up: the trigger begins, a first run
        landed = []
        for number in range(1, files + 1):
            time.sleep(draw.uniform(0.5, 3.0))  # not in step with anybody's polling
            landed.append(land(bucket, client, number))
            typer.echo(f"file {number}: {landed[-1][1]:.1f} s")
        steps = _steps(platform, landed)
    seconds = [each[1] for each in landed]
    report.runs = [{"seconds": round(each, 3)} for each in seconds]
    report.metrics = {
        "landed to served, p50": spread(seconds, "s"),
        "landed to served, p99": {"value": round(percentile(seconds, 99), 3), "unit": "s"},
    } | {name: spread(values, "s") for name, values in steps.items() if values}
    report.show(write=not quick)


def _steps(platform: LocalPlatform, landed: list[tuple[dt.datetime, float]]) -> dict[str, list[float]]:
    """Where the seconds go: to the run, and of each task its wait and its work."""
    secrets = Secrets.of(platform.layout.secrets_file)
    engine = sa.create_engine(sql_uri(platform.layout, secrets, "airflow", "postgresql+psycopg"))
    with engine.connect() as connection:
        rows = connection.execute(sa.text(TASKS), {"dag": DAG, "since": landed[0][0]}).all()
    engine.dispose()
    runs = sorted({row.queued_at for row in rows})
    steps: dict[str, list[float]] = {"of that: until the run is there": []}
    for at, _ in landed:
        if (first := next((run for run in runs if run >= at), None)) is not None:
            steps["of that: until the run is there"].append((first - at).total_seconds())
    for task in ("land", "stage", "write"):
        mine = [row for row in rows if row.task_id == task]
        steps[f"of that: {task} waits"] = [(row.start_date - row.scheduled_dttm).total_seconds() for row in mine]
        steps[f"of that: {task} works"] = [(row.end_date - row.start_date).total_seconds() for row in mine]
    return steps


if __name__ == "__main__":
    typer.run(main)
