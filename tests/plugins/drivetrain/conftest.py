from __future__ import annotations

from hypothesis import HealthCheck, settings

# No database: a run leaves nothing in the tree. No deadline: CI machines stall.
settings.register_profile(
    "drivetrain", deadline=None, database=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("drivetrain")
