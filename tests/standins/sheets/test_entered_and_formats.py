from __future__ import annotations

import pytest

from standins.sheets.entered import parse
from standins.sheets.formats import automatic, show
from standins.sheets.grid import Formula


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("12", 12, "12"),
        (" 12 ", 12, "12"),
        ("007", 7, "7"),
        ("-1.50", -1.5, "-1.5"),
        ("1,234", 1234, "1,234"),
        ("1,234.5", 1234.5, "1,234.50"),
        ("1,23", "1,23", "1,23"),
        ("12%", 0.12, "12%"),
        ("12.5%", 0.125, "12.50%"),
        ("$1,234.50", 1234.5, "$1,234.50"),
        ("-$5", -5, "-$5"),
        ("€3.20", 3.2, "€3.20"),
        ("1e5", 100000, "1.00E+05"),
        ("(12)", -12, "-12"),
        ("TRUE", True, "TRUE"),
        ("false", False, "FALSE"),
        ("2024-01-31", 45322, "2024-01-31"),
        ("1/31/2024", 45322, "1/31/2024"),
        ("31 Jan 2024", 45322, "31 Jan 2024"),
        ("Jan 31, 2024", 45322, "Jan 31, 2024"),
        ("2024-02-30", "2024-02-30", "2024-02-30"),
        ("10:30", 0.4375, "10:30"),
        ("10:30:15 PM", 81015 / 86400, "10:30:15 PM"),
        ("2024-01-31 06:00:00", 45322.25, "2024-01-31 6:00:00"),
        ("2024-01-31T06:00", 45322.25, "2024-01-31 6:00"),
        ("'007", "007", "007"),
        ("'=1", "=1", "=1"),
        ("text", "text", "text"),
        ("-", "-", "-"),
        ("1.2.3", "1.2.3", "1.2.3"),
        ("", None, ""),
    ],
)
def test_typed_text_becomes_what_sheets_makes_of_it(text, value, shown):
    parsed, number_format = parse(text)
    assert type(parsed) is type(value)
    assert parsed == (pytest.approx(value) if isinstance(value, float) else value)
    assert show(parsed, number_format) == shown


def test_typed_formulas_are_formulas():
    assert parse("=A1+1") == (Formula("=A1+1"), None)


@pytest.mark.parametrize(
    ("value", "kind", "pattern", "shown"),
    [
        (1234.5, "NUMBER", "#,##0.00", "1,234.50"),
        (1234.5, "NUMBER", "0.00", "1234.50"),
        (2.5, "NUMBER", "0", "3"),
        (1.005, "NUMBER", "0.00", "1.01"),
        (-0.001, "NUMBER", "0.00", "0.00"),
        (1234567, "NUMBER", "#,##0", "1,234,567"),
        (0.5, "NUMBER", "#.##", ".5"),
        (7, "NUMBER", "000", "007"),
        (-5, "NUMBER", "0.0;(0.0)", "(5.0)"),
        (0, "NUMBER", '0;-0;"none"', "none"),
        (1234567, "NUMBER", '0.0,,"M"', "1.2M"),
        (0.1234, "PERCENT", "0.0%", "12.3%"),
        (9.5, "CURRENCY", '"$"#,##0.00', "$9.50"),
        (9.5, "CURRENCY", "[$€-407]#,##0.00", "€9.50"),
        (12345, "SCIENTIFIC", "0.00E+00", "1.23E+04"),
        (45322.5, "DATE", "yyyy-mm-dd", "2024-01-31"),
        (45322.5, "DATE_TIME", "yyyy-mm-dd hh:mm:ss.000", "2024-01-31 12:00:00.000"),
        (45322 + 45296.789 / 86400, "DATE_TIME", "yyyy-mm-dd hh:mm:ss.000", "2024-01-31 12:34:56.789"),
        (45322.75, "DATE_TIME", "d mmm yy h:mm am/pm", "31 Jan 24 6:00 PM"),
        (45322, "DATE", "dddd, mmmm d", "Wednesday, January 31"),
        (0.52, "TIME", "hh:mm", "12:28"),
        (1.5, "TIME", "[h]:mm:ss", "36:00:00"),
        (45322, "DATE", "", "1/31/2024"),
        (3, "NUMBER", "", "3.00"),
    ],
)
def test_number_formats(value, kind, pattern, shown):
    assert show(value, {"type": kind, **({"pattern": pattern} if pattern else {})}) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1, "1"),
        (1.0, "1"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.3333333333"),
        (123456789012345, "123456789012345"),
        (1.5e20, "1.5E+20"),
        (0.00001234, "0.00001234"),
        (1e-12, "1E-12"),
        (-2.5, "-2.5"),
    ],
)
def test_automatic_numbers(value, shown):
    assert automatic(value) == shown


def test_dates_are_serial_numbers_or_text(sheet):
    sheet.put([["2024-01-31", "2024-01-31 06:00:00", 5]], option="USER_ENTERED")
    assert sheet.get() == [[45322, 45322.25, 5]]
    assert sheet.get(dateTimeRenderOption="FORMATTED_STRING") == [["2024-01-31", "2024-01-31 6:00:00", 5]]
    assert sheet.get(option="FORMATTED_VALUE") == [["2024-01-31", "2024-01-31 6:00:00", "5"]]


def test_a_plain_text_cell_takes_typed_text_as_it_is(sheet):
    text = {"userEnteredFormat": {"numberFormat": {"type": "TEXT"}}}
    sheet.batch(
        {
            "repeatCell": {
                "range": {"sheetId": 0, "endColumnIndex": 1},
                "cell": text,
                "fields": "userEnteredFormat.numberFormat",
            }
        }
    )
    sheet.put([["007", "007"], ["=1+1", "=1+1"]], option="USER_ENTERED")
    assert sheet.get() == [["007", 7], ["=1+1", 2]]


def test_a_typed_percentage_does_not_replace_a_format_that_is_there(sheet):
    given = {"userEnteredFormat": {"numberFormat": {"type": "NUMBER", "pattern": "0.0000"}}}
    sheet.batch(
        {"updateCells": {"start": {"sheetId": 0}, "rows": [{"values": [given]}], "fields": "userEnteredFormat"}}
    )
    sheet.put([["12%"]], option="USER_ENTERED")
    assert sheet.get(option="FORMATTED_VALUE") == [["0.1200"]]


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("=1+2*3", 7),
        ("=-2^2", 4),
        ("=(1+2)*3/2", 4.5),
        ('="a"&"b"&1', "ab1"),
        ("=A1+B1", 3),
        ("=SUM(A1:B2)", 10),
        ("=SUM(Data!A:B)", 10),
        ("=AVERAGE(A1:A2)", 2),
        ("=COUNTA(A1:C1)", 3),
        ("=MAX(A1:B2)-MIN(A1:B2)", 3),
        ('=IF(A1>5,"big","small")', "small"),
        ("=IFERROR(1/0,0)", 0),
        ("=1/0", "#DIV/0!"),
        ("=A1+C1", "#VALUE!"),
        ("=NOSUCH(1)", "#NAME?"),
        ("=1+", "#ERROR!"),
        ("=Nowhere!A1", "#REF!"),
        ("=D1", "#REF!"),
        ("=UPPER(C1)", "X"),
        ("=ROUND(2.345,1)", 2.3),
        ("=10%", 0.1),
        ("=A1=1", True),
        ("=SUM(numbers)", 3),
    ],
)
def test_formulas_are_computed(sheet, formula, value):
    sheet.put([[1, 2, "x"], [3, 4]])
    sheet.book.sheet1.define_named_range("A1:B1", "numbers")
    sheet.put([[formula]], "Data!D1", "USER_ENTERED")
    assert sheet.get("Data!D1") == [[value]]
    assert sheet.get("Data!D1", "FORMULA") == [[formula]]
