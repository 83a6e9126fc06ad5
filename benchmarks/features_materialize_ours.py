"""Ours, in a process of its own: a Parquet file or a BigQuery table into Redis.

Says what it took as JSON on its last line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from redis import Redis

from benchmarks.features_rows import END, VIEW
from benchmarks.processes import peak_mib
from drivetrain.features.materialize import materialize
from hooks.feature_files import parquet_batches
from hooks.online_writer import OnlineWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa


def table_batches(table: str, connection: str) -> Iterator[pa.RecordBatch]:
    """As the tasks of a view's DAG do it: a table of the run's rows first, then its stream."""
    from drivetrain.features import warehouse_sql
    from drivetrain.features.registry import RegisteredView, Source
    from drivetrain.features.window import Window
    from hooks.feature_warehouse import FeatureWarehouseHook

    os.environ["AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"] = connection
    registered = RegisteredView(VIEW, Source(table), ttl=None, online=True, description="", owner="", tags={})
    warehouse, target = FeatureWarehouseHook(), f"{table}__staged"
    statement = warehouse_sql.stage(registered, Window(until=END), target=target, shards=1)

    def batches() -> Iterator[pa.RecordBatch]:
        warehouse.run(statement, max_gib=1_000, labels={})
        yield from warehouse.batches(target, list(VIEW.columns), 0)

    return batches()


def main() -> None:
    """Arguments: a file or a table, Redis' port, and for a table Airflow's connection to BigQuery, as JSON."""
    source, port, *connection = sys.argv[1:]
    with Redis(port=int(port), protocol=2, socket_timeout=60) as client:
        rows = table_batches(source, *connection) if connection else parquet_batches(Path(source), VIEW)
        began, cpu = time.perf_counter(), time.process_time()
        done = materialize(rows, VIEW, OnlineWriter(client).write)
        told = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    print(json.dumps(asdict(done) | told | {"peak_mib": peak_mib(os.getpid())}))


if __name__ == "__main__":
    main()
