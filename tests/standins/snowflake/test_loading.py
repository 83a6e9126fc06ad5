"""Loading back: PUT, COPY INTO from CSV and Parquet, MERGE, and what they leave behind."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from snowflake.connector.errors import ProgrammingError

_CSV = '007341,"a, ""b""\nc",1.50,2026-01-01 10:00:00+05:30,🚗\n000001,,,,""\n'
_OPTIONS = "FILE_FORMAT = (TYPE = CSV FIELD_OPTIONALLY_ENCLOSED_BY = '\"')"


@pytest.fixture
def staged(connection: Any) -> Any:
    cursor = connection.cursor()
    cursor.execute("CREATE TEMPORARY STAGE LOADING")
    cursor.execute(
        "CREATE TEMPORARY TABLE STAGED"
        " (CODE VARCHAR, NOTE VARCHAR, PRICE NUMBER(12,2), SEEN TIMESTAMP_TZ, ICON VARCHAR)"
    )
    return cursor


def _put(cursor: Any, file: Path, options: str = "") -> None:
    assert cursor.execute(f"PUT file://{file} @LOADING {options}").fetchone()[6] == "UPLOADED"


def test_csv_fields_keep_zeros_quotes_line_ends_and_emoji(staged: Any, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(_CSV)
    _put(staged, file, "AUTO_COMPRESS = TRUE OVERWRITE = TRUE")
    assert [row[0] for row in staged.execute("LIST @LOADING").fetchall()] == ["loading/rows.csv.gz"]
    loaded = staged.execute(f"COPY INTO STAGED FROM @LOADING {_OPTIONS} PURGE = TRUE").fetchone()
    assert loaded[:4] == ("loading/rows.csv.gz", "LOADED", 2, 2)
    first, second = staged.execute("SELECT * FROM STAGED ORDER BY CODE DESC").fetchall()
    assert first[:3] == ("007341", 'a, "b"\nc', Decimal("1.50"))
    assert (first[3].isoformat(), first[4]) == ("2026-01-01T10:00:00+05:30", "🚗")
    assert second[:4] == ("000001", None, None, None)
    assert staged.execute("LIST @LOADING").fetchall() == []


def test_a_copy_can_choose_fields_by_position(staged: Any, tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    file.write_text(",".join(f"{number:03d}" for number in range(12)) + "\n")
    _put(staged, file)
    staged.execute(
        "COPY INTO STAGED (CODE, PRICE) FROM (SELECT t.$12, $3::NUMBER(12,2) FROM @LOADING t)"
        " FILE_FORMAT = (TYPE = CSV)"
    )
    assert staged.execute("SELECT CODE, PRICE FROM STAGED").fetchall() == [("011", Decimal("2.00"))]


def test_the_same_file_is_loaded_once_unless_forced(staged: Any, tmp_path: Path) -> None:
    file = tmp_path / "once.csv.gz"
    file.write_bytes(gzip.compress(b"001,x,1,,\n"))
    _put(staged, file, "AUTO_COMPRESS = FALSE")
    copy = f"COPY INTO STAGED FROM @LOADING/once.csv.gz {_OPTIONS}"
    assert [staged.execute(statement).fetchone()[1] for statement in (copy, copy, copy + " FORCE = TRUE")] == [
        "LOADED",
        "LOAD_SKIPPED",
        "LOADED",
    ]
    assert staged.execute("SELECT COUNT(*) FROM STAGED").fetchone() == (2,)


def test_parquet_loads_by_column_name_or_by_path(staged: Any, tmp_path: Path) -> None:
    prices = pa.array([Decimal("1.25"), None], pa.decimal128(12, 2))
    pq.write_table(pa.table({"CODE": ["007", "008"], "PRICE": prices, "ICON": ["🚗", None]}), tmp_path / "rows.parquet")
    _put(staged, tmp_path / "rows.parquet", "AUTO_COMPRESS = FALSE")
    by_name = "FILE_FORMAT = (TYPE = PARQUET) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    staged.execute(f"COPY INTO STAGED FROM @LOADING {by_name}")
    by_path = "SELECT $1:CODE::VARCHAR, $1:PRICE::NUMBER(12,2) FROM @LOADING"
    staged.execute(f"COPY INTO STAGED (CODE, PRICE) FROM ({by_path}) FILE_FORMAT = (TYPE = PARQUET) FORCE = TRUE")
    rows = staged.execute("SELECT CODE, PRICE, ICON FROM STAGED ORDER BY CODE, ICON NULLS LAST").fetchall()
    price = Decimal("1.25")
    assert rows == [("007", price, "🚗"), ("007", price, None), ("008", None, None), ("008", None, None)]


def test_a_value_that_does_not_fit_stops_the_copy_and_loads_nothing(staged: Any, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("001,x,1,,\n002,x,not a number,,\n")
    _put(staged, file)
    with pytest.raises(ProgrammingError, match="not a number"):
        staged.execute(f"COPY INTO STAGED FROM @LOADING {_OPTIONS}")
    assert staged.execute("SELECT COUNT(*) FROM STAGED").fetchone() == (0,)


def test_merge_updates_inserts_and_deletes_and_counts_each(staged: Any) -> None:
    staged.execute("CREATE TABLE CARS LIKE STAGED")
    staged.execute("INSERT INTO CARS (CODE, PRICE, NOTE) VALUES ('a', 1, 'keep'), ('b', 2, NULL), ('c', 3, NULL)")
    staged.execute("INSERT INTO STAGED (CODE, PRICE) VALUES ('a', 10), ('b', NULL), ('d', 4)")
    counts = staged.execute(
        "MERGE INTO CARS t USING STAGED s ON t.CODE = s.CODE"
        " WHEN MATCHED AND s.PRICE IS NULL THEN DELETE"
        " WHEN MATCHED THEN UPDATE SET t.PRICE = t.PRICE + s.PRICE, NOTE = COALESCE(s.NOTE, t.NOTE)"
        " WHEN NOT MATCHED THEN INSERT (CODE, PRICE) VALUES (s.CODE, s.PRICE)"
    ).fetchone()
    assert counts == (1, 1, 1)
    assert staged.rowcount == 3
    rows = staged.execute("SELECT CODE, PRICE, NOTE FROM CARS ORDER BY CODE").fetchall()
    assert rows == [("a", Decimal("11.00"), "keep"), ("c", Decimal("3.00"), None), ("d", Decimal("4.00"), None)]


def test_merge_refuses_two_source_rows_for_one_target_row(staged: Any) -> None:
    staged.execute("CREATE TABLE CARS LIKE STAGED")
    staged.execute("INSERT INTO CARS (CODE) VALUES ('a')")
    staged.execute("INSERT INTO STAGED (CODE, PRICE) VALUES ('a', 1), ('a', 2)")
    with pytest.raises(ProgrammingError, match="Duplicate row detected"):
        staged.execute(
            "MERGE INTO CARS t USING STAGED s ON t.CODE = s.CODE WHEN MATCHED THEN UPDATE SET PRICE = s.PRICE"
        )


def test_a_load_in_a_transaction_is_rolled_back_whole(staged: Any, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(_CSV)
    _put(staged, file)
    staged.execute("CREATE TABLE CARS LIKE STAGED")
    staged.execute("BEGIN")
    staged.execute(f"COPY INTO CARS FROM @LOADING {_OPTIONS}")
    staged.execute("INSERT INTO CARS (CODE) VALUES ('x')")
    staged.execute("ROLLBACK")
    assert staged.execute("SELECT COUNT(*) FROM CARS").fetchone() == (0,)
    assert staged.execute(f"COPY INTO CARS FROM @LOADING {_OPTIONS}").fetchone()[1] == "LOADED"


def test_staged_files_can_be_removed(staged: Any, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(_CSV)
    staged.execute(f"PUT file://{file} @LOADING/today")
    assert staged.execute("REMOVE @LOADING/today").fetchall() == [("loading/today/rows.csv.gz", "removed")]
    assert staged.execute("LIST @LOADING").fetchall() == []
