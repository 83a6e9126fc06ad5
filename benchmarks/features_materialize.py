"""1,000,000 entities of 20 features from a Parquet file, or from BigQuery, into Redis: ours and Feast's, the same rows.

Each run is a process of its own that begins with an empty Redis. What is measured is the work alone, without imports
and registry. Once more ours over what is there already, and ours with more rows, whose memory should not be more.
Afterwards both must have left the same bytes.
BigQuery is an emulator on the same two cores, so that from there both take mainly its time.
Usage: python -m benchmarks.features_materialize [--source parquet|bigquery] [--entities N] [--repeats N] [--quick]
"""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from google.cloud.bigquery import LoadJobConfig, ParquetOptions

from benchmarks.features_rows import END, TYPES, VIEW, write_rows
from benchmarks.frame import Report, Target, in_own_process, spread
from standins.bigquery.testing import BigQueryStandin
from tests.support.real_feast import PYTHON
from tests.support.valkey import ALLOCATOR, Valkey, as_it_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis

UNITS = {"rows_per_second": "rows/s", "cpu_seconds": "CPU s", "redis_cpu_seconds": "CPU s", "peak_mib": "MiB"}
SAMPLE = 2_000


_BIGQUERY = {
    **{kind: kind for kind in ("INT64", "BOOL", "STRING")},
    "DOUBLE": "FLOAT64",
    "UNIX_TIMESTAMP": "TIMESTAMP",
    "DOUBLE_LIST": "ARRAY<FLOAT64>",
}


class Source(StrEnum):
    """Where the rows are."""

    PARQUET = "parquet"
    BIGQUERY = "bigquery"


@dataclass(frozen=True)
class Rows:
    """Rows that both contenders read.

    Attributes:
        place: a file, or project.dataset.table.
        ours: what ours has to know beside that.
        feast: what Feast has to know.
    """

    place: str
    ours: tuple[str, ...] = ()
    feast: tuple[str, ...] = ()


@contextmanager
def rows_of(source: Source, folder: Path, entities: int) -> Iterator[Rows]:
    """Make them."""
    file = folder / "rows.parquet"
    write_rows(file, entities)
    if source is Source.PARQUET:
        yield Rows(str(file))
        return
    with BigQueryStandin("bench") as server:
        table = "bench.features.cars"
        client = server.client()
        client.create_dataset("features")
        types = {"car_id": "INT64", **TYPES, "event_at": "UNIX_TIMESTAMP"}
        columns = ", ".join(f"{name} {_BIGQUERY[kind]}" for name, kind in types.items())
        client.query(f"CREATE TABLE {table} ({columns})").result()
        lists = ParquetOptions()
        lists.enable_list_inference = True
        with file.open("rb") as content:
            config = LoadJobConfig(source_format="PARQUET", parquet_options=lists)
            client.load_table_from_file(content, table, job_config=config).result()
        addresses = (server.url, f"127.0.0.1:{server.storage_port}")
        yield Rows(table, (json.dumps(server.connection()),), addresses)


def ours(rows: Rows, port: int) -> dict[str, Any]:
    """One run of ours."""
    return in_own_process("benchmarks.features_materialize_ours", rows.place, str(port), *rows.ours, env={})


def feast(rows: Rows, port: int, entities: int) -> dict[str, Any]:
    """One run of Feast's."""
    script = str(Path(__file__).with_name("features_materialize_feast.py"))
    with tempfile.TemporaryDirectory(prefix="feast-") as folder:
        arguments = (rows.place, str(port), folder, json.dumps(TYPES), END.isoformat(), *rows.feast)
        patience = 120 + entities / 200
        return in_own_process(script, *arguments, env={"HOME": folder}, python=PYTHON, timeout_seconds=patience)


def _cpu(client: Redis) -> float:
    info = client.info("cpu")
    return float(info["used_cpu_sys"]) + float(info["used_cpu_user"])


def _sample(client: Redis) -> dict[bytes, dict[bytes, bytes]]:
    """Some hashes, the same ones of each contender."""
    keys = sorted(client.scan_iter(count=10_000))
    return {key: client.hgetall(key) for key in keys[:: max(1, len(keys) // SAMPLE)]}


_TIMES = 2
_NAMES = {Source.PARQUET: "features-materialize", Source.BIGQUERY: "features-materialize-bigquery"}
_PLACES = {Source.PARQUET: "one Parquet file", Source.BIGQUERY: "a table of BigQuery's emulator"}


def main(
    source: Annotated[Source, typer.Option(help="Where the rows are.")] = Source.PARQUET,
    entities: int = typer.Option(1_000_000, help="Rows, each of an entity of its own."),
    repeats: int = typer.Option(3, help="Of ours; Feast runs once."),
    quick: bool = typer.Option(False, help="A fiftieth of it; nothing is written."),
) -> None:
    """Run the benchmark and write benchmarks/results/features-materialize.json."""
    entities, repeats = (entities // 50, 1) if quick else (entities, repeats)
    report = Report(
        _NAMES[source],
        {
            "load": f"{entities:,} entities, a row each of {len(TYPES)} features (8 doubles, 6 integers, 2 truths, 2 "
            f"texts, a time, a list of 3 doubles) in {_PLACES[source]}",
            "redis": f"{as_it_runs(ALLOCATOR)} on the same two cores, without persistence",
        },
    )
    seen: dict[str, Any] = {}
    with (
        ExitStack() as stack,
        tempfile.TemporaryDirectory(prefix="features-") as name,
        Valkey(Path(name), allocator=ALLOCATOR) as valkey,
    ):
        beginning = stack.enter_context(ExitStack())
        rows = beginning.enter_context(rows_of(source, Path(name), entities))
        client = valkey.client()
        client.connection_pool.connection_kwargs["decode_responses"] = False
        plan = [("ours", "first")] * repeats + [("ours", "again"), ("feast", "first")]
        for contender, case in plan:
            if case == "first":
                client.flushall()
            before = _cpu(client)
            told = ours(rows, valkey.port) if contender == "ours" else feast(rows, valkey.port, entities)
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
        beginning.close()  # the emulator keeps all of it in memory
        client.flushall()
        folder = Path(name) / "larger"
        folder.mkdir()
        larger = stack.enter_context(rows_of(source, folder, _TIMES * entities))
        told = ours(larger, valkey.port)
        report.runs.append({"contender": "ours", "case": "larger", **told})
        typer.echo(f"ours  larger peak_mib {told['peak_mib']:,.1f}")
    _summarize(report, source, seen, entities)
    report.show(write=not quick)


def _figures(runs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: spread([run[name] for run in runs], unit) for name, unit in UNITS.items()}


def _summarize(report: Report, source: Source, seen: dict[str, Any], entities: int) -> None:
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
    # From BigQuery the emulator sets the pace.
    report.targets = [Target("rows/s", ">=", 100_000, rate)] if source is Source.PARQUET else []
    report.targets += [
        Target("times as fast as Feast", ">=", 10, round(rate / theirs["rows_per_second"]["value"], 1)),
        Target("peak memory of the process, MiB", "<=", 500, round(peak)),
        Target(f"the same bytes in Redis as Feast's, in {SAMPLE:,} hashes", "==", 1, int(same)),
    ]
    for run in report.runs:
        if run["case"] == "larger":
            report.metrics["larger.peak_mib"] = spread([run["peak_mib"]], "MiB")
            larger = Target(f"the same with {_TIMES} times as many rows", "<=", 500, round(run["peak_mib"]))
            report.targets.insert(-1, larger)
    report.notes = [f"{len(VIEW.features)} features a row: {rate * len(VIEW.features):,.0f} feature values a second."]


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
