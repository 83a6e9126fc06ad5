"""Loading and changing the warehouse through the official connector."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

from standins.warehouse.change import change
from standins.warehouse.draw import Market
from standins.warehouse.load import load

from .conftest import MARKET


def test_types_are_those_of_the_ddl(connection: Any) -> None:
    cursor = connection.cursor()
    sql = "SELECT PRICE, LISTING_CODE, ODOMETER_KM FROM MARKETPLACE.INVENTORY.LISTINGS ORDER BY LISTING_CODE LIMIT 1"
    price, code, kilometres = cursor.execute(sql).fetchone()
    assert (type(price), type(kilometres), code) == (Decimal, int, "000101")
    types = dict(
        cursor.execute(
            "SELECT COLUMN_NAME, DATA_TYPE FROM MARKETPLACE.INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'INSPECTIONS'"
        ).fetchall()
    )
    assert types["INSPECTED_AT"] == "TIMESTAMP_TZ"
    assert types["FINDINGS"] == "VARIANT"
    assert types["REPORT_DIGEST"] == "BINARY"


def test_a_second_load_does_nothing_and_is_quick(connection: Any) -> None:
    started = time.monotonic()
    again = load(connection, Market(MARKET.seed, MARKET.scale))
    assert again.rows == {}
    assert again.market.as_of == MARKET.as_of
    assert time.monotonic() - started < 1


def test_each_change_moves_some_rows_and_counts_its_steps(connection: Any) -> None:
    first, counts = change(connection, 0.05)
    second, others = change(connection, 0.05)
    assert second == first + 1
    assert all(counts.values())
    assert counts != others
    sql = "SELECT COUNT(*), COUNT(DISTINCT LISTING_CODE) FROM MARKETPLACE.INVENTORY.LISTINGS"
    assert len(set(connection.cursor().execute(sql).fetchone())) == 1
    sql = "SELECT COUNT(*), COUNT(DISTINCT LEAD_ID) FROM MARKETPLACE.CRM.LEADS"
    assert len(set(connection.cursor().execute(sql).fetchone())) == 1
