"""The usual way: one Airflow task a sync, each with SQLToGoogleSheetsOperator, on the same local platform.

A mapped task in a DAG of its own, run by a real scheduler and LocalExecutor. What counts is the time from the first
task's start to the last one's end: neither starting Airflow nor parsing the DAG is held against it.
"""

from __future__ import annotations

import datetime as dt
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import snowflake.connector

from benchmarks.sheets import NARROW_COLUMNS, select, table_sql
from standins.platform import runs
from standins.platform.testing import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Sequence

DAG_ID = "naive"
UNITS_NOT_NEEDED = ("triggerer",)
TIMEOUT_SECONDS = 1_200

# Only hosts are changed in the operator's hooks, so that they talk to the local servers; what they do is theirs.
DAG_FILE = """
import json
import os

from airflow.providers.google.suite.hooks.sheets import GSheetsHook
from airflow.providers.google.suite.transfers.sql_to_sheets import SQLToGoogleSheetsOperator
from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook
from airflow.sdk import DAG
from googleapiclient.discovery import build

SCOPE = "https://www.googleapis.com/auth/spreadsheets"
CONNECTION = {{"conn_type": "google_cloud_platform", "extra": {{"key_path": {key!r}, "scope": SCOPE}}}}
os.environ["AIRFLOW_CONN_GOOGLE_PEER"] = json.dumps(CONNECTION)
conn_params = SnowflakeHook._get_conn_params
GSheetsHook.get_conn = lambda self: build(
    "sheets", "v4", http=self._authorize(), cache_discovery=False, client_options={{"api_endpoint": {url!r}}}
)
SnowflakeHook._get_conn_params = lambda self: {{**conn_params(self), "protocol": "http"}}

with DAG({dag_id!r}, schedule=None, tags=["benchmark"], max_active_tasks={parallel}):
    SQLToGoogleSheetsOperator.partial(
        task_id="copy", sql_conn_id="snowflake_default", gcp_conn_id="google_peer"
    ).expand_kwargs({jobs!r})
"""


def measure(jobs: int, parallel: int) -> dict[str, Any]:
    """Run so many syncs of 500 x 10, so many at a time; jobs a second, and what they were measured on.

    Raises:
        RuntimeError: a task failed.
    """
    with LocalPlatform(without=UNITS_NOT_NEEDED) as platform:
        expanded = _prepare(platform, jobs)
        text = DAG_FILE.format(
            key=str(platform.home / "sheets" / "accounts" / "sync-1.json"),
            url=platform.sheets_url,
            dag_id=DAG_ID,
            parallel=parallel,
            jobs=expanded,
        )
        platform.wait_for_version(platform.push({"dags/naive.py": text}))
        run_id = runs.trigger(platform.api, [DAG_ID])
        tasks = _finished(platform, run_id)
    begun = min(dt.datetime.fromisoformat(task["start_date"]) for task in tasks)
    ended = max(dt.datetime.fromisoformat(task["end_date"]) for task in tasks)
    seconds = (ended - begun).total_seconds()
    return {"jobs": len(tasks), "seconds": seconds, "jobs_per_second": len(tasks) / seconds, "parallel": parallel}


def _prepare(platform: LocalPlatform, jobs: int) -> list[dict[str, str]]:
    """Tables and workbooks; what each task is told."""
    statements = (
        "CREATE DATABASE IF NOT EXISTS BENCH",
        "CREATE SCHEMA IF NOT EXISTS BENCH.PUBLIC",
        table_sql("BENCH.PUBLIC.NARROW", NARROW_COLUMNS, jobs * 500),
    )
    with closing(
        snowflake.connector.connect(
            user="drivetrain",
            password="drivetrain",
            account="drivetrain",
            host="127.0.0.1",
            port=platform.layout.ports.snowflake,
            protocol="http",
        )
    ) as connection:
        for statement in statements:
            connection.cursor().execute(statement)
    tabs = [f"Part{n}" for n in range(10)]
    expanded = []
    with httpx.Client(base_url=f"{platform.sheets_url}/_control/", trust_env=False, timeout=60) as sheets:
        off = dict.fromkeys(("project_reads", "project_writes", "user_reads", "user_writes"), 0)
        sheets.post("quotas", json=off).raise_for_status()
        for number in range(0, jobs, len(tabs)):
            book = f"naive-{number:020}"
            body = {"spreadsheet_id": book, "title": book, "tabs": tabs, "share_with": ["sync-1"]}
            sheets.post("spreadsheets", json=body).raise_for_status()
    for number in range(jobs):
        book = f"naive-{number - number % len(tabs):020}"
        where = f"WHERE ROW_ID >= {number * 500} AND ROW_ID < {number * 500 + 500}"
        sql = select("BENCH.PUBLIC.NARROW", NARROW_COLUMNS, where)
        expanded.append({"sql": sql, "spreadsheet_id": book, "spreadsheet_range": f"{tabs[number % 10]}!A1"})
    return expanded


def _finished(platform: LocalPlatform, run_id: str) -> Sequence[dict[str, Any]]:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        run = platform.api.read(f"dags/{DAG_ID}/dagRuns/{run_id}")
        if run["state"] in runs.FINISHED:
            break
        time.sleep(2)
    tasks = list(platform.api.items(f"dags/{DAG_ID}/dagRuns/{run_id}/taskInstances", "task_instances"))
    if bad := [task for task in tasks if task["state"] != "success"]:
        raise RuntimeError(f"{len(bad)} of {len(tasks)} tasks ended as {bad[0]['state']}: see {platform.home}")
    return tasks
