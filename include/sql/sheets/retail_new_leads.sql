-- One row a lead of the city in the 14 days up to and including :until (India's calendar).
-- Key: LEAD_ID, integers above 2^53.
-- BUDGET in rupees; PHONE as typed (leading 0, +91, or neither).
SELECT d.LEAD_ID, d.CUSTOMER, d.PHONE, d.SOURCE, d.STATUS, d.BUDGET, d.LISTING_CODE, d.CREATED_AT
FROM MARKETPLACE.CRM.LEADS AS d
JOIN MARKETPLACE.INVENTORY.CITIES AS c ON c.CITY_CODE = d.CITY_CODE
WHERE c.CITY = %(city)s
  AND CONVERT_TIMEZONE('Asia/Kolkata', d.CREATED_AT)::DATE > DATEADD(DAY, -14, %(until)s::DATE)
  AND CONVERT_TIMEZONE('Asia/Kolkata', d.CREATED_AT)::DATE <= %(until)s::DATE
ORDER BY d.LEAD_ID
