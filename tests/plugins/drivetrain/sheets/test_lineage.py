from __future__ import annotations

import pytest

from drivetrain.sheets.lineage import source_tables

QUERIES = {
    "select * from cars": ["DB.PUB.CARS"],
    "select * from raw.cars c join lake.raw.loans l on l.id = c.id": ["DB.RAW.CARS", "LAKE.RAW.LOANS"],
    "with c as (select * from cars), d as (select * from c) select * from d": ["DB.PUB.CARS"],
    "with cars as (select * from cars) select * from cars": ["DB.PUB.CARS"],
    "with recursive t as (select 1 n union all select n + 1 from t join days on true) select * from t": ["DB.PUB.DAYS"],
    "select (select max(x) from a) from b where y in (select y from c) and exists (select 1 from d)": [
        "DB.PUB.A",
        "DB.PUB.B",
        "DB.PUB.C",
        "DB.PUB.D",
    ],
    "select * from (select * from a union all select * from b)": ["DB.PUB.A", "DB.PUB.B"],
    "select * from a, lateral flatten(input => a.x) f": ["DB.PUB.A"],
    "select * from cars where day >= %(since)s and city = %(city)s limit %(n)s": ["DB.PUB.CARS"],
    "select * from cars where model like 'A%%'": ["DB.PUB.CARS"],
    "select 1": [],
    "select * from Cars -- and nothing else\n;": ["DB.PUB.CARS"],
    "selec * frm": [],
    "select * from (": [],
    "select 'open": [],
    "": [],
    "-- only a comment": [],
}


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_s_tables_are_named_in_full_without_its_own_ctes(sql: str) -> None:
    assert source_tables(sql, database="db", schema="pub") == tuple(QUERIES[sql])


def test_names_stay_short_where_the_session_s_defaults_are_unknown() -> None:
    assert source_tables("select * from cars join raw.loans using (id)") == ("CARS", "RAW.LOANS")


def test_a_table_that_is_read_twice_is_named_once() -> None:
    assert source_tables("select * from a union all select * from A join b using (id)") == ("A", "B")
