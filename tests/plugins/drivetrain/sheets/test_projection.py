from __future__ import annotations

from typing import Any

import pytest

from drivetrain.sheets.projection import output_columns, query_problems
from tests.support.sheets import sync_spec

COLUMNS = "SELECT CODE, NAME, SCORE FROM CARS"


def problems(sql: str, *, parameters: dict[str, Any] | None = None, **changes: Any) -> list[str]:
    source = {"query": sql, "parameters": parameters or {}}
    return query_problems(sync_spec(source=source, **changes), sql)


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("select code, t.name, count(*) as n from cars t group by 1, 2", ("CODE", "NAME", "N")),
        ('SELECT "code", name AS "Full name", SCORE::NUMBER(4,1) points FROM CARS', ("code", "Full name", "POINTS")),
        ("WITH a AS (SELECT * FROM CARS) SELECT CODE FROM a ORDER BY CODE", ("CODE",)),
        ("SELECT A AS X FROM T UNION ALL SELECT B FROM U", ("X",)),
        ("(SELECT A FROM T)", ("A",)),
        ("SELECT DISTINCT A FROM T WHERE D = %(day)s QUALIFY ROW_NUMBER() OVER (ORDER BY A) <= %(n)s;", ("A",)),
        ("-- One row a lead.\nSELECT PREFERENCES:fuel::VARCHAR AS FUEL FROM LEADS", ("FUEL",)),
    ],
)
def test_names_are_as_snowflake_gives_them(sql: str, names: tuple[str, ...]) -> None:
    assert output_columns(sql) == names


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM CARS",
        "SELECT c.*, 1 AS N FROM CARS c",
        "SELECT * EXCLUDE (VIN) FROM CARS",
        "SELECT CODE, COUNT(*) FROM CARS GROUP BY 1",
        "SELECT CODE, PREFERENCES:fuel::VARCHAR FROM LEADS",
        "SELECT $1 FROM CARS",
        "SELECT A FROM T UNION BY NAME SELECT A, B FROM U",
        "SELECT {{ params.columns }} FROM CARS",
        "SHOW TABLES",
        "SELECT 1 AS A; SELECT 2 AS A",
        "SELECT (((",
        "",
    ],
)
def test_where_the_text_does_not_tell_the_database_is_who_judges(sql: str) -> None:
    assert output_columns(sql) is None
    assert problems(sql or " -- nothing") == []


def test_a_column_that_the_query_does_not_give_is_named_with_what_it_may_be() -> None:
    assert problems("SELECT CODE, NAME, SCORE FROM CARS") == []
    (found,) = problems('SELECT CODE, "Name" AS "Name", SCORE FROM CARS', drift="ignore")
    assert found.startswith("columns: NAME (is it Name?) is not in the query's SELECT")
    (found,) = problems("SELECT code, name FROM CARS")
    assert found.startswith("columns: SCORE is not in the query's SELECT")


def test_a_column_that_the_spec_does_not_list_stops_only_with_drift_fail() -> None:
    sql = "SELECT CODE, NAME, SCORE, VIN FROM CARS"
    (found,) = problems(sql)
    assert found.startswith("columns: the query gives VIN too")
    assert problems(sql, drift="add") == problems(sql, drift="ignore") == []


def test_a_name_that_the_query_gives_twice_is_refused() -> None:
    (found,) = problems("SELECT CODE, NAME, SCORE, s.code FROM CARS JOIN SALES s ON TRUE")
    assert found == "source: the query gives CODE twice, give each its own alias"


def test_every_parameter_of_the_query_has_a_value() -> None:
    sql = COLUMNS + " WHERE CITY = %(city)s AND DAY = %(day)s"
    assert problems(sql, parameters={"city": "Pune", "day": {"from": "run_date"}}) == []
    assert problems(sql, parameters={"city": "Pune"}) == ["source.parameters: the query needs day: add it there"]
