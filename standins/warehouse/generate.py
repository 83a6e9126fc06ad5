"""Generate the tables as Arrow, from a seed: the same seed, scale and day give the same rows on any machine."""

from __future__ import annotations

import pyarrow as pa

from standins.warehouse import stock, trade
from standins.warehouse.draw import Market

__all__ = ["VERSION", "Market", "tables"]

VERSION = 1  # raise when the generated rows change: a loaded warehouse of another version is loaded again


def tables(market: Market) -> dict[str, pa.Table]:
    """All tables by their qualified name, ~370,000 rows at scale 1. VARIANT columns are JSON text."""
    dealers, dealer_city = stock.dealers(market)
    listings = stock.listings(market, dealer_city)
    leads = trade.leads(market, listings)
    sales = trade.sales(market, listings, leads)
    return {
        "INVENTORY.CITIES": stock.cities(),
        "INVENTORY.DEALERS": dealers,
        "INVENTORY.LISTINGS": listings,
        "INVENTORY.INSPECTIONS": stock.inspections(market, listings),
        "CRM.LEADS": leads,
        "SALES.SALES": sales,
        "SALES.PRICES": trade.prices(market, listings),
        "LENDING.LOANS": trade.loans(market, sales),
    }
