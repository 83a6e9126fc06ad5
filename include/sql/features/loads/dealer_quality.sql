-- Dealers who sold a car from :since on and before :until, as they stood at :until.
-- RETURN_RATE is the share of cars that came back: of listings of the last 90 days, those that were withdrawn.
WITH sold AS (
    SELECT s.DEALER_ID, s.SOLD_AT, DATEDIFF(DAY, l.LISTED_ON, s.SOLD_ON) AS DAYS
    FROM MARKETPLACE.SALES.SALES AS s
    JOIN MARKETPLACE.INVENTORY.LISTINGS AS l ON l.LISTING_CODE = s.LISTING_CODE
    WHERE s.SOLD_AT >= DATEADD(DAY, -90, %(until)s::TIMESTAMP_NTZ) AND s.SOLD_AT < %(until)s::TIMESTAMP_NTZ
), listed AS (
    SELECT DEALER_ID, AVG(IFF(STATUS = 'withdrawn', 1.0, 0.0)) AS WITHDRAWN
    FROM MARKETPLACE.INVENTORY.LISTINGS
    WHERE LISTED_ON >= DATEADD(DAY, -90, %(until)s::DATE)
    GROUP BY DEALER_ID
)
SELECT sold.DEALER_ID,
       COUNT(*) AS CARS_SOLD_90D,
       COALESCE(MAX(listed.WITHDRAWN), 0)::FLOAT AS RETURN_RATE,
       MEDIAN(sold.DAYS)::FLOAT AS MEDIAN_DAYS_TO_SELL,
       IFF(MEDIAN(sold.DAYS) < 20, '["fast"]', '[]') AS BADGES,
       %(until)s::TIMESTAMP_NTZ AS EVENT_AT
FROM sold
LEFT JOIN listed ON listed.DEALER_ID = sold.DEALER_ID
GROUP BY sold.DEALER_ID
HAVING MAX(sold.SOLD_AT) >= %(since)s::TIMESTAMP_NTZ
