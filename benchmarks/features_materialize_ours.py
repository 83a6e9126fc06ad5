"""Ours, in a process of its own: a Parquet file into Redis. Says what it took as JSON on its last line."""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path

from redis import Redis

from benchmarks.features_rows import VIEW
from drivetrain.features.materialize import materialize
from hooks.feature_files import parquet_batches
from hooks.online_writer import OnlineWriter


def main() -> None:
    """Arguments: the file, Redis' port."""
    path, port = Path(sys.argv[1]), int(sys.argv[2])
    with Redis(port=port, protocol=2, socket_timeout=60) as client:
        began, cpu = time.perf_counter(), time.process_time()
        done = materialize(parquet_batches(path, VIEW), VIEW, OnlineWriter(client).write)
        told = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(asdict(done) | told | {"peak_mib": peak}))


if __name__ == "__main__":
    main()
