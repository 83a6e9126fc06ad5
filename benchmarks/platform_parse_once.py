"""One parse of some DAG files in this process, as a DAG processor's child does it: import, collect, serialize.

Usage: python -m benchmarks.platform_parse_once <bundle> <pattern of files in its dags/>. Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

from benchmarks.frame import PeakMemory
from standins.platform.preload import preload


def main(bundle: Path, pattern: str) -> None:
    """Parse and print."""
    preload()  # what the processor has imported before it forks
    files = sorted(file for file in (bundle / "dags").glob(pattern) if not file.name.startswith("_"))
    by_file, dags, tasks, size = {}, 0, 0, 0
    with PeakMemory() as memory:
        for file in files:
            begun = time.perf_counter()
            bag = DagBag(str(file), bundle_path=bundle)
            if bag.import_errors:
                raise SystemExit(f"{file.name}: {next(iter(bag.import_errors.values()))}")
            texts = [json.dumps(DagSerialization.to_dict(dag)) for dag in bag.dags.values()]
            by_file[file.name] = time.perf_counter() - begun
            dags += len(bag.dags)
            tasks += sum(len(dag.tasks) for dag in bag.dags.values())
            size += sum(map(len, texts))
    result = {
        "seconds": round(sum(by_file.values()), 4),
        "slowest_file": round(max(by_file.values()), 4),
        "files": len(files),
        "dags": dags,
        "tasks": tasks,
        "serialized_mb": round(size / 1e6, 3),
        "peak_mib": round(memory.mib, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
