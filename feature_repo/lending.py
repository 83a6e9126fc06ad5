"""Applicants: what the decision on a loan looks up."""

from __future__ import annotations

import datetime as dt

from entities import applicant
from feast import BigQuerySource, FeatureService, FeatureView, Field
from feast.types import Float64, Int64, String

applicant_behaviour = FeatureView(
    name="applicant_behaviour",
    description="What an applicant did with us before.",
    owner="risk@lending.example",
    entities=[applicant],
    ttl=dt.timedelta(days=7),
    schema=[
        Field(name="applicant_id", dtype=Int64),
        Field(name="applications_30d", dtype=Int64),
        Field(name="repaid_loans", dtype=Int64),
        Field(name="missed_payments_12m", dtype=Int64),
        Field(name="bureau_score", dtype=Float64),
        Field(name="income_band", dtype=String),
    ],
    source=BigQuerySource(
        name="applicant_behaviour_rows",
        table="lending.features.applicant_behaviour",
        timestamp_field="event_at",
        created_timestamp_column="loaded_at",
    ),
)

loan_decision = FeatureService(
    name="loan_decision",
    description="What the decision on a loan asks for.",
    owner="risk@lending.example",
    features=[applicant_behaviour],
)
