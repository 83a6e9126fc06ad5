"""Cars and dealers: what pricing and ranking look up for each car on a page."""

from __future__ import annotations

import datetime as dt

from entities import car, dealer
from feast import BigQuerySource, FeatureService, FeatureView, Field
from feast.types import Array, Bool, Float64, Int64, String, UnixTimestamp

car_listing = FeatureView(
    name="car_listing",
    description="A listed car as it stands now.",
    owner="pricing@marketplace.example",
    entities=[car],
    ttl=dt.timedelta(days=90),
    schema=[
        Field(name="car_id", dtype=Int64),
        Field(name="asking_price", dtype=Float64, description="INR"),
        Field(name="kilometres", dtype=Int64),
        Field(name="days_listed", dtype=Int64),
        Field(name="price_changes", dtype=Int64),
        Field(name="city", dtype=String),
        Field(name="is_certified", dtype=Bool),
        Field(name="listed_at", dtype=UnixTimestamp),
        Field(name="photo_scores", dtype=Array(Float64), description="one a photo, 0 to 1"),
    ],
    source=BigQuerySource(
        name="car_listing_rows",
        table="marketplace.features.car_listing",
        timestamp_field="event_at",
        created_timestamp_column="loaded_at",
    ),
)

car_demand = FeatureView(
    name="car_demand",
    description="How much a car was looked at and asked for.",
    owner="pricing@marketplace.example",
    entities=[car],
    ttl=dt.timedelta(days=2),
    schema=[
        Field(name="car_id", dtype=Int64),
        Field(name="views_1d", dtype=Int64),
        Field(name="views_7d", dtype=Int64),
        Field(name="leads_7d", dtype=Int64),
        Field(name="test_drives_7d", dtype=Int64),
    ],
    source=BigQuerySource(
        name="car_demand_rows",
        table="marketplace.features.car_demand",
        timestamp_field="event_at",
        created_timestamp_column="loaded_at",
    ),
)

dealer_quality = FeatureView(
    name="dealer_quality",
    description="How a dealer did in the last 90 days.",
    owner="supply@marketplace.example",
    entities=[dealer],
    ttl=dt.timedelta(days=30),
    schema=[
        Field(name="dealer_id", dtype=String),
        Field(name="cars_sold_90d", dtype=Int64),
        Field(name="return_rate", dtype=Float64),
        Field(name="median_days_to_sell", dtype=Float64),
        Field(name="badges", dtype=Array(String)),
    ],
    source=BigQuerySource(
        name="dealer_quality_rows",
        table="marketplace.features.dealer_quality",
        timestamp_field="event_at",
        created_timestamp_column="loaded_at",
    ),
)

price_model = FeatureService(
    name="price_model",
    description="What the price model asks for.",
    owner="pricing@marketplace.example",
    features=[car_listing, car_demand[["views_7d", "leads_7d"]], dealer_quality],
)
lead_ranking = FeatureService(
    name="lead_ranking",
    description="What the order of search results asks for.",
    owner="supply@marketplace.example",
    features=[car_listing[["asking_price", "days_listed", "is_certified"]], car_demand],
)
