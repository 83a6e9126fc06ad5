from __future__ import annotations

import pytest

from drivetrain.errors import SchemaDriftError
from drivetrain.sheets.header import locate
from tests.support.loads import load_spec

COLUMNS = {"CODE": {"type": "text", "header": "Dealer code"}, "N": {"type": "integer", "header": "Cars"}}


def test_moved_columns_are_found_by_their_headers() -> None:
    assert locate(load_spec(COLUMNS, drift="ignore"), ["Notes", "Cars", None, "Dealer code"]) == (3, 1)


def test_case_and_blanks_of_a_header_do_not_matter() -> None:
    assert locate(load_spec(COLUMNS), ["  dealer\u00a0 CODE\n", "cars "]) == (0, 1)


def test_a_number_can_be_a_header() -> None:
    spec = load_spec({"CODE": "text", "Y": {"type": "integer", "header": "2026"}})
    assert locate(spec, ["CODE", 2026]) == (0, 1)


@pytest.mark.parametrize(
    ("header", "anchor", "drift", "message"),
    [
        (["Code", "Cars"], "A1", "fail", "lacks the header Dealer code; it has Code (A1), Cars (B1): name the column"),
        (["Notes"], "B3", "fail", "lacks the headers Dealer code, Cars; it has Notes (B3)"),
        (["Cars", "Dealer code", "cars"], "B3", "fail", "has the header Cars twice, in B3 and D3"),
        (["Cars", "Dealer code", "Total"], "B3", "fail", "has headers that columns does not list: Total (D3)"),
        ([None, " "], "C5", "ignore", "has no headers in row 5"),
        ([], "A1", "fail", "has no headers in row 1"),
    ],
)
def test_a_header_that_does_not_fit_is_named_with_its_cell(
    header: list[object], anchor: str, drift: str, message: str
) -> None:
    spec = load_spec(COLUMNS, drift=drift, source={"anchor": anchor})
    with pytest.raises(SchemaDriftError) as caught:
        locate(spec, header)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert str(caught.value).startswith("load small: tab 'Data'")


def test_headers_that_stand_twice_and_are_not_ours_may_be_ignored() -> None:
    assert locate(load_spec(COLUMNS, drift="ignore"), ["x", "x", "Cars", "Dealer code"]) == (3, 2)
