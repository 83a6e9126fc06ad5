"""One contender's step in a process of its own: syncs a list of queries, prints what it took.

Usage: python -m benchmarks.sheets_contenders <contender> <job file>

The job file holds the tabs to write: [{"sql", "spreadsheet_id", "tab", "range"}]. Connections come from the
environment. Only hosts are changed in the peers, so that they talk to the local servers instead of Google and
Snowflake; what they do is theirs.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import json
import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.frame import PeakMemory

Job = dict[str, Any]


def drivetrain(jobs: list[Job], step: str) -> None:
    """One task a workbook, the way the DAGs and SnowflakeToSheetsOperator go, without Airflow's task around it."""
    for _, group in itertools.groupby(jobs, key=lambda job: job["spreadsheet_id"]):
        _drivetrain_group(list(group), step)


def drivetrain_apart(jobs: list[Job], step: str) -> None:
    """Each sync by itself, as if no two shared a workbook."""
    for job in jobs:
        _drivetrain_group([job], step)


def _drivetrain_group(jobs: list[Job], step: str) -> None:
    from drivetrain.sheets.engine import SyncJob, run_group
    from drivetrain.sheets.spec import SheetSyncSpec
    from hooks.google_sheets import GoogleSheetsHook
    from hooks.snowflake import ArrowSnowflakeHook

    with ArrowSnowflakeHook().one_connection() as snowflake:
        work = [
            SyncJob(
                SheetSyncSpec.model_validate(job["spec"]),
                functools.partial(snowflake.arrow_result, job["sql"], name=job["spec"]["sync"]),
                run_id=step,
            )
            for job in jobs
        ]
        result = run_group(work, GoogleSheetsHook().client_for(jobs[0]["spreadsheet_id"]))
    for error in result.errors.values():
        raise error


def sql_to_google_sheets(jobs: list[Job], step: str) -> None:
    """Airflow's SQLToGoogleSheetsOperator, as it is."""
    from airflow.providers.google.suite.transfers.sql_to_sheets import SQLToGoogleSheetsOperator

    _point_peers_here()
    for number, job in enumerate(jobs):
        SQLToGoogleSheetsOperator(
            task_id=f"{step}_{number}",
            sql=job["sql"],
            sql_conn_id="snowflake_default",
            spreadsheet_id=job["spreadsheet_id"],
            spreadsheet_range=job["range"],
            gcp_conn_id="google_peer",
        ).execute({})


def sql_to_google_sheets_split(jobs: list[Job], step: str) -> None:
    """The same operator, with a large result cut into requests of the size that Google advises.

    What a team would do by hand where one request is refused for its size: one operator a slice of rows.
    """
    split = []
    for job in jobs:
        title, start = job["range"].split("!")
        assert start == "A1"
        for offset in range(0, job["rows"], job["slice_rows"]):
            first = 1 if offset == 0 else offset + 1
            sql = f"SELECT * FROM ({job['sql']}) LIMIT {job['slice_rows']} OFFSET {offset}"
            split.append({**job, "sql": sql, "range": f"{title}!A{first}"})
    sql_to_google_sheets(split, step)


def gspread_dataframe(jobs: list[Job], step: str) -> None:
    """pandas and gspread-dataframe's set_with_dataframe, the usual script."""
    import gspread_dataframe

    del step
    _point_peers_here()
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    from hooks.google_sheets import GoogleSheetsHook

    sheets = GoogleSheetsHook()
    for job in jobs:
        with closing(SnowflakeHook("snowflake_default").get_conn()) as connection:
            frame = connection.cursor().execute(job["sql"]).fetch_pandas_all()
        client = sheets.gspread_client(job["spreadsheet_id"])
        worksheet = client.open_by_key(job["spreadsheet_id"]).worksheet(job["tab"])
        gspread_dataframe.set_with_dataframe(worksheet, frame, resize=True)


# Imported before the clock starts and before memory is compared, whoever runs.
IMPORTS = (
    "airflow.providers.google.suite.transfers.sql_to_sheets",
    "airflow.providers.snowflake.hooks.snowflake",
    "drivetrain.sheets.engine",
    "gspread_dataframe",
    "hooks.google_sheets",
    "hooks.snowflake",
    "pandas",
)

CONTENDERS = {
    function.__name__: function
    for function in (
        drivetrain,
        drivetrain_apart,
        sql_to_google_sheets,
        sql_to_google_sheets_split,
        gspread_dataframe,
    )
}


def _point_peers_here() -> None:
    """Swap Google's and Snowflake's hosts for the local servers'."""
    from airflow.providers.google.suite.hooks.sheets import GSheetsHook
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook
    from googleapiclient.discovery import build

    def get_conn(self: GSheetsHook) -> Any:
        return build(
            "sheets",
            "v4",
            http=self._authorize(),
            cache_discovery=False,
            client_options={"api_endpoint": os.environ["BENCH_SHEETS_ROOT"]},
        )

    original = SnowflakeHook._get_conn_params

    def conn_params(self: SnowflakeHook) -> dict[str, Any]:
        return {**original(self), "protocol": "http"}

    GSheetsHook.get_conn = get_conn  # type: ignore[method-assign]
    SnowflakeHook._get_conn_params = conn_params  # type: ignore[method-assign]


def main() -> None:
    """Warm the imports, then measure."""
    contender, job_file, step = sys.argv[1:4]
    jobs = json.loads(Path(job_file).read_text(encoding="utf-8"))
    for module in IMPORTS:
        importlib.import_module(module)
    started, cpu = time.perf_counter(), time.process_time()
    error = None
    with PeakMemory() as memory:
        try:
            CONTENDERS[contender](jobs, step)
        except Exception as failure:
            error = " ".join(str(failure).split())[:300]
    result = {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mib": memory.mib,
        "error": error,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
