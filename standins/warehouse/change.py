"""A day of trade: the same n-th change in every run, for demonstrations of what a second sync does."""

from __future__ import annotations

import datetime
import re
from typing import Any

from standins.warehouse.load import MARKER, current

# ``{drawn:KEY/kind/factor}`` becomes a condition that is true for share x factor of the keys. It compares the MD5 of
# key, kind and step, which is the same function in every warehouse.
_STATEMENTS = (
    (
        "price cuts logged",
        """INSERT INTO MARKETPLACE.SALES.PRICES
        SELECT LISTING_CODE, {at}, PRICE, ROUND(PRICE * 0.97, 2)::NUMBER(12,2), 'stale', 'pricing-engine'
        FROM MARKETPLACE.INVENTORY.LISTINGS WHERE STATUS = 'live' AND {drawn:LISTING_CODE/price/8}""",
    ),
    (
        "prices cut",
        """UPDATE MARKETPLACE.INVENTORY.LISTINGS SET PRICE = ROUND(PRICE * 0.97, 2)::NUMBER(12,2), UPDATED_AT = {at}
        WHERE STATUS = 'live' AND {drawn:LISTING_CODE/price/8}""",
    ),
    (
        "cars sold",
        """INSERT INTO MARKETPLACE.SALES.SALES
        SELECT m.LAST_ID + ROW_NUMBER() OVER (ORDER BY l.LISTING_CODE), l.LISTING_CODE, l.DEALER_ID, l.CITY_CODE, NULL,
            l.PRICE, 0, 'upi', 6, {at}::DATE, '{now}+00:00'::TIMESTAMP_TZ, NULL
        FROM MARKETPLACE.INVENTORY.LISTINGS AS l
        CROSS JOIN (SELECT MAX(SALE_ID) AS LAST_ID FROM MARKETPLACE.SALES.SALES) AS m
        WHERE l.STATUS = 'reserved' AND {drawn:l.LISTING_CODE/sold/10}""",
    ),
    (
        "listings closed",
        """UPDATE MARKETPLACE.INVENTORY.LISTINGS SET STATUS = 'sold', UPDATED_AT = {at}
        WHERE STATUS = 'reserved' AND {drawn:LISTING_CODE/sold/10}""",
    ),
    (
        "listings deleted",
        """DELETE FROM MARKETPLACE.INVENTORY.LISTINGS
        WHERE STATUS IN ('live', 'withdrawn') AND {drawn:LISTING_CODE/gone/1}""",
    ),
    (
        "listings added",
        """INSERT INTO MARKETPLACE.INVENTORY.LISTINGS
        SELECT LPAD((n.LAST_CODE + n.POSITION)::VARCHAR, 6, '0'), REPLACE(n.VIN, 'MA3', 'MB{digit}'), n.MAKE, n.MODEL,
            n.VARIANT, n.FUEL, n.TRANSMISSION, n.MODEL_YEAR, n.ODOMETER_KM, n.OWNERS, n.COLOR, n.CITY_CODE, n.DEALER_ID,
            n.PRICE, 'live', n.IS_CERTIFIED, {at}::DATE, {at}, n.ATTRIBUTES, 'Just in 🚗', n.PHOTO_DIGEST
        FROM (
            SELECT l.*, ROW_NUMBER() OVER (ORDER BY l.LISTING_CODE) AS POSITION, m.LAST_CODE
            FROM MARKETPLACE.INVENTORY.LISTINGS AS l CROSS JOIN (
                SELECT MAX(LISTING_CODE::NUMBER(9,0)) AS LAST_CODE FROM MARKETPLACE.INVENTORY.LISTINGS
            ) AS m
            WHERE l.STATUS = 'sold' AND {drawn:l.LISTING_CODE/new/0.5}
        ) AS n""",
    ),
    (
        "leads moved on",
        """UPDATE MARKETPLACE.CRM.LEADS SET STATUS = 'contacted', UPDATED_AT = {at}
        WHERE STATUS = 'new' AND {drawn:LEAD_ID::VARCHAR/moved/20}""",
    ),
    (
        "leads added",
        """INSERT INTO MARKETPLACE.CRM.LEADS
        SELECT m.LAST_ID + 2 * ROW_NUMBER() OVER (ORDER BY d.LEAD_ID), d.LISTING_CODE, d.CUSTOMER, d.PHONE, d.SOURCE,
            d.CAMPAIGN, 'new', d.CITY_CODE, d.BUDGET, '{now}+00:00'::TIMESTAMP_TZ, {at}, d.PREFERENCES
        FROM MARKETPLACE.CRM.LEADS AS d CROSS JOIN (SELECT MAX(LEAD_ID) AS LAST_ID FROM MARKETPLACE.CRM.LEADS) AS m
        WHERE {drawn:d.LEAD_ID::VARCHAR/asked/0.15}""",
    ),
    ("leads erased", "DELETE FROM MARKETPLACE.CRM.LEADS WHERE {drawn:LEAD_ID::VARCHAR/erased/0.05}"),
)
_DRAWN = re.compile(r"\{drawn:([^/]+)/(\w+)/([\d.]+)\}")


def change(connection: Any, share: float) -> tuple[int, dict[str, int]]:
    """Change about ``share`` of the listings and leads, in one transaction, at the start of the day after the data.

    Which rows change depends on their key and the step's number alone, so the n-th change is the same in every run.

    Returns:
        The step's number (1 for the first) and the rows changed by kind.

    Raises:
        LookupError: nothing is loaded.
    """
    found = current(connection)
    if found is None:
        raise LookupError("the warehouse is empty: run `python -m standins.warehouse load` first")
    step = found.steps + 1
    now = datetime.datetime.combine(found.market.as_of, datetime.time()) + datetime.timedelta(days=1, minutes=step)

    def drawn(match: re.Match[str]) -> str:
        threshold = int(min(1.0, share * float(match[3])) * 0xFFFFFFFF)
        return f"SUBSTR(MD5({match[1]} || '/{match[2]}/{step}'), 1, 8) < '{threshold:08x}'"

    cursor = connection.cursor()
    counts: dict[str, int] = {}
    cursor.execute("BEGIN")
    try:
        for kind, template in _STATEMENTS:
            statement = _DRAWN.sub(drawn, template).replace("{at}", f"'{now}'::TIMESTAMP_NTZ")
            cursor.execute(statement.replace("{now}", str(now)).replace("{digit}", str(step % 10)))
            counts[kind] = int(cursor.rowcount or 0)
        cursor.execute(f"UPDATE {MARKER} SET STEPS = {step}")
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")
    return step, counts
