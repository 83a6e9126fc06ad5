from __future__ import annotations

import pytest

from drivetrain.errors import SchemaDriftError
from drivetrain.sheets.load_table import check_table
from tests.support.loads import TYPES, load_spec, table_columns


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_fits_its_own_column(kind: str) -> None:
    column = {"type": kind, "scale": 2} if kind == "decimal" else {"type": kind}
    spec = load_spec({"CODE": "text", "X": column})
    (_, found) = check_table(spec, table_columns({"CODE": "VARCHAR(6)", "X": TYPES[kind]}))
    assert found.name == "X"


@pytest.mark.parametrize(
    ("kind", "table", "message"),
    [
        ("integer", "VARCHAR(20)", "type integer does not fit the table's VARCHAR(20), declare type: text"),
        ("text", "NUMBER(38,0)", "type text does not fit the table's NUMBER(38,0), declare type: integer"),
        ("text", "NUMBER(12,2)", "type text does not fit the table's NUMBER(12,2), declare type: decimal"),
        ("timestamp", "TIMESTAMP_TZ(9)", "declare type: timestamp_tz"),
        ("timestamp_tz", "TIMESTAMP_NTZ(9)", "declare type: timestamp"),
        ("date", "TIMESTAMP_NTZ(9)", "declare type: timestamp"),
        ("text", "GEOGRAPHY", "choose another column"),
        ("variant", "ARRAY", "choose another column"),
    ],
)
def test_a_type_that_does_not_fit_is_told_with_the_one_that_does(kind: str, table: str, message: str) -> None:
    spec = load_spec({"CODE": "text", "X": kind})
    with pytest.raises(SchemaDriftError) as caught:
        check_table(spec, table_columns({"CODE": "VARCHAR(6)", "X": table}))
    assert f"columns.X: {message}" in str(caught.value) or message in str(caught.value)


def test_a_scale_that_the_table_would_round_is_refused() -> None:
    spec = load_spec({"CODE": "text", "X": {"type": "decimal", "scale": 3}})
    with pytest.raises(SchemaDriftError, match=r"scale 3 is more than the table's NUMBER\(12,2\) keeps"):
        check_table(spec, table_columns({"CODE": "VARCHAR(6)", "X": "NUMBER(12,2)"}))


def test_all_problems_are_told_in_one_line() -> None:
    spec = load_spec({"CODE": "text", "n": "integer", "GONE": "text"})
    with pytest.raises(SchemaDriftError) as caught:
        check_table(spec, table_columns({"CODE": "DATE", "N": "NUMBER(38,0)", "MUST": "DATE NOT NULL"}))
    message = str(caught.value)
    assert "columns.CODE: type text does not fit the table's DATE, declare type: date" in message
    assert "columns.n: no such column, is it N?" in message
    assert "columns.GONE: no such column;" in message
    assert "MUST is NOT NULL, has no default and is not among the columns" in message
    assert "\n" not in message


def test_a_column_with_a_default_may_be_left_out() -> None:
    types = {"CODE": "VARCHAR(6)", "N": "NUMBER(38,0)", "AT": "TIMESTAMP_NTZ(9) NOT NULL DEFAULT CURRENT_TIMESTAMP()"}
    assert len(check_table(load_spec(), table_columns(types))) == 2
