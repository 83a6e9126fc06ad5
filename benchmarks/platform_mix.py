"""Which DAGs run how often in the day that the platform benchmark plays: 1,000 runs, 3,800 tasks."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from benchmarks.platform_bundle import BROKEN, DAGS, own_dags, squad

RUNS, TASKS = 1_000, 3_800
MINUTES = 24 * 60
FAILING = squad(0)  # the squad with the broken spec
# Runs of the repository's own DAGs, by 1,000 runs of the day; each one's tasks. Squads have the rest.
OWN = {
    "sheets_dispatch": (120, 1),
    "sheets_worker": (120, 2),
    "sheets_health": (60, 1),
    "sheets_request": (25, 1),
    "sheets_load_pricing": (15, 1),
    "sheets_load_retail": (15, 1),
    "state_maintenance": (5, 1),
    "platform_cleanup": (5, 4),
    "sheets_sync_growth": (5, 2),
    "sheets_sync_pricing": (5, 2),
    "sheets_sync_retail": (5, 3),
}
EVEN = frozenset({"sheets_dispatch", "sheets_worker", "sheets_health"})  # by the clock, all day
# When people's sheets are due: most of them before the office opens (share of runs, from hour, to hour).
HOURS = ((0.6, 5, 9), (0.3, 9, 19), (0.1, 19, 24))


@dataclass(frozen=True)
class Run:
    """One run: when it is triggered, in minutes of the day."""

    minute: float
    dag_id: str
    conf: dict[str, Any]


@dataclass(frozen=True)
class Mix:
    """The day at some size.

    Attributes:
        share: of the whole day's runs, from 0 to 1.
    """

    share: float = 1.0

    @property
    def squads(self) -> int:
        """As many as make 75 DAGs with the repository's own."""
        return DAGS - own_dags()

    @property
    def own(self) -> dict[str, int]:
        """Runs of the repository's own DAGs."""
        return {dag_id: max(1, round(runs * self.share)) for dag_id, (runs, _) in OWN.items()}

    @property
    def squad_runs(self) -> int:
        """Runs of all squads together."""
        return round(RUNS * self.share) - sum(self.own.values())

    @property
    def workbooks(self) -> int:
        """Of all squads: a task each in each of their runs, as many as make the day's tasks."""
        own = sum(runs * OWN[dag_id][1] for dag_id, runs in self.own.items())
        return math.ceil((TASKS * self.share - own) / self.squad_runs * self.squads)

    @property
    def failing_runs(self) -> int:
        """Runs that have to fail: a squad's spec is broken."""
        return len(range(0, self.squad_runs, self.squads))

    def runs(self, seed: int = 7) -> list[Run]:
        """All of them, in the order of their times."""
        draw = random.Random(seed)
        found = []
        for dag_id, count in self.own.items():
            for number in range(count):
                even = MINUTES * (number + 0.5) / count
                minute = even if dag_id in EVEN else _minute(draw)
                found.append(Run(minute, dag_id, self._conf(dag_id, number)))
        squads = self.squads
        found += [Run(_minute(draw), f"sheets_sync_{squad(number % squads)}", {}) for number in range(self.squad_runs)]
        return sorted(found, key=lambda run: (run.minute, run.dag_id))

    def _conf(self, dag_id: str, number: int) -> dict[str, Any]:
        if dag_id != "sheets_request":
            return {}
        workbook = number % self.workbooks
        team = squad(workbook % self.squads)
        return {"syncs": [f"bench_{workbook}"], "team": team, "reason": "the benchmark's day"}


def _minute(draw: random.Random) -> float:
    _, begin, end = draw.choices(HOURS, [share for share, _, _ in HOURS])[0]
    return draw.uniform(begin, end) * 60


def injected(dag_id: str, task_id: str) -> bool:
    """Whether that task has to fail."""
    return dag_id == f"sheets_sync_{FAILING}" and task_id == BROKEN
