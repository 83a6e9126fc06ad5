"""Sheet sync against Airflow's SQLToGoogleSheetsOperator and gspread-dataframe, on the same two local servers.

One sync of 50,000 x 20 and 200 syncs of 500 x 10 (20 workbooks with 10 tabs each). Each contender has workbooks of
its own and runs four steps: the first run, a run after nothing changed, and two after 1% of all rows changed: every
100th row, which is in every tab, and the last rows, which are in few.
Contenders take turns within a repeat. Usage: python -m benchmarks.sheets [--repeats N] [--quick]
"""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from typing import TYPE_CHECKING, Any

import typer

from benchmarks.frame import Report, Target, in_own_process, spread
from standins.sheets.testing import SheetsStandin
from standins.snowflake.testing import SnowflakeStandin

if TYPE_CHECKING:
    from collections.abc import Iterator

PEERS = ("sql_to_google_sheets", "sql_to_google_sheets_split", "gspread_dataframe")
OURS = ("drivetrain", "drivetrain_apart")
CONTENDERS = (*OURS, *PEERS)
LOADS = ("wide", "narrow")
STEPS = ("first", "unchanged", "changed", "clustered")
# 2 MB, which Google advises, at about 260 bytes a row of the wide table.
SLICE_ROWS = 6_000
WIDE_COLUMNS = 20
NARROW_COLUMNS = 10


def table_sql(name: str, columns: int, rows: int) -> str:
    """A table with the types of a warehouse: codes, names, money, dates, times, flags."""
    kinds = (
        ("TEXT", "lpad(n::TEXT, 7, '0')"),
        ("NUMBER(38,0)", "n * 37 % 100003"),
        ("NUMBER(12,2)", "(n * 7919 % 250000000) / 100"),
        ("DATE", "dateadd('day', n % 730, '2024-11-01'::DATE)"),
        ("TEXT", "'Maruti Suzuki Swift VXi ' || (n % 97)"),
        ("TIMESTAMP_NTZ", "dateadd('second', n * 613 % 63072000, '2024-11-01'::TIMESTAMP_NTZ)"),
        ("BOOLEAN", "n % 3 = 0"),
        ("FLOAT", "n / 7.0"),
        ("TEXT", "CASE WHEN n % 11 = 0 THEN NULL ELSE 'पुणे ' || (n % 53) END"),
        ("NUMBER(18,4)", "(n * 104729 % 99999999) / 10000"),
    )
    picked = [kinds[i % len(kinds)] for i in range(columns)]
    casts = ", ".join(f"({expr})::{kind} AS C{i:02}" for i, (kind, expr) in enumerate(picked))
    return (
        f"CREATE OR REPLACE TABLE {name} AS SELECT n AS ROW_ID, {casts} FROM "
        f"(SELECT (ROW_NUMBER() OVER (ORDER BY seq8()) - 1)::INT AS n FROM TABLE(GENERATOR(ROWCOUNT => {rows})))"
    )


COLUMN_TYPES = (
    {"type": "text"},
    {"type": "integer"},
    {"type": "decimal", "scale": 2},
    {"type": "date"},
    {"type": "text"},
    {"type": "timestamp"},
    {"type": "boolean"},
    {"type": "float"},
    {"type": "text"},
    {"type": "decimal", "scale": 4},
)


def job(name: str, sql: str, columns: int, rows: int, spreadsheet_id: str, tab: str) -> dict[str, Any]:
    """One sync as every contender reads it."""
    return {
        "sql": sql,
        "spreadsheet_id": spreadsheet_id,
        "tab": tab,
        "range": f"{tab}!A1",
        "rows": rows + 1,
        "slice_rows": SLICE_ROWS,
        "spec": {
            "sync": name,
            "description": name,
            "team": "bench",
            "owner": "bench@drivetrain.example",
            "source": {"query": sql},
            "target": {"spreadsheet_id": spreadsheet_id, "tab": tab},
            "mode": "replace",
            "columns": [{"name": f"C{i:02}", **COLUMN_TYPES[i % len(COLUMN_TYPES)]} for i in range(columns)],
        },
    }


def select(table: str, columns: int, where: str = "") -> str:
    """The columns of a table in the order of its rows."""
    names = ", ".join(f"C{i:02}" for i in range(columns))
    return f"SELECT {names} FROM {table} {where} ORDER BY ROW_ID"


class Bench:
    """The two servers, the tables and the contenders' workbooks."""

    def __init__(self, sheets: SheetsStandin, snowflake: SnowflakeStandin, rows: int, syncs: int) -> None:
        self.sheets, self.snowflake, self.rows, self.syncs = sheets, snowflake, rows, syncs
        key = sheets.keyfile("sync-1")
        self.env = {
            "AIRFLOW_CONN_GOOGLE_SHEETS_DEFAULT": json.dumps(
                {
                    "conn_type": "googlesheets",
                    "extra": {"api_root": sheets.url, "keyfile_paths": [str(key)], "timeout_seconds": 600},
                }
            ),
            "AIRFLOW_CONN_GOOGLE_PEER": json.dumps(
                {
                    "conn_type": "google_cloud_platform",
                    "extra": {"key_path": str(key), "scope": "https://www.googleapis.com/auth/spreadsheets"},
                }
            ),
            "AIRFLOW_CONN_SNOWFLAKE_DEFAULT": json.dumps(
                {
                    "conn_type": "snowflake",
                    "login": "drivetrain",
                    "password": "drivetrain",
                    "extra": {
                        "account": "drivetrain",
                        "host": snowflake.host,
                        "port": snowflake.port,
                        "protocol": "http",
                        "database": "BENCH",
                        "schema": "PUBLIC",
                    },
                }
            ),
            "SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true",  # else each log-in may wait 5 s for the resolver
            "BENCH_SHEETS_ROOT": sheets.url,
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        }

    def load(self) -> None:
        """Make the tables anew."""
        self._run(
            "CREATE DATABASE IF NOT EXISTS BENCH",
            "CREATE SCHEMA IF NOT EXISTS BENCH.PUBLIC",
            table_sql("BENCH.PUBLIC.WIDE", WIDE_COLUMNS, self.rows),
            table_sql("BENCH.PUBLIC.NARROW", NARROW_COLUMNS, self.syncs * 500),
        )

    def change(self, step: str, number: int) -> None:
        """Change 1% of all rows: every 100th one, so that no sync is spared, or the last ones, as new trade does."""
        for table, rows in (("WIDE", self.rows), ("NARROW", self.syncs * 500)):
            which = f"ROW_ID % 100 = {number % 100}" if step == "changed" else f"ROW_ID >= {rows - rows // 100}"
            self._run(f"UPDATE BENCH.PUBLIC.{table} SET C02 = C02 + {number}.25 WHERE {which}")

    def _run(self, *statements: str) -> None:
        with closing(self.snowflake.connect()) as connection:
            for statement in statements:
                connection.cursor().execute(statement)

    def wide_jobs(self, owner: str) -> list[dict[str, Any]]:
        """One sync of all rows."""
        tab = "Wide"
        book = self.sheets.create_spreadsheet(title=f"{owner} wide", tabs=[tab], share_with=["sync-1"])
        return [job("wide", select("BENCH.PUBLIC.WIDE", WIDE_COLUMNS), WIDE_COLUMNS, self.rows, book, tab)]

    def narrow_jobs(self, owner: str) -> list[dict[str, Any]]:
        """Many syncs of 500 rows, ten tabs a workbook."""
        jobs, book = [], ""
        tabs = [f"Part{i}" for i in range(10)]
        for number in range(self.syncs):
            if number % 10 == 0:
                book = self.sheets.create_spreadsheet(
                    title=f"{owner} narrow {number // 10}", tabs=tabs, share_with=["sync-1"]
                )
            where = f"WHERE ROW_ID >= {number * 500} AND ROW_ID < {number * 500 + 500}"
            sql = select("BENCH.PUBLIC.NARROW", NARROW_COLUMNS, where)
            jobs.append(job(f"narrow_{number}", sql, NARROW_COLUMNS, 500, book, tabs[number % 10]))
        return jobs

    def measure(self, contender: str, jobs: list[dict[str, Any]], step: str) -> dict[str, Any]:
        """Run one step of one contender; API calls and bytes are the server's own count."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(jobs, file)
            file.flush()
            before = max((call["n"] for call in self.sheets.calls()), default=0)
            result = in_own_process("benchmarks.sheets_contenders", contender, file.name, step, env=self.env)
        calls = [call for call in self.sheets.calls(before) if call["kind"] in ("read", "write")]
        for kind in ("read", "write"):
            result[f"{kind}_calls"] = sum(call["kind"] == kind for call in calls)
        result["bytes_sent"] = sum(call["request_bytes"] for call in calls)
        result["bytes_received"] = sum(call["response_bytes"] for call in calls)
        result["refused_calls"] = sum(call["status"] >= 400 for call in calls)
        return result


def run(bench: Bench, repeats: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Every contender, load and step, contenders taking turns within a repeat."""
    for load in LOADS:
        for repeat in range(repeats[load]):
            jobs = {name: getattr(bench, f"{load}_jobs")(f"{name} {repeat}") for name in CONTENDERS}
            bench.load()
            for number, step in enumerate(STEPS):
                if step in ("changed", "clustered"):
                    bench.change(step, repeat * len(STEPS) + number + 1)
                order = CONTENDERS[repeat % len(CONTENDERS) :] + CONTENDERS[: repeat % len(CONTENDERS)]
                for name in order:
                    if (load, name) in (("narrow", "sql_to_google_sheets_split"), ("wide", "drivetrain_apart")):
                        continue  # nothing to split; nothing to take apart
                    measured = bench.measure(name, jobs[name], step)
                    row = {"repeat": repeat, "load": load, "step": step, "contender": name, **measured}
                    typer.echo(
                        f"{repeat} {load:<7}{step:<10}{name:<28}{row['seconds']:8.2f} s {row['peak_mib']:7.0f} MiB "
                        f"{row['write_calls']:5} writes {row['read_calls']:5} reads {row['bytes_sent'] / 1e6:8.2f} MB"
                        + (f"  {row['error']}" if row["error"] else "")
                    )
                    yield row


UNITS = {
    "seconds": "s",
    "cpu_seconds": "s",
    "peak_mib": "MiB",
    "write_calls": "calls",
    "read_calls": "calls",
    "bytes_sent": "bytes",
    "bytes_received": "bytes",
}


def summarize(report: Report) -> None:
    """Medians by contender, and the targets."""
    for name in CONTENDERS:
        metrics = {}
        for load in LOADS:
            for step in STEPS:
                rows = [
                    r
                    for r in report.runs
                    if (r["contender"], r["load"], r["step"]) == (name, load, step) and not r["error"]
                ]
                for metric, unit in UNITS.items():
                    if rows:
                        metrics[f"{load}.{step}.{metric}"] = spread([r[metric] for r in rows], unit)
        if name in OURS:
            prefix = "" if name == "drivetrain" else "each_sync_apart."
            report.metrics |= {prefix + metric: value for metric, value in metrics.items()}
        else:
            report.peers[name] = {"version": version_of(name), "metrics": metrics}
    for name in PEERS:
        failed = {r["error"] for r in report.runs if r["contender"] == name and r["error"]}
        report.notes += [f"{name} failed: {error}" for error in sorted(failed)]


def version_of(name: str) -> str:
    """The peer's installed version."""
    from importlib.metadata import version

    package = "gspread-dataframe" if name == "gspread_dataframe" else "apache-airflow-providers-google"
    return f"{package} {version(package)}"


def set_targets(report: Report) -> None:
    """The issue's targets, against the best peer that finished."""

    def ours(metric: str) -> float:
        return float(report.metrics[metric]["value"])

    def best(metric: str) -> float:
        values = [peer["metrics"][metric]["value"] for peer in report.peers.values() if metric in peer["metrics"]]
        return float(min(values))

    for load in LOADS:
        report.targets += [
            *(
                Target(
                    f"{load}: fewer write calls than the best peer after 1% of rows changed, {where}, times",
                    ">=",
                    5.0,
                    round(best(f"{load}.{step}.write_calls") / max(ours(f"{load}.{step}.write_calls"), 1), 2),
                )
                for step, where in (("changed", "every 100th"), ("clustered", "the last ones"))
            ),
            Target(f"{load}: write calls when nothing changed", "==", 0, ours(f"{load}.unchanged.write_calls")),
            Target(
                f"{load}: first run's time over the fastest peer's",
                "<=",
                1.0,
                round(ours(f"{load}.first.seconds") / best(f"{load}.first.seconds"), 3),
            ),
        ]


def main(
    repeats: int = typer.Option(3, help="Of the wide load."),
    narrow_repeats: int = typer.Option(2, help="Of the narrow load, of which each takes minutes."),
    quick: bool = typer.Option(default=False, help="A tenth of the load, once."),
) -> None:
    """Run the benchmark and write benchmarks/results/sheets.json."""
    rows, syncs = (5_000, 20) if quick else (50_000, 200)
    times = {"wide": 1 if quick else repeats, "narrow": 1 if quick else narrow_repeats}
    with SheetsStandin(check_responses=False) as sheets, SnowflakeStandin() as snowflake:
        bench = Bench(sheets, snowflake, rows, syncs)
        bench.load()
        report = Report(
            "sheets",
            {
                "wide": f"1 sync of {rows:,} x {WIDE_COLUMNS}",
                "narrow": f"{syncs} syncs of 500 x {NARROW_COLUMNS}, ten tabs a workbook",
            },
        )
        report.runs = list(run(bench, times))
    summarize(report)
    set_targets(report)
    if not quick:
        typer.echo(f"wrote {report.write()}")
    for target in report.targets:
        typer.echo(
            f"{'met    ' if target.met else 'NOT MET'} {target.metric}: {target.value} ({target.op} {target.goal})"
        )


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
