"""Feast, by the Python of .venv-feast: materialize_incremental of the same file into the same Redis.

Says what it took as JSON on its last line.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import sys
import time
from pathlib import Path

import feast
from feast_store import store_of


def main() -> None:
    """Arguments: the file, Redis' port, a folder, the features' types as JSON, the end of the interval."""
    path, port, folder, features, end = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], sys.argv[5]
    store = store_of(folder, port, "cars", json.loads(features), path)
    began, cpu = time.perf_counter(), time.process_time()
    store.materialize_incremental(end_date=dt.datetime.fromisoformat(end))
    told = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(told | {"peak_mib": peak, "version": feast.__version__}))


if __name__ == "__main__":
    main()
