"""The generated market: the same from the same seed, and shaped like a real one."""

from __future__ import annotations

import datetime
from collections import Counter

import pytest

from standins.warehouse.draw import Market
from standins.warehouse.generate import tables

_MARKET = Market(seed=3, scale=0.05, as_of=datetime.date(2026, 11, 24))


@pytest.fixture(scope="module")
def market() -> dict:
    return tables(_MARKET)


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(market: dict) -> None:
    assert all(table.equals(market[name]) for name, table in tables(_MARKET).items())
    other = tables(Market(seed=4, scale=0.05, as_of=_MARKET.as_of))
    assert not other["INVENTORY.LISTINGS"].equals(market["INVENTORY.LISTINGS"])


def test_keys_are_unique_and_hard_to_keep(market: dict) -> None:
    codes = market["INVENTORY.LISTINGS"]["LISTING_CODE"].to_pylist()
    leads = market["CRM.LEADS"]["LEAD_ID"].to_pylist()
    assert len(set(codes)) == len(codes)
    assert codes[0] == "000101"
    assert len(set(leads)) == len(leads)
    assert min(leads) > 2**53
    assert len({int(float(lead)) for lead in leads}) < len(leads)
    assert {phone[0] for phone in market["CRM.LEADS"]["PHONE"].to_pylist() if phone} > {"0", "+"}


def test_prices_fall_with_age_and_few_dealers_sell_most(market: dict) -> None:
    listings = market["INVENTORY.LISTINGS"].select(["MAKE", "MODEL", "MODEL_YEAR", "PRICE", "DEALER_ID"]).to_pylist()
    swifts = [row for row in listings if row["MODEL"] == "Swift"]
    old = [float(row["PRICE"]) for row in swifts if row["MODEL_YEAR"] < 2018]
    young = [float(row["PRICE"]) for row in swifts if row["MODEL_YEAR"] > 2022]
    assert sum(young) / len(young) > 1.5 * sum(old) / len(old)
    ranked = Counter(row["DEALER_ID"] for row in listings).most_common()
    tenth = len(ranked) // 10
    assert sum(count for _, count in ranked[:tenth]) > 0.35 * len(listings)


def test_the_last_price_in_the_history_is_the_price_of_the_listing(market: dict) -> None:
    prices = dict(market["INVENTORY.LISTINGS"].select(["LISTING_CODE", "PRICE"]).to_pandas().itertuples(index=False))
    last = {row["LISTING_CODE"]: row["NEW_PRICE"] for row in market["SALES.PRICES"].to_pylist()}
    assert all(prices[code] == price for code, price in last.items())


def test_nothing_happens_before_the_window_or_after_its_last_day(market: dict) -> None:
    days = market["INVENTORY.LISTINGS"]["LISTED_ON"].to_pylist() + market["SALES.SALES"]["SOLD_ON"].to_pylist()
    assert min(days) > _MARKET.as_of - datetime.timedelta(days=731)
    assert max(days) <= _MARKET.as_of
