from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot

from drivetrain.sheets.load_sql import LoadSql, quoted
from tests.support.loads import TYPES, load_spec

ALL = {"CODE": "text"} | {
    f"C_{kind.upper()}": {"type": kind, "scale": 2} if kind == "decimal" else {"type": kind} for kind in TYPES
}
SQL = LoadSql(load_spec(ALL))


@pytest.mark.parametrize(
    "statement",
    [
        SQL.use_schema(), SQL.describe(), SQL.create_table(), SQL.create_stage(), SQL.copy(Path("/tmp/x")),
        SQL.plan_merge(), SQL.merge(), SQL.plan_replace(), SQL.delete(), SQL.insert(),
    ],
)  # fmt: skip
def test_every_statement_is_one_statement_of_snowflakes_sql(statement: str) -> None:
    assert len(sqlglot.parse(statement, read="snowflake")) == 1


def test_names_are_quoted_so_that_none_of_them_is_read_as_sql() -> None:
    assert quoted('a"; DROP TABLE t; --') == '"a""; DROP TABLE t; --"'
    sql = LoadSql(load_spec({"CODE": "text", 'x" = 1; DROP TABLE t; --': "text"})).merge()
    assert len(sqlglot.parse(sql, read="snowflake")) == 1


def test_a_merge_touches_only_rows_that_differ_and_never_deletes() -> None:
    sql = LoadSql(load_spec()).merge()
    assert sql == (
        'MERGE INTO "MARKETPLACE"."SALES"."T" t USING _LOAD_SMALL s ON t."CODE" = s."CODE" '
        'WHEN MATCHED AND (t."N" IS DISTINCT FROM s."N") THEN UPDATE SET t."N" = s."N" '
        'WHEN NOT MATCHED THEN INSERT ("CODE", "N") VALUES (s."CODE", s."N")'
    )


def test_a_merge_of_nothing_but_keys_has_nothing_to_update() -> None:
    assert "WHEN MATCHED" not in LoadSql(load_spec({"CODE": "text"})).merge()


def test_json_and_bytes_are_turned_into_their_types_on_the_way_in() -> None:
    copy = SQL.copy(Path("/tmp/part"))
    assert "PARSE_JSON($1:C10::VARCHAR)" in copy
    assert "TO_BINARY($1:C11::VARCHAR, 'HEX')" in copy
    assert "$1:C3::NUMBER(38,2)" in copy
