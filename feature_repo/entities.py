"""What features are about."""

from __future__ import annotations

from feast import Entity, ValueType

car = Entity(name="car", join_keys=["car_id"], value_type=ValueType.INT64, description="A car that is listed, or was.")
dealer = Entity(name="dealer", join_keys=["dealer_id"], value_type=ValueType.STRING, description="Who sells cars.")
applicant = Entity(
    name="applicant", join_keys=["applicant_id"], value_type=ValueType.INT64, description="Who asks for a loan."
)
