-- One row a month (India's calendar), source and campaign of the 12 months up to :until; campaign is (none) where there was none.
-- Key: MONTH, SOURCE, CAMPAIGN.
-- WIN_RATE as a fraction, AVERAGE_BUDGET in rupees.
WITH leads AS (
    SELECT DATE_TRUNC('MONTH', CONVERT_TIMEZONE('Asia/Kolkata', CREATED_AT)::DATE)::DATE AS MONTH, SOURCE,
           COALESCE(CAMPAIGN, '(none)') AS CAMPAIGN, STATUS, BUDGET
    FROM MARKETPLACE.CRM.LEADS
    WHERE CONVERT_TIMEZONE('Asia/Kolkata', CREATED_AT)::DATE > DATEADD(DAY, -365, %(until)s::DATE)
)
SELECT MONTH, SOURCE, CAMPAIGN, COUNT(*) AS LEADS, SUM(IFF(STATUS IN ('test-drive', 'won'), 1, 0))::NUMBER(38,0) AS TEST_DRIVES,
       SUM(IFF(STATUS = 'won', 1, 0))::NUMBER(38,0) AS WON, ROUND(AVG(IFF(STATUS = 'won', 1, 0)), 4)::FLOAT AS WIN_RATE,
       ROUND(AVG(BUDGET), 2)::NUMBER(12,2) AS AVERAGE_BUDGET
FROM leads
GROUP BY MONTH, SOURCE, CAMPAIGN
ORDER BY MONTH, SOURCE, CAMPAIGN
