-- One row a car that was sold within a year: what it was sold for, and when its price was set.
-- Key: car_id. sale_price in INR.
SELECT car_id, dealer_id, priced_at, sale_price
FROM marketplace.sales.cars_sold
WHERE sold_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 365 DAY)
