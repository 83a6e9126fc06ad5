from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No database: a run leaves nothing in the tree. No deadline: CI machines stall. The same examples each time, so that a
# change is not blamed for what an unlucky draw found; `make test-fuzz` draws others, and more of them.
EXAMPLES = os.environ.get("DRIVETRAIN_FUZZ_EXAMPLES")
settings.register_profile(
    "drivetrain",
    deadline=None,
    database=None,
    derandomize=EXAMPLES is None,
    max_examples=int(EXAMPLES or 15),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("drivetrain")
