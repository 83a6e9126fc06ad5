from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivetrain.sheets.catalog import load_syncs
from drivetrain.sheets.draft import Draft, spec_text, sql_text
from drivetrain.sheets.guess import Found, guess_columns
from drivetrain.sheets.projection import query_problems

TITLES = st.lists(
    st.one_of(
        st.text(min_size=1, max_size=12), st.sampled_from(["yes", "null", "1.0", "2026-01-31", "Order", "a: b", "# x"])
    )
    .map(str.strip)
    .filter(bool),
    min_size=1,
    max_size=4,
    unique=True,
)


def draft(*titles: str, tab: str = "Data", workbook: str = "Book") -> Draft:
    columns = guess_columns([Found(title, ["x", "y"]) for title in titles])
    return Draft(
        sync="dealers",
        team="bi_ops",
        owner="bi@example.com",
        connection="google_sheets_default",
        spreadsheet_id="1" * 30,
        workbook=workbook,
        tab=tab,
        anchor="A1",
        rows=2,
        columns=columns,
    )


def write(include: Path, wanted: Draft) -> None:
    for file, text in (("specs/sheets/dealers.yaml", spec_text(wanted)), ("sql/sheets/dealers.sql", sql_text(wanted))):
        path = include / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(TITLES, st.text(min_size=1, max_size=20).map(str.strip).filter(bool), st.text(max_size=400))
def test_whatever_people_called_things_the_draft_is_a_sync(
    tmp_path: Path, titles: list[str], tab: str, workbook: str
) -> None:
    wanted = replace(draft(*titles, tab=tab, workbook=workbook), notes=(f"of {tab}",))
    write(tmp_path, wanted)
    (sync,) = load_syncs(tmp_path)
    assert [column.title for column in sync.spec.columns] == titles
    assert sync.spec.target.tab == tab
    assert query_problems(sync.spec, sync.sql) == []


def test_keys_make_an_upsert_and_order_the_query(tmp_path: Path) -> None:
    write(tmp_path, replace(draft("Code", "Name"), keys=("CODE",), table="A.B.C", anchor="B3"))
    (sync,) = load_syncs(tmp_path)
    assert (sync.spec.mode.value, sync.spec.keys, sync.spec.target.anchor) == ("upsert", ("CODE",), "B3")
    assert sync.sql.endswith("FROM A.B.C\nORDER BY CODE\n")


@pytest.mark.parametrize(("order", "last"), [(("CODE", True), "ORDER BY CODE DESC"), (None, "FROM YOUR_DATABASE.")])
def test_the_stub_has_the_tab_s_order_where_a_column_tells(order: tuple[str, bool] | None, last: str) -> None:
    text = sql_text(replace(draft("Code"), order=order))
    assert text.splitlines()[-1].startswith(last)
    assert ("add ORDER BY" in text) is (order is None)


def test_a_reserved_name_is_quoted_in_the_query() -> None:
    assert '    "ORDER",\n    CODE\n' in sql_text(draft("Order", "Code"))


def test_suggested_keys_stay_a_comment() -> None:
    text = spec_text(replace(draft("Code"), suggested_keys=("CODE",)))
    assert "\n# keys: [CODE]  # no cell of it is empty" in text
    assert "\nmode: replace" in text
