from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drivetrain.sheets.cells import accepts, canonical, encode_rows, number_format
from drivetrain.sheets.decode import decode
from drivetrain.sheets.guess import Format, Found, column_names, guess_columns, guess_order, repeated, suggest_keys
from drivetrain.sheets.spec import Column, ColumnType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivetrain.sheets.cells import Cell

DATE, TIME, MOMENT = Format("DATE", "yyyy-mm-dd"), Format("TIME", "hh:mm:ss"), Format("DATE_TIME")


def guess(cells: Sequence[Cell], fmt: Format | None = None, title: str = "Title") -> Column:
    return guess_columns([Found(title, cells, [fmt] * len(cells))])[0].column


def notes(cells: Sequence[Cell], fmt: Format | None = None, *, formula_at: int | None = None) -> tuple[str, ...]:
    return guess_columns([Found("T", cells, [fmt] * len(cells), formula_at)], anchor="C5")[0].notes


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Listing code", "LISTING_CODE"),
        ("Price (₹)", "PRICE"),
        ("listedOn", "LISTED_ON"),
        ("VIN", "VIN"),
        ("Année", "ANNEE"),
        ("2024 sales", "C_2024_SALES"),
        ("शहर", "COLUMN_1"),
        ("two\nlines", "TWO_LINES"),
        ("x" * 300, "X" * 60),
    ],
)
def test_a_header_becomes_an_upper_snake_name(title: str, name: str) -> None:
    assert column_names([title]) == (name,)


@given(st.lists(st.text(max_size=8), max_size=20))
def test_names_are_unique_and_need_no_quotes(titles: list[str]) -> None:
    names = column_names(titles)
    assert len(set(names)) == len(titles)
    assert all(re.fullmatch("[A-Z][A-Z0-9_]*", name) for name in names)


def test_names_that_would_be_the_same_are_numbered() -> None:
    assert column_names(["A b", "a-b", "A B 2", "A_B"]) == ("A_B", "A_B_2", "A_B_2_2", "A_B_3")


@pytest.mark.parametrize(
    ("cells", "fmt", "kind", "scale"),
    [
        (["007", "7"], None, "text", None),
        (["12345678901234567890"], None, "text", None),
        ([7, None, -3], None, "integer", None),
        ([7, "12345678901234567890"], None, "integer", None),
        ([1.5, 2, 2.25], None, "decimal", 2),
        ([1.5, "12345678901234567.25"], None, "decimal", 2),
        ([1, 2], Format("NUMBER", "#,##0.00"), "decimal", 2),
        ([0.1234], Format("PERCENT", "0.00%"), "decimal", 4),
        ([1], Format("CURRENCY", '"a.00"#,##0'), "integer", None),
        ([0.1 + 0.2, 1], None, "float", None),
        ([1e17], None, "float", None),
        ([1e17, 1.5], None, "decimal", 1),
        ([1e17], Format("NUMBER", "0.00"), "decimal", 2),
        ([1e300], Format("NUMBER", "0.00"), "float", None),
        ([1.5, "NaN"], None, "float", None),
        ([1e-300], None, "float", None),
        ([True, None, False], None, "boolean", None),
        ([46053, None], DATE, "date", None),
        ([46053, "1857-05-10"], DATE, "date", None),
        ([46053.5], DATE, "timestamp", None),
        ([46053], MOMENT, "timestamp", None),
        ([46053.25, "1857-05-10T06:30:00"], MOMENT, "timestamp", None),
        ([0.5, 0], TIME, "time", None),
        ([1.5], TIME, "float", None),
        (["2026-01-31T08:15:00Z"], None, "timestamp_tz", None),
        (["2026-99-31T08:15:00Z"], None, "text", None),
        (['{"a": 1}', "[]"], None, "variant", None),
        (['{"a": 1}', "{no"], None, "text", None),
        ([None, None], None, "text", None),
        ([], None, "text", None),
        ([1, "x"], None, "text", None),
        ([1, "007"], None, "text", None),
        ([1, True], None, "text", None),
        ([46053, "soon"], DATE, "text", None),
    ],
)
def test_the_type_is_what_cells_and_formats_say(
    cells: list[Cell], fmt: Format | None, kind: str, scale: int | None
) -> None:
    found = guess(cells, fmt)
    assert (found.type.value, found.scale) == (kind, scale)


def test_dates_and_plain_numbers_in_one_column_are_mixed() -> None:
    assert guess_columns([Found("T", [46053, 7], [DATE, None])])[0].column.type is ColumnType.TEXT


def test_a_format_of_people_is_kept_and_the_usual_one_is_not_repeated() -> None:
    assert guess([46053], Format("DATE", "dd mmm")).format == "dd mmm"
    assert guess([46053], DATE).format is None
    assert guess([1.25], Format("NUMBER", "0.00")).format is None
    assert guess([1], Format("NUMBER", "#,##0")).format == "#,##0"
    assert guess_columns([Found("T", [1, 2], [Format("NUMBER", "0"), None])])[0].column.format is None
    assert guess(["a"], Format("NUMBER", "@")).format is None


def test_what_cells_can_t_tell_is_noted_by_the_cell_s_address() -> None:
    assert notes(["x", 1]) == ("C7 is no text: kinds are mixed here, and a run writes all of them as texts",)
    assert notes([1, 2], formula_at=1) == ("C7 holds a formula: a run writes the query's value over it",)
    assert notes([]) == ("no values to go by",)
    assert notes(["00ff", "a0"]) == ("binary if the query gives BINARY",)
    assert "FLOAT" in notes([1.5])[0]
    assert "TIMESTAMP_TZ" in notes([1.5], MOMENT)[0]
    assert notes(["a"]) == notes([1]) == notes([True]) == notes([46053], DATE) == ()


def test_a_key_is_never_empty_and_never_twice() -> None:
    columns = [
        Found("A", ["x", "y", "x"]),
        Found("B", ["1", None, "3"]),
        Found("C", ["1", "2", "3"]),
        Found("D", [1.5, 2.5, 3.5]),
        Found("E", [1, 2, 3]),
    ]
    guesses = guess_columns(columns)
    assert suggest_keys(columns, guesses) == ("C", "E")
    assert (repeated(columns[:1]), repeated(columns[1:2]), repeated([columns[0], columns[4]])) == ((0, 2), (1, 1), None)
    assert repeated([Found("A", [1, "1", True])]) is None
    one = [Found("A", ["x"])]
    assert suggest_keys(one, guess_columns(one)) == ()


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["a", "b", "ä"], ("T", False)),
        ([3, 2.5, 1], ("T", True)),
        ([1, 1], None),
        ([1, 3, 2], None),
        (["a", None], None),
        (["a", 1], None),
        (["a"], None),
        ([False, True], None),
    ],
)
def test_the_order_is_that_of_a_column_without_ties(cells: list[Cell], order: tuple[str, bool] | None) -> None:
    columns = [Found("T", cells)]
    assert guess_order(columns, guess_columns(columns)) == order


NUMBERS = st.one_of(
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
    st.decimals(-10_000, 10_000, places=2).map(float),
).map(canonical)
TEXTS = st.one_of(
    st.text(min_size=1, max_size=6),
    st.sampled_from(["007", "NaN", "{}", "2026-01-31T08:15:00Z", "1857-05-10", "12345678901234567890.5"]),
)
FORMATS = st.sampled_from([None, Format("NUMBER", "0.00"), Format("PERCENT", "0%"), Format("TEXT", "@")])


@given(st.lists(st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS), max_size=6), FORMATS)
def test_every_cell_can_be_read_as_the_type_unless_kinds_are_mixed(cells: list[Cell], fmt: Format | None) -> None:
    (found,) = guess_columns([Found("T", cells, [fmt] * len(cells))])
    if not any("mixed" in note for note in found.notes):
        for cell in cells:
            decode(cell, found.column)


MIN_MOMENT = dt.datetime.fromisoformat("1800-01-01")
SOURCES: list[tuple[Column, pa.DataType, st.SearchStrategy[Any]]] = [
    (Column(name="T", type=ColumnType.INTEGER), pa.decimal128(38, 0), st.integers(-(10**20), 10**20).map(Decimal)),
    (
        Column(name="T", type=ColumnType.DECIMAL, scale=2),
        pa.decimal128(30, 2),
        st.decimals(-(10**20), 10**20, places=2),
    ),
    (Column(name="T", type=ColumnType.BOOLEAN), pa.bool_(), st.booleans()),
    (Column(name="T", type=ColumnType.DATE), pa.date32(), st.dates(dt.date(1800, 1, 1))),
    (Column(name="T", type=ColumnType.TIME), pa.time64("us"), st.times()),
    (Column(name="T", type=ColumnType.TIMESTAMP), pa.timestamp("us"), st.datetimes(min_value=MIN_MOMENT)),
    (Column(name="T", type=ColumnType.TEXT), pa.string(), TEXTS),
]


@pytest.mark.parametrize(("column", "source", "values"), SOURCES, ids=lambda value: getattr(value, "type", ""))
@given(data=st.data())
def test_a_tab_that_a_sync_wrote_is_guessed_so_that_it_stays_as_it_is(
    column: Column, source: pa.DataType, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.one_of(st.none(), values), min_size=1, max_size=6))
    batch = pa.record_batch([pa.array(rows, source)], ["T"])
    cells = [row[0] for row in encode_rows(batch, [column])]
    shown = number_format(column)
    found = guess(cells, Format(shown["type"], shown["pattern"]) if shown else None, title="T")
    has_number = any(cell is not None and not isinstance(cell, str) for cell in cells)
    assume(has_number or column.type is ColumnType.TEXT)  # without a number, only texts are seen
    assume(found.type is not ColumnType.TIMESTAMP_TZ)  # a text that is an instant
    assert accepts(found, source) is None
    assert [row[0] for row in encode_rows(batch, [found])] == cells
