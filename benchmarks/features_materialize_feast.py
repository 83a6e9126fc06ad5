"""Feast, by the Python of .venv-feast: materialize_incremental of the same rows into the same Redis.

Says what it took as JSON on its last line.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from pathlib import Path

import feast
from feast_bigquery import use_emulator
from feast_store import store_of


def main() -> None:
    """Arguments: file or table, Redis' port, a folder, the features' types as JSON, the end of the interval.

    For a table also the emulator's addresses: of its REST API, and of its Storage Read API.
    """
    rows, port, folder, features, end, *emulator = sys.argv[1:]
    if emulator:
        use_emulator(*emulator, project=rows.split(".")[0])
    store = store_of(Path(folder), int(port), "cars", json.loads(features), rows)
    began, cpu = time.perf_counter(), time.process_time()
    store.materialize_incremental(end_date=dt.datetime.fromisoformat(end))
    told = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    # Not getrusage, which begins with what the process that started this one had.
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    print(json.dumps(told | {"peak_mib": peak, "version": feast.__version__}))


if __name__ == "__main__":
    main()
