from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.sheets import a1


@pytest.mark.parametrize(
    ("index", "letters"),
    [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA"), (18_277, "ZZZ")],
)
def test_columns_are_counted_as_sheets_counts_them(index: int, letters: str) -> None:
    assert a1.column_letters(index) == letters


@given(st.integers(0, 9_999_999), st.integers(0, 18_277))
def test_a_cell_s_name_reads_back_as_the_same_cell(row: int, column: int) -> None:
    assert a1.parse_cell(a1.cell(row, column)) == (row, column)
    assert a1.parse_cell(a1.cell(row, column).lower()) == (row, column)


@pytest.mark.parametrize("name", ["", "1A", "A0", "A", "7", "A1:B2", "$A$1", "ABCD1", "A-1", " A1", "A1 ", "T!A1"])
def test_what_is_no_cell_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(ValueError, match="is not a cell, write it as A1 or B3"):
        a1.parse_cell(name)


@pytest.mark.parametrize(
    ("title", "quoted"), [("Stock", "'Stock'"), ("Bob's", "'Bob''s'"), ("a!b", "'a!b'"), ("''", "''''''")]
)
def test_a_tab_s_title_is_quoted_as_a_range_needs_it(title: str, quoted: str) -> None:
    assert a1.quote_tab(title) == quoted


def test_a_block_names_its_first_and_last_cell() -> None:
    assert a1.block("Bob's", first_row=4, first_column=1, last_row=9, columns=3) == "'Bob''s'!B5:D10"
    assert a1.block("T", first_row=0, first_column=0, last_row=0, columns=1) == "'T'!A1:A1"
