"""Which tasks are started first where there are more than places for them."""

from __future__ import annotations

# Teams' tasks have a weight of some units. Where all are equal Airflow goes by the run's date and then by the index of
# a mapped task: of a worker's shards all but the first would wait until no team has anything to do.
FIRST = {"priority_weight": 1_000, "weight_rule": "absolute"}
"""For default_args of what decides on work, carries it out for all, looks after it, or has people wait for it."""
