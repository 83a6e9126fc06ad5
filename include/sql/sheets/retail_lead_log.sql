-- One row a lead that came in between :since (inclusive) and :until (exclusive), both instants.
-- Key: LEAD_ID, integers above 2^53.
SELECT LEAD_ID, CITY_CODE, SOURCE, CAMPAIGN, PHONE, LISTING_CODE, CREATED_AT
FROM MARKETPLACE.CRM.LEADS
WHERE CREATED_AT >= %(since)s::TIMESTAMP_TZ AND CREATED_AT < %(until)s::TIMESTAMP_TZ
ORDER BY LEAD_ID
