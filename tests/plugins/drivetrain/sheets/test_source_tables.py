from __future__ import annotations

import pytest

from drivetrain.sheets.source_tables import TableName, query_source

REPEATABLE = {
    "select * from cars": "CARS",
    "select * from raw.cars c join lake.raw.loans l on l.id = c.id": "RAW.CARS LAKE.RAW.LOANS",
    'select * from "quoted-Db"."s".cars': "quoted-Db.s.CARS",
    "select * from a join A using (id)": "A",
    "with c as (select * from cars), d as (select * from c) select * from d": "CARS",
    "with cars as (select * from cars) select * from cars": "CARS",
    "with recursive n as (select 1 i union all select i + 1 from n join days on true) select * from n": "DAYS",
    "with c as (select * from cars) select * from raw.c": "CARS RAW.C",
    "select * from (select 1 x from b) cars join cars c on true": "B CARS",
    "select * from (select 1 from b) cars where exists (select 1 from cars)": "B CARS",
    "select (select max(x) from a) from b where y in (select y from c)": "A B C",
    "select * from a union all (select * from b minus select * from c)": "A B C",
    "(select * from a);": "A",
    "select * from a, lateral flatten(input => a.x) f, table(flatten(a.y))": "A",
    "select * from a, lateral split_to_table(a.x, ',') s": "A",
    "select * from a, lateral (select * from b where b.id = a.id)": "A B",
    "select * from a pivot(sum(x) for y in (any order by y))": "A",
    "select * from a asof join b match_condition (a.at >= b.at)": "A B",
    "select a:b.c::string, trunc(x, 2), hash(y) from a qualify row_number() over (order by z) = 1": "A",
    "select * from a where day >= %(since)s::date and n %% 2 = 0 and model like 'A%%' limit %(most)s": "A",
    "select max(current) as current_date_of_sale from a -- current_date": "A",
}

OF_THE_MOMENT = [
    "current_date",
    "current_date()",
    "current_time",
    "current_timestamp(3)::date",
    "localtimestamp",
    "sysdate()",
    "getdate()",
    "systimestamp()",
    "random()",
    "randstr(5,random())",
    "uniform(1,6,7)",
    "uuid_string()",
    "seq4()",
    "numbers.nextval",
    "last_query_id()",
    "getvariable('X')",
    "$x",
    "current_user",
    "current_role()",
    "is_role_in_session('A')",
    "invoker_role()",
    "current_session()",
    "current_warehouse()",
    "metadata$filename",
    "my_function(1)",
    "db.sch.my_function(1)",
    "ai_complete('m','text')",
]

# Each reads the table T and something beside it, or is nothing that could be asked again.
NOT_REPEATABLE = [
    *(f"select {what} from t" for what in OF_THE_MOMENT),
    "select * from t where day > dateadd(day, -7, current_date)",
    "with recent as (select * from t where at > current_timestamp) select * from recent",
    "select * from t sample (10)",
    "select * from t at (offset => -60)",
    "select * from t before (statement => '01b7')",
    "select * from t changes (information => default) at (offset => -1)",
    "select * from t, table(my_rows(t.x))",
    "select * from t, lateral my_rows(t.x)",
    "select * from t, table(generator(rowcount => 3))",
    "select * from t, table(result_scan(last_query_id()))",
    "select t.*, s.$1 from t join @stage/file s",
    "select * from t, directory(@stage)",
    "select * from t join identifier('u') on true",
    "select * from t join identifier(%(table)s) on true",
    "select * from t join d.information_schema.tables on true",
    "select * from t join snowflake.account_usage.query_history on true",
    "select * from t for update",
    "select 1",
    "with a as (select 1) select * from a",
    "insert into t select * from u",
    "describe table t",
    "show tables",
    "select * from t; select * from t",
    "select * from (",
    "selec * frm t",
    "",
]


@pytest.mark.parametrize("sql", REPEATABLE)
def test_a_query_of_tables_and_parameters_alone_is_repeatable_and_its_tables_are_known(sql: str) -> None:
    source = query_source(sql)
    assert source.is_repeatable
    assert {".".join(filter(None, table)) for table in source.tables} == set(REPEATABLE[sql].split())


@pytest.mark.parametrize("sql", NOT_REPEATABLE)
def test_what_depends_on_anything_else_or_is_not_understood_is_not(sql: str) -> None:
    assert not query_source(sql).is_repeatable


def test_short_names_are_completed_by_the_session_s_defaults() -> None:
    assert TableName("", "", "CARS").within("LAKE", "RAW") == ("LAKE", "RAW", "CARS")
    assert TableName("", "SALES", "CARS").within("LAKE", "RAW") == ("LAKE", "SALES", "CARS")
    assert TableName("OTHER", "SALES", "CARS").within("LAKE", "RAW") == ("OTHER", "SALES", "CARS")
