"""1,000,000 entities of 20 features from a Parquet file into Redis: ours and Feast's, the same file, the same Redis.

Each run is a process of its own that begins with an empty Redis. What is measured is the work alone, without imports
and registry. Once more ours over what is there already. Afterwards both must have left the same bytes.
Usage: python -m benchmarks.features_materialize [--entities N] [--repeats N] [--quick]
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from benchmarks.features_rows import END, TYPES, VIEW, write_rows
from benchmarks.frame import Report, Target, in_own_process, spread
from tests.support.real_feast import PYTHON
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from redis import Redis

UNITS = {"rows_per_second": "rows/s", "cpu_seconds": "CPU s", "redis_cpu_seconds": "CPU s", "peak_mib": "MiB"}
SAMPLE = 2_000


def ours(file: Path, port: int) -> dict[str, Any]:
    """One run of ours."""
    return in_own_process("benchmarks.features_materialize_ours", str(file), str(port), env={})


def feast(file: Path, port: int, entities: int) -> dict[str, Any]:
    """One run of Feast's."""
    script = str(Path(__file__).with_name("features_materialize_feast.py"))
    with tempfile.TemporaryDirectory(prefix="feast-") as folder:
        arguments = (str(file), str(port), folder, json.dumps(TYPES), END.isoformat())
        patience = 120 + entities / 200
        return in_own_process(script, *arguments, env={"HOME": folder}, python=PYTHON, timeout_seconds=patience)


def _cpu(client: Redis) -> float:
    info = client.info("cpu")
    return float(info["used_cpu_sys"]) + float(info["used_cpu_user"])


def _sample(client: Redis) -> dict[bytes, dict[bytes, bytes]]:
    """Some hashes, the same ones of each contender."""
    keys = sorted(client.scan_iter(count=10_000))
    return {key: client.hgetall(key) for key in keys[:: max(1, len(keys) // SAMPLE)]}


def main(
    entities: int = typer.Option(1_000_000, help="Rows, each of an entity of its own."),
    repeats: int = typer.Option(3, help="Of ours; Feast runs once."),
    quick: bool = typer.Option(False, help="A fiftieth of it; nothing is written."),
) -> None:
    """Run the benchmark and write benchmarks/results/features-materialize.json."""
    entities, repeats = (entities // 50, 1) if quick else (entities, repeats)
    report = Report(
        "features-materialize",
        {
            "load": f"{entities:,} entities, a row each of {len(TYPES)} features (8 doubles, 6 integers, 2 truths, 2 "
            "texts, a time, a list of 3 doubles) in one Parquet file",
            "redis": "Valkey 9.1 on the same two cores, without persistence",
        },
    )
    seen: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="features-") as name, Valkey(Path(name)) as valkey:
        file = Path(name) / "rows.parquet"
        write_rows(file, entities)
        client = valkey.client()
        client.connection_pool.connection_kwargs["decode_responses"] = False
        plan = [("ours", "first")] * repeats + [("ours", "again"), ("feast", "first")]
        for contender, case in plan:
            if case == "first":
                client.flushall()
            before = _cpu(client)
            told = ours(file, valkey.port) if contender == "ours" else feast(file, valkey.port, entities)
            row = {
                "contender": contender,
                "case": case,
                **told,
                "rows_per_second": entities / told["seconds"],
                "redis_cpu_seconds": _cpu(client) - before,
            }
            report.runs.append(row)
            typer.echo(f"{contender:<6}{case:<6}" + "  ".join(f"{name} {row[name]:,.1f}" for name in UNITS))
            seen[contender] = (client.dbsize(), _sample(client))
    _summarize(report, seen, entities)
    report.show(write=not quick)


def _figures(runs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: spread([run[name] for run in runs], unit) for name, unit in UNITS.items()}


def _summarize(report: Report, seen: dict[str, Any], entities: int) -> None:
    of = {
        (contender, case): [run for run in report.runs if (run["contender"], run["case"]) == (contender, case)]
        for contender, case in (("ours", "first"), ("ours", "again"), ("feast", "first"))
    }
    report.metrics = _figures(of["ours", "first"])
    report.metrics |= {f"again.{name}": value for name, value in _figures(of["ours", "again"]).items()}
    theirs = _figures(of["feast", "first"])
    report.peers["feast"] = {"version": of["feast", "first"][0]["version"], "metrics": theirs}
    rate, peak = report.metrics["rows_per_second"]["value"], report.metrics["peak_mib"]["spread"][1]
    same = seen["ours"] == seen["feast"] and seen["ours"][0] == entities
    report.targets = [
        Target("rows/s", ">=", 100_000, rate),
        Target("times as fast as Feast", ">=", 10, round(rate / theirs["rows_per_second"]["value"], 1)),
        Target("peak memory of the process, MiB", "<=", 500, round(peak)),
        Target(f"the same bytes in Redis as Feast's, in {SAMPLE:,} hashes", "==", 1, int(same)),
    ]
    report.notes = [f"{len(VIEW.features)} features a row: {rate * len(VIEW.features):,.0f} feature values a second."]


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
