"""The demo of features: run each view's DAG once, ask the feature server, and let a file arrive."""

from __future__ import annotations

import datetime as dt
import io
import random
import time
from typing import TYPE_CHECKING, Any

import httpx
from rich.table import Table

from standins.platform import bundle, runs
from standins.platform.demo import DemoFailedError, describe_failure
from standins.platform.features import BUCKET, LANDING_VIEW, PREFIX, why_no_files
from standins.platform.versions import wait_for_version
from standins.platform.watchers import wait_for_watcher

if TYPE_CHECKING:
    from rich.console import Console

    from standins.platform.api import AirflowApi
    from standins.platform.layout import Layout

DAG_PREFIX = "features_"
FLEET = ("features_audit", "features_health", "features_prune")
_PATIENCE_SECONDS = 120.0
_SHOWN = 3


def run_views(layout: Layout, api: AirflowApi, console: Console) -> runs.Snapshot:
    """Run the DAG of each view once, in the version of the working tree.

    Raises:
        ImportFailedError: Airflow cannot import it.
        DemoFailedError: a run failed: which task, why, and where the log is.
    """
    from standins.bigquery.marketplace import TABLES

    sha = bundle.publish(layout, "Publish the working tree")
    wait_for_version(layout, api, sha)
    no_files = why_no_files()
    if no_files:
        console.print(f"Left out: {LANDING_VIEW}, since no file can arrive: {no_files}", soft_wrap=True)
    dag_ids = [f"{DAG_PREFIX}{view}" for view in TABLES if not no_files or view != LANDING_VIEW]
    run_id = runs.trigger(api, dag_ids)
    seen: dict[str, str] = {}

    def show(snapshot: runs.Snapshot) -> None:
        for dag_id, state in snapshot.states.items():
            if state in runs.FINISHED and seen.get(dag_id) != state:
                console.print(f"  {dag_id:<32} {state}", highlight=False)
                seen[dag_id] = state

    snapshot = runs.follow(api, dag_ids, run_id, show)
    if snapshot.failed_dags:
        raise DemoFailedError(describe_failure(layout, api, snapshot))
    for dag_id in FLEET:  # from now on it looks after itself
        api.write("PATCH", f"dags/{dag_id}", {"is_paused": False})
    return snapshot


def verify(layout: Layout, console: Console, snapshot: runs.Snapshot) -> int:
    """Hold what the feature server gives out to what BigQuery has; gives how many values are equal.

    Raises:
        DemoFailedError: a value differs.
    """
    from standins.bigquery.marketplace import TABLES, client_for

    bigquery = client_for(f"http://127.0.0.1:{layout.ports.bigquery}")
    equal = 0
    for view, table in TABLES.items():
        if f"{DAG_PREFIX}{view}" not in snapshot.states:
            continue
        key = table.key[0]
        newest = f"ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY event_at DESC, loaded_at DESC) = 1"
        query = f"SELECT * FROM `{table.name}` WHERE event_at < CURRENT_TIMESTAMP() QUALIFY {newest} ORDER BY {key}"
        rows = [dict(row.items()) for row in bigquery.query(query).result()][:: max(1, 2_000 // 50)]
        served = ask(layout, [f"{view}:{name}" for name in table.features], {key: [row[key] for row in rows]})
        for name in table.features:
            wanted = [_as_served(row[name]) for row in rows]
            if served[name] != wanted:
                raise DemoFailedError(f"{view}:{name} is served as {served[name][:3]}…, BigQuery has {wanted[:3]}…")
            equal += len(wanted)
        shown = Table(title=f"{view}, as the feature server gives it out", title_justify="left")
        for heading in (key, *table.features):
            shown.add_column(heading)
        for place in range(_SHOWN):
            shown.add_row(str(rows[place][key]), *(str(served[name][place]) for name in table.features))
        console.print(shown)
    return equal


def ask(layout: Layout, features: list[str], entities: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """What the feature server answers: of each feature its values."""
    body = {"features": features, "entities": entities}
    answer = httpx.post(f"{layout.features_url}/get-online-features", json=body, trust_env=False, timeout=20)
    found = answer.raise_for_status().json()
    names = found["metadata"]["feature_names"]
    return {name: result["values"] for name, result in zip(names, found["results"], strict=True)}


def let_a_file_arrive(layout: Layout, api: AirflowApi) -> float:
    """Upload a file with another price for a car; gives how many seconds it took until that was served.

    Raises:
        DemoFailedError: it was not served in time.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from standins.bigquery.marketplace import TABLES

    dag_id = f"{DAG_PREFIX}{LANDING_VIEW}"
    api.write("PATCH", f"dags/{dag_id}", {"is_paused": False})
    wait_for_watcher(api, dag_id, f"feature files {LANDING_VIEW}")
    price, now = float(int(time.time()) % 900_000 + 100_000), dt.datetime.now(dt.UTC)
    draw = random.Random(0)  # noqa: S311 (any values)
    rows = TABLES[LANDING_VIEW].rows(draw, now, 1).drop_columns(["loaded_at"]).to_pylist()
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([rows[0] | {"asking_price": price, "event_at": now}]), file)
    began = time.monotonic()
    name = f"{PREFIX}{now:%Y%m%dT%H%M%S}.parquet"
    url = f"http://127.0.0.1:{layout.ports.gcs}/upload/storage/v1/b/{BUCKET}/o"
    sent = httpx.post(url, params={"uploadType": "media", "name": name}, content=file.getvalue(), trust_env=False)
    sent.raise_for_status()
    asked = [f"{LANDING_VIEW}:asking_price"], {"car_id": [rows[0]["car_id"]]}
    while ask(layout, *asked)["asking_price"] != [price]:
        if time.monotonic() - began > _PATIENCE_SECONDS:
            raise DemoFailedError(f"gs://{BUCKET}/{name} was not served within {_PATIENCE_SECONDS:g} s.")
        time.sleep(0.1)
    return time.monotonic() - began


def _as_served(value: Any) -> Any:
    """JSON has no times: the server gives whole seconds since 1970, as Feast's does."""
    return int(value.timestamp()) if isinstance(value, dt.datetime) else value
