"""Where fakesnow's translation to DuckDB loses values, and what we put in its place.

fakesnow looks these functions up in its own modules at call time, so replacing the attribute is enough. Each
replacement says what Snowflake does. Call ``apply`` once, before the first session.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import fakesnow.macros as macros
import fakesnow.transforms as transforms
import fakesnow.transforms.stage as stage
from sqlglot import exp

from standins.snowflake import copying

_WHOLE_NUMBERS = (exp.DataType.Type.INT, exp.DataType.Type.SMALLINT, exp.DataType.Type.TINYINT)


def apply(stages: Path) -> None:
    """Install every replacement; ``stages`` is where the files of internal stages live (kept across restarts)."""
    stages.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(stage.LOCAL_BUCKET_PATH, ignore_errors=True)  # made by fakesnow when it is imported
    stage.LOCAL_BUCKET_PATH = str(stages)
    transforms.integer_precision = _integer_precision
    # Snowflake's SUM of a NUMBER is a NUMBER; fakesnow casts every argument to DOUBLE.
    transforms.numeric_agg_implicit_cast = _unchanged
    # DuckDB has MERGE itself; see statements.merge. fakesnow's emulation knows plain columns only.
    transforms.merge = lambda expression: [expression]
    transforms.information_schema_databases = _databases_view
    copying.install()
    macros.FS_TO_TIMESTAMP = type(macros.FS_TO_TIMESTAMP)(_TO_TIMESTAMP)


def _unchanged(expression: exp.Expression) -> exp.Expression:
    return expression


def _databases_view(expression: exp.Expression, current_schema: str | None = None) -> exp.Expression:
    """INFORMATION_SCHEMA.DATABASES of the database that is named; fakesnow forgets which."""
    in_schema = isinstance(expression, exp.Table) and (expression.db or current_schema) == "INFORMATION_SCHEMA"
    if not in_schema or expression.name != "DATABASES":
        return expression
    return exp.Table(
        this=exp.to_identifier("DATABASES"),
        db=exp.to_identifier("_FS_INFORMATION_SCHEMA"),
        catalog=expression.args.get("catalog"),
        alias=expression.args.get("alias"),
    )


def _integer_precision(expression: exp.Expression) -> exp.Expression:
    """NUMBER and NUMBER(38,0) hold 38 digits; INT types stay BIGINT, which DuckDB adds and multiplies faster."""
    if not isinstance(expression, exp.DataType):
        return expression
    if expression.this in _WHOLE_NUMBERS:
        return exp.DataType(this=exp.DataType.Type.BIGINT, nested=False)
    if expression.this == exp.DataType.Type.DECIMAL and len(expression.expressions) < 2:
        precision = expression.expressions[0].name if expression.expressions else "38"
        return exp.DataType.build(f"DECIMAL({precision}, 0)")
    return expression


# Snowflake reads epochs as UTC wall clock; fakesnow casts a TIMESTAMPTZ, which would apply the session's time zone.
_TO_TIMESTAMP = """
CREATE OR REPLACE MACRO ${catalog}._fs_to_timestamp(val, scale) AS (
    CASE WHEN try_cast(val AS BIGINT) IS NOT NULL
         THEN (to_timestamp(val::BIGINT / (10 ** scale)) AT TIME ZONE 'UTC')
         ELSE CAST(val AS TIMESTAMP) END
);
"""
