"""Leads, sales, price history and loans: what happens to the stock."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from standins.warehouse import catalog, draw
from standins.warehouse.draw import Market

_LEADS = 90_000
_LEAD_BASE = 9_007_199_254_740_993  # 2^53 + 1: a lead id that passes through a float comes back as another lead


def leads(market: Market, listings: pa.Table) -> pa.Table:
    """CRM.LEADS in order of creation, about cars that were listed shortly before."""
    random = draw.stream(market, "leads")
    size = int(_LEADS * market.scale)
    days = draw.days(market, random, size)
    # Both tables are in order of time, and people ask about what was listed lately.
    place = np.linspace(0, 1, size) - random.exponential(0.02, size)
    index = (np.clip(place, 0, 1) * (listings.num_rows - 1)).astype(np.int64)
    price = np.array([float(value) for value in listings["PRICE"].to_pylist()])[index]
    created = draw.instants(days, random)
    number = random.integers(6_000_000_000, 9_999_999_999, size)
    # As people and systems type them: trunk zero, country code, plain.
    style = random.random(size)
    phone = np.where(style < 0.4, "0", np.where(style < 0.8, "+91", "")).astype(object) + number.astype(str).astype(
        object
    )
    age = (np.datetime64(market.as_of) - days).astype(int)
    weights = [0.3, 0.25, 0.2, 0.25]
    status = draw.choose(random, ("contacted", "test-drive", "won", "lost"), size, weights)
    status = np.where(age < 3, "new", status)
    preferences = [
        json.dumps({"fuel": fuel, "max_km": km, "exchange": exchange})
        for fuel, km, exchange in zip(
            draw.choose(random, ("Petrol", "Diesel", "CNG", "Electric"), size, [5, 3, 2, 1]),
            (random.integers(2, 12, size) * 10_000).tolist(),
            (random.random(size) < 0.3).tolist(),
            strict=True,
        )
    ]
    first, last = draw.choose(random, catalog.FIRST_NAMES, size), draw.choose(random, catalog.LAST_NAMES, size)
    return pa.table(
        {
            "LEAD_ID": draw.whole(np.arange(size) * 2 + _LEAD_BASE),
            "LISTING_CODE": listings["LISTING_CODE"].take(pa.array(index)),
            "CUSTOMER": first + " " + last,
            "PHONE": draw.nullable(random, phone, 0.02, pa.string()),
            "SOURCE": draw.choose(random, catalog.SOURCES, size, [30, 26, 10, 8, 14, 7, 5]),
            "CAMPAIGN": draw.nullable(random, draw.choose(random, catalog.CAMPAIGNS, size), 0.6),
            "STATUS": pa.array(status.astype(object), pa.string()),
            "CITY_CODE": listings["CITY_CODE"].take(pa.array(index)),
            "BUDGET": draw.money((price * random.uniform(0.8, 1.15, size)).round(-3)),
            "CREATED_AT": draw.utc(created),
            "UPDATED_AT": pa.array(
                np.minimum(created + random.integers(0, 20, size) * 86_400_000_000, draw.end_of_data(market)),
                pa.timestamp("us"),
            ),
            "PREFERENCES": draw.nullable(random, np.array(preferences, object), 0.1),
        }
    )


def sales(market: Market, listings: pa.Table, leads: pa.Table) -> pa.Table:
    """SALES.SALES in order of sale: one for every sold listing."""
    random = draw.stream(market, "sales")
    sold = np.flatnonzero(listings["STATUS"].to_numpy(zero_copy_only=False) == "sold")
    chosen = listings.take(pa.array(sold))
    size = chosen.num_rows
    listed = chosen["LISTED_ON"].to_numpy().astype("datetime64[D]")
    days = np.minimum(listed + np.minimum(1 + random.geometric(0.035, size), 74), np.datetime64(market.as_of))
    instants = draw.instants(days, random)
    price = np.array([float(value) for value in chosen["PRICE"].to_pylist()])
    discount = (price * np.clip(random.normal(0.025, 0.02, size), 0, 0.12)).round(0)
    order = np.argsort(instants, kind="stable")
    table = pa.table(
        {
            "LISTING_CODE": chosen["LISTING_CODE"],
            "DEALER_ID": chosen["DEALER_ID"],
            "CITY_CODE": chosen["CITY_CODE"],
            "LEAD_ID": _nullable_decimal(
                random, leads["LEAD_ID"].take(pa.array(random.integers(0, leads.num_rows, size))), 0.12
            ),
            "SALE_PRICE": draw.money(price - discount),
            "DISCOUNT": draw.money(discount),
            "PAYMENT_MODE": draw.choose(random, ("loan", "upi", "cash", "cheque"), size, [42, 34, 8, 16]),
            "WARRANTY_MONTHS": draw.money(random.choice([0, 6, 12, 24], size), 3, 0),
            "SOLD_ON": pa.array(days),
            "SOLD_AT": draw.utc(instants),
            "DELIVERED_AT": draw.utc(instants + random.integers(1, 10, size) * 86_400_000_000),
        }
    ).take(pa.array(order))
    return table.add_column(0, "SALE_ID", draw.whole(np.arange(1_000_001, 1_000_001 + size)))


def _nullable_decimal(random: np.random.Generator, column: pa.ChunkedArray, share: float) -> pa.Array:
    keep = pa.array(np.where(random.random(len(column)) < share, -1, np.arange(len(column))))
    indices = pc.if_else(pc.less(keep, 0), pa.scalar(None, pa.int64()), keep)
    return column.combine_chunks().take(indices)


def prices(market: Market, listings: pa.Table) -> pa.Table:
    """Price history: 0 to 4 cuts a listing; the last new price is the listing's own."""
    random = draw.stream(market, "prices")
    cuts = np.minimum(random.poisson(1.7, listings.num_rows), 4)
    index = np.repeat(np.arange(listings.num_rows), cuts)
    position = np.arange(len(index)) - np.repeat(np.cumsum(cuts) - cuts, cuts)
    left = np.repeat(cuts, cuts) - position
    final = np.array([float(value) for value in listings["PRICE"].to_pylist()])[index]
    new = np.where(left == 1, final, (final * 1.03 ** (left - 1)).round(0))
    old = (final * 1.03**left).round(0)
    listed = listings["LISTED_ON"].to_numpy().astype("datetime64[us]")[index]
    changed = np.minimum(
        listed + (position + 1) * 7 * 86_400_000_000 + random.integers(0, 86_399_999_999, len(index)),
        draw.end_of_data(market),
    )
    return pa.table(
        {
            "LISTING_CODE": listings["LISTING_CODE"].take(pa.array(index)),
            "CHANGED_AT": pa.array(changed, pa.timestamp("us")),
            "OLD_PRICE": draw.money(old),
            "NEW_PRICE": draw.money(new),
            "REASON": draw.choose(random, ("stale", "competition", "inspection", "manual"), len(index), [5, 3, 1, 1]),
            "CHANGED_BY": draw.nullable(
                random, draw.choose(random, ("pricing-engine", "city-manager"), len(index), [4, 1]), 0.05
            ),
        }
    )


def loans(market: Market, sales: pa.Table) -> pa.Table:
    """LENDING.LOANS: one for every sale that was paid by loan."""
    random = draw.stream(market, "loans")
    financed = np.flatnonzero(sales["PAYMENT_MODE"].to_numpy(zero_copy_only=False) == "loan")
    chosen = sales.take(pa.array(financed))
    size = chosen.num_rows
    principal = (
        np.array([float(value) for value in chosen["SALE_PRICE"].to_pylist()]) * random.uniform(0.6, 0.9, size)
    ).round(-3)
    rate = np.clip(random.normal(12.4, 1.6, size), 8.5, 18).round(2)
    tenure = random.choice([24, 36, 48, 60, 72], size, p=[0.1, 0.3, 0.3, 0.25, 0.05])
    emi = [_emi(p, r, t) for p, r, t in zip(principal.tolist(), rate.tolist(), tenure.tolist(), strict=True)]
    days = chosen["SOLD_ON"].to_numpy().astype("datetime64[D]")
    pending = random.random(size) < 0.06
    overdue = np.where(random.random(size) < 0.08, random.integers(1, 120, size), 0)
    status = np.where(pending, "approved", np.where(overdue > 90, "npa", np.where(overdue > 0, "overdue", "active")))
    score = np.clip(random.normal(735, 55, size), 420, 899).astype(int)
    bureau = [
        json.dumps({"enquiries": n, "accounts": [{"kind": "card"}] * (n % 3)})
        for n in random.integers(0, 9, size).tolist()
    ]
    return pa.table(
        {
            "APPLICATION_ID": [f"LN-{number:06d}" for number in range(1, size + 1)],
            "LEAD_ID": chosen["LEAD_ID"],
            "SALE_ID": chosen["SALE_ID"],
            "PRINCIPAL": draw.money(principal),
            "RATE": draw.money(rate, 5, 2),
            "TENURE_MONTHS": draw.money(tenure, 3, 0),
            "EMI": pa.array(emi, pa.decimal128(12, 2)),
            "STATUS": pa.array(status.astype(object), pa.string()),
            "CREDIT_SCORE": draw.money(score, 3, 0),
            "RISK": np.round(1 / (1 + np.exp((score - 640) / 45)), 6),
            "DAYS_PAST_DUE": draw.money(np.where(pending, 0, overdue), 4, 0),
            "DISBURSED_ON": pa.array(days, mask=pending),
            "UPDATED_AT": pa.array(
                np.minimum(
                    days.astype("datetime64[us]") + random.integers(0, 20 * 86_400_000_000, size),
                    draw.end_of_data(market),
                ),
                pa.timestamp("us"),
            ),
            "BUREAU": draw.nullable(random, np.array(bureau, object), 0.07),
        }
    )


def _emi(principal: float, rate: float, months: int) -> Decimal:
    """The equated monthly instalment in rupees, rounded to paise: P r (1+r)^n / ((1+r)^n - 1)."""
    monthly = Decimal(str(rate)) / 1200
    growth = (1 + monthly) ** months
    return (Decimal(str(principal)) * monthly * growth / (growth - 1)).quantize(Decimal("0.01"))
