"""What questions cost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivetrain.calls.understand.answers import Usage
from drivetrain.calls.understand.cost import Dollars, TokenPrices, prices_of
from drivetrain.errors import SpecError

PRICES = TokenPrices(read=Decimal("0.40"), read_cached=Decimal("0.10"), written=Decimal("1.60"))


def test_each_kind_of_token_has_its_price_and_nothing_is_rounded_down() -> None:
    assert PRICES.cost(Usage(read=1_000_000)) == 400_000
    assert PRICES.cost(Usage(read=1_000_000, read_cached=1_000_000)) == 100_000
    assert PRICES.cost(Usage(written=1_000_000)) == 1_600_000
    assert PRICES.cost(Usage(read=1)) == 1
    assert PRICES.cost(Usage()) == 0
    assert str(Dollars(PRICES.cost(Usage(read=12_345, read_cached=345, written=678)))) == "$0.0059"


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**5))
def test_no_answer_costs_more_than_was_said_before(read: int, cached: int, written: int) -> None:
    usage = Usage(read, min(read, cached), written)
    assert PRICES.cost(usage) <= PRICES.most(read, written)


def test_a_dated_version_costs_what_its_model_does_and_the_longest_name_counts() -> None:
    mini = TokenPrices(read=Decimal(1), read_cached=Decimal(1), written=Decimal(1))
    prices = {"gpt-5": PRICES, "gpt-5-mini": mini}
    assert prices_of("gpt-5-2026-01-01", prices) is PRICES
    assert prices_of("gpt-5-mini-2026-01-01", prices) is mini
    with pytest.raises(SpecError, match="model gpt-50: has no prices; there are those of gpt-5, gpt-5-mini"):
        prices_of("gpt-50", prices)
