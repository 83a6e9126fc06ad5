"""Load the generated tables through the official connector, the way a team would: DDL, PUT, COPY INTO.

Rows go over the wire as Parquet into a temporary stage, so types are exactly those of the DDL; writing the DuckDB
files directly would skip what makes the warehouse true to Snowflake.
"""

from __future__ import annotations

import datetime
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from standins.warehouse import generate

MARKER = "MARKETPLACE.PUBLIC.STANDIN_LOADS"


@dataclass(frozen=True)
class Loaded:
    """What is in the warehouse now; ``rows`` by table is empty when it was there already."""

    market: generate.Market
    steps: int
    rows: dict[str, int]
    seconds: float


def create_loaded_tables(connection: Any) -> None:
    """Make the tables that people's tabs are loaded into, where they are not there: include/sql/sheet_loads/."""
    folder = Path(__file__).parents[2] / "include" / "sql" / "sheet_loads"
    cursor = connection.cursor()
    cursor.execute("CREATE DATABASE IF NOT EXISTS MARKETPLACE")
    cursor.execute("CREATE SCHEMA IF NOT EXISTS MARKETPLACE.SALES")
    for file in sorted(folder.glob("*.sql")):
        cursor.execute(file.read_text(encoding="utf-8"))


def load(connection: Any, market: generate.Market) -> Loaded:
    """Load ``market`` unless the same seed, scale and version are there (then ``as_of`` stays what it was)."""
    started = time.perf_counter()
    found = current(connection)
    if found is not None and (found.market.seed, found.market.scale) == (market.seed, market.scale):
        return found
    cursor = connection.cursor()
    for statement in (Path(__file__).with_name("schema.sql")).read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            cursor.execute(statement)
    rows = {}
    cursor.execute("USE SCHEMA MARKETPLACE.PUBLIC")
    cursor.execute("CREATE OR REPLACE TEMPORARY STAGE STANDIN_LOAD")
    with tempfile.TemporaryDirectory(prefix="warehouse-") as folder:
        for name, table in generate.tables(market).items():
            file = Path(folder) / f"{name}.parquet"
            pq.write_table(table, file, compression="snappy")
            cursor.execute(f"PUT file://{file} @STANDIN_LOAD AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
            cursor.execute(
                f"COPY INTO MARKETPLACE.{name} FROM @STANDIN_LOAD/{file.name}"
                " FILE_FORMAT = (TYPE = PARQUET) MATCH_BY_COLUMN_NAME = CASE_SENSITIVE FORCE = TRUE PURGE = TRUE"
            )
            rows[name] = table.num_rows
    cursor.execute(
        f"CREATE OR REPLACE TABLE {MARKER}"
        " (VERSION NUMBER(9,0), SEED NUMBER(18,0), SCALE FLOAT, AS_OF DATE, STEPS NUMBER(9,0))"
    )
    cursor.execute(
        f"INSERT INTO {MARKER} VALUES (%s, %s, %s, %s, 0)",
        (generate.VERSION, market.seed, market.scale, market.as_of),
    )
    return Loaded(market, 0, rows, time.perf_counter() - started)


def current(connection: Any) -> Loaded | None:
    """What is loaded, or None when there is nothing of this version."""
    import snowflake.connector

    started = time.perf_counter()
    try:
        row = connection.cursor().execute(f"SELECT VERSION, SEED, SCALE, AS_OF, STEPS FROM {MARKER}").fetchone()
    except snowflake.connector.errors.ProgrammingError:
        return None
    if row is None or row[0] != generate.VERSION:
        return None
    as_of = row[3] if isinstance(row[3], datetime.date) else datetime.date.fromisoformat(row[3])
    return Loaded(generate.Market(row[1], row[2], as_of), row[4], {}, time.perf_counter() - started)
