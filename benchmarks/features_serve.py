"""The feature server against Feast's: one process each, the same Redis, the same requests, one after the other.

Latency at a rate that both can take (open loop), and how many requests a second each takes at most. 1, 10 and 100
entities with 10 and 50 features; entities are drawn anew for each request. Then Redis is killed under load.
Usage: python -m benchmarks.features_serve [--quick]
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pyarrow as pa
import typer

from benchmarks.frame import Report, Target, spread
from benchmarks.open_loop import Told, as_fast_as_it_goes, at_rate, post
from drivetrain.features.materialize import materialize
from drivetrain.features.value_types import VALUE_TYPES
from drivetrain.features.view import View
from hooks.online_writer import OnlineWriter
from standins.testing import free_port
from tests.support.real_feast import PYTHON
from tests.support.registries import RegistryFile
from tests.support.valkey import ALLOCATOR, Valkey, as_it_runs
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from redis import Redis

ENTITIES, FEATURES, SEED, ROOT = 100_000, 50, 7, Path(__file__).parents[1]
CASES = [(entities, features) for entities in (1, 10, 100) for features in (10, 50)]
VIEW = View(
    project="bench",
    name="wide",
    join_keys={"car_id": VALUE_TYPES["INT64"]},
    features={f"f{number}": VALUE_TYPES["DOUBLE"] for number in range(FEATURES)},
    timestamp_field="event_at",
)
# Requests a second of the open loop, by entities: what the slower of both takes without a queue.
RATES = {1: 100.0, 10: 60.0, 100: 10.0}


def fill(client: Redis, entities: int) -> None:
    """Entities 0, 1, … of random numbers."""
    draw = np.random.default_rng(SEED)

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, entities, 10_000):
            count = min(10_000, entities - start)
            now = pa.array([dt.datetime.now(dt.UTC)] * count, pa.timestamp("us", "UTC"))
            columns = {"car_id": pa.array(np.arange(start, start + count)), "event_at": now}
            columns |= {name: pa.array(draw.random(count)) for name in VIEW.features}
            yield pa.RecordBatch.from_pydict(columns)

    materialize(batches(), VIEW, OnlineWriter(client).write)


def registry(path: Path) -> None:
    """What our server reads."""
    file = RegistryFile(VIEW.project)
    features = dict.fromkeys(VIEW.features, "DOUBLE")
    year = dt.timedelta(days=365)
    file.view(VIEW.name, {"car_id": "INT64"}, features, ttl=year, timestamp=VIEW.timestamp_field)
    path.write_bytes(file.content())


def server(contender: str, redis: int, folder: Path) -> AbstractContextManager[int]:
    """A server's port."""
    if contender == "ours":
        registry(folder / "ours.db")
        return ours(folder, folder / "ours.db", "bench", redis)
    port = free_port()
    script = str(Path(__file__).with_name("features_serve_feast.py"))
    command = [str(PYTHON), script, str(redis), str(port), str(folder), str(FEATURES)]
    return _running("feast", command, {"HOME": str(folder)}, port, folder)


def ours(folder: Path, defined: Path, project: str, redis: int) -> AbstractContextManager[int]:
    """Our server's port.

    Args:
        folder: for its log.
        defined: the registry's file.
        project: Feast's.
        redis: its port.
    """
    port = free_port()
    own = {"REGISTRY": str(defined), "PROJECT": project, "REDIS_URL": f"redis://127.0.0.1:{redis}/0"}
    settings = {f"DRIVETRAIN_FEATURES_{name}": value for name, value in own.items()}
    command = [sys.executable, "-m", "services.feature_server", "--port", str(port)]
    return _running("ours", command, settings, port, folder)


@contextlib.contextmanager
def _running(name: str, command: list[str], settings: dict[str, str], port: int, folder: Path) -> Iterator[int]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | settings, cwd=ROOT, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            eventually(f"{name}'s server", lambda: _is_up(client), 120)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx.TransportError:
        return False


def requests(entities: int, features: int, known: int) -> list[bytes]:
    """Some hundred, each of other entities."""
    draw = random.Random(SEED)
    names = [f"wide:f{number}" for number in range(features)]
    bodies = ({"features": names, "entities": {"car_id": draw.sample(range(known), entities)}} for _ in range(300))
    return [post("/get-online-features", json.dumps(body).encode()) for body in bodies]


def measure(port: int, entities: int, features: int, known: int, seconds: float) -> dict[str, float]:
    """One case."""
    asked = requests(entities, features, known)
    as_fast_as_it_goes(port, asked, seconds=1)  # warm-up
    steady = at_rate(port, asked, rate=RATES[entities], seconds=seconds)
    most = as_fast_as_it_goes(port, asked, seconds=seconds / 2)
    for told in (steady, most):
        if told.statuses.keys() != {200}:
            raise RuntimeError(f"{entities} x {features}: statuses {told.statuses}")
    return {
        "p50_ms": steady.milliseconds(50),
        "p99_ms": steady.milliseconds(99),
        "p999_ms": steady.milliseconds(99.9),
        "requests_per_second": most.good / most.took,
        "late": steady.late,
    }


def outage(valkey: Valkey, port: int, known: int) -> tuple[Told, float]:
    """Redis is killed and comes back empty, under load; the answers, and seconds from its return until we are ready."""
    asked = requests(1, 10, known)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        back = 0.0

        def fail() -> None:
            nonlocal back
            time.sleep(2)
            valkey.kill()
            time.sleep(2)
            valkey.start()
            began = time.perf_counter()
            eventually("an answer", lambda: client.get("/ready").status_code == 200, 30)
            back = time.perf_counter() - began

        failing = threading.Thread(target=fail)
        failing.start()
        told = at_rate(port, asked, rate=100, seconds=8)
        failing.join()
    return told, back


def main(
    seconds: float = typer.Option(10.0, help="Of each case at a fixed rate; half of it as fast as it goes."),
    repeats: int = typer.Option(3, help="Rounds; both servers in each."),
    quick: bool = typer.Option(False, help="Shorter, once; nothing is written."),
) -> None:
    """Run the benchmark and write benchmarks/results/features-serve.json."""
    seconds, repeats, known = (2.0, 1, 5_000) if quick else (seconds, repeats, ENTITIES)
    report = Report(
        "features-serve",
        {
            "store": f"{known:,} entities of {FEATURES} doubles in {as_it_runs(ALLOCATOR)} on the same two cores",
            "servers": "one process each; the client shares the two cores with them",
            "open loop": ", ".join(f"{rate:g} requests/s of {count}" for count, rate in RATES.items()) + " entities",
        },
    )
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="features-") as name, Valkey(Path(name), allocator=ALLOCATOR) as valkey:
        client = valkey.client()
        client.connection_pool.connection_kwargs["decode_responses"] = False
        fill(client, known)
        for repeat in range(repeats):
            for contender in ("ours", "feast"):
                with server(contender, valkey.port, Path(name)) as port:
                    for entities, features in CASES:
                        row = measure(port, entities, features, known, seconds)
                        rows.append({"contender": contender, "repeat": repeat, "case": f"{entities}x{features}", **row})
                        typer.echo(
                            f"{contender:<6}{entities:>4} x {features:<4}"
                            + "  ".join(f"{k} {v:,.2f}" for k, v in row.items())
                        )
        with server("ours", valkey.port, Path(name)) as port:
            told, back = outage(valkey, port, known)
    report.runs = rows
    _summarize(report, told, back)
    report.show(write=not quick)


_UNITS = {"p50_ms": "ms", "p99_ms": "ms", "p999_ms": "ms", "requests_per_second": "requests/s"}


def _figures(rows: list[dict[str, Any]], contender: str) -> dict[str, dict[str, Any]]:
    return {
        f"{entities} entities, {features} features: {name}": spread(
            [row[name] for row in rows if row["contender"] == contender and row["case"] == f"{entities}x{features}"],
            unit,
        )
        for entities, features in CASES
        for name, unit in _UNITS.items()
    }


def _summarize(report: Report, told: Told, back: float) -> None:
    import importlib.metadata

    report.metrics = _figures(report.runs, "ours")
    theirs = _figures(report.runs, "feast")
    report.peers["feast"] = {"version": "0.67.0", "metrics": theirs}
    ratios = [
        report.metrics[name]["value"] / theirs[name]["value"] for name in theirs if name.endswith("requests_per_second")
    ]
    slow = max(told.seconds) * 1_000
    report.targets = [
        Target(
            "p99 of 1 entity and 10 features, ms", "<=", 2, report.metrics["1 entities, 10 features: p99_ms"]["value"]
        ),
        Target(
            "p99 of 1 entity and 50 features, ms", "<=", 2, report.metrics["1 entities, 50 features: p99_ms"]["value"]
        ),
        Target(
            "p99 of 100 entities and 50 features, ms",
            "<=",
            10,
            report.metrics["100 entities, 50 features: p99_ms"]["value"],
        ),
        Target("times Feast's requests/s, in the case where it is least", ">=", 3, round(min(ratios), 2)),
        Target(
            "answers that were neither 200 nor 503 while Redis was away",
            "==",
            0,
            sum(told.statuses.values()) - told.good - told.statuses.get(503, 0),
        ),
        Target("slowest answer while Redis was away, ms", "<=", 1_000, round(slow)),
        Target("seconds from Redis' return to an answer", "<=", 1, round(back, 2)),
    ]
    report.notes = [
        f"While Redis was away: {told.statuses.get(503, 0)} answers of 503, {told.good} of 200; uvicorn "
        f"{importlib.metadata.version('uvicorn')}."
    ]


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
