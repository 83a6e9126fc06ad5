"""From a file that lands in a bucket to its value being served: how many seconds.

The whole way is real but for Google: the bucket tells Pub/Sub, a trigger wakes the DAG, its tasks load, stage, judge
and write, and somebody asks the feature server until it has the new value. Google's parts are emulators: this is what
Airflow and we take, and not what BigQuery does. Usage: python -m benchmarks.features_landing [--files N] [--quick]
"""

from __future__ import annotations

import datetime as dt
import io
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
import typer
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from benchmarks.frame import Report, percentile, spread
from standins.bigquery.marketplace import TABLES
from standins.platform.airflow_env import sql_uri
from standins.platform.connections import PROJECT
from standins.platform.features import BUCKET, why_no_files
from standins.platform.features import LANDING_VIEW as VIEW
from standins.platform.secrets import Secrets
from standins.platform.testing import LocalPlatform
from standins.platform.watchers import wait_for_watcher
from standins.supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from collections.abc import Iterator

DAG = f"features_{VIEW}"
ROWS = 1_000  # a file
SEED = 20_261_127
PATIENCE_SECONDS = 120.0
TASKS = """
SELECT r.run_id, r.queued_at, t.task_id, t.scheduled_dttm, t.start_date, t.end_date
FROM dag_run r JOIN task_instance t ON t.dag_id = r.dag_id AND t.run_id = r.run_id
WHERE r.dag_id = :dag AND t.state = 'success' AND r.queued_at >= :since
"""


def car_file(price: float) -> bytes:
    """Cars of one price each, as they are now."""
    now = dt.datetime.now(dt.UTC)
    rows = TABLES[VIEW].rows(random.Random(SEED), now, ROWS).drop_columns(["loaded_at"])
    for name, value in (("asking_price", price), ("event_at", now)):
        place = rows.column_names.index(name)
        rows = rows.set_column(place, rows.schema.field(name), pa.array([value] * ROWS, rows.schema.field(name).type))
    file = io.BytesIO()
    pq.write_table(rows, file)
    return file.getvalue()


@contextmanager
def parts() -> Iterator[tuple[LocalPlatform, Any, httpx.Client]]:
    """A platform with Google's emulators, a bucket, and a client of the feature server."""
    if (why := why_no_files()) is not None:
        raise SupervisorError(why)
    # Scheduled: the runs are those that a message begins.
    with LocalPlatform(without=("snowflake", "sheets"), features=True, scheduled=True) as platform:
        platform.wait_for_version(platform.push())
        address = f"http://127.0.0.1:{platform.layout.ports.gcs}"
        google = Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": address})
        with httpx.Client(base_url=platform.layout.features_url, trust_env=False) as asking:
            yield platform, google.bucket(BUCKET), asking


def served(client: httpx.Client) -> float | None:
    """The price of one car."""
    body = {"features": [f"{VIEW}:asking_price"], "entities": {"car_id": [TABLES[VIEW].entity(ROWS // 2)]}}
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
    with parts() as (platform, bucket, client):
        platform.api.write("PATCH", f"dags/{DAG}", {"is_paused": False})
        wait_for_watcher(platform.api, DAG, f"feature files {VIEW}")
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
