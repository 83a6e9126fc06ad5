"""How often DAGs get a new version: one that does with every parse fills the database and hides real changes."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivetrain.metrics.measure import Measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

METRIC_PREFIX = "drivetrain"
MOST_A_DAY = 20


@dataclass(frozen=True)
class DagVersion:
    """One version, as Airflow's REST API lists it."""

    dag_id: str
    number: int
    created_at: dt.datetime
    bundle_version: str = ""


def made_since(versions: Iterable[DagVersion], since: dt.datetime) -> dict[str, int]:
    """How many versions of each DAG were made since a time; its first one is no change and does not count.

    A version that no run used is replaced by the next one, under the same number.
    """
    counts = Counter(version.dag_id for version in versions if version.created_at >= since and version.number > 1)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def inflated(counts: Mapping[str, int], most: int = MOST_A_DAY) -> dict[str, int]:
    """Those that changed more often than people push."""
    return {dag_id: count for dag_id, count in counts.items() if count > most}


def measures(counts: Mapping[str, int], import_errors: int) -> list[Measure]:
    """Gauges: of the DAG with the most, and of all."""
    return [
        Measure("dag_versions_today", sum(counts.values())),
        Measure("dag_versions_today_most", max(counts.values(), default=0)),
        Measure("dag_import_errors", import_errors),
    ]


def midnight(now: dt.datetime) -> dt.datetime:
    """The start of the day in UTC."""
    return now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
