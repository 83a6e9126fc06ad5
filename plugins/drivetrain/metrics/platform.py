"""Numbers of the platform itself that Airflow does not send: pure, from one look into its database.

They are read, and not sent by a task: what has to be seen when nothing is scheduled any more can't wait for a task.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivetrain.metrics.measure import Measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PREFIX = "drivetrain"
COMPONENTS = {"SchedulerJob": "scheduler", "DagProcessorJob": "dag_processor", "TriggererJob": "triggerer"}
LIVE_STATES = ("scheduled", "queued", "running", "deferred")
TEXTS = {
    "database_bytes": "Size of Airflow's database.",
    "table_bytes": "Size of its largest tables, with indexes.",
    "table_rows": "Rows of its largest tables, as the planner estimates them.",
    "heartbeat_age_seconds": "Since the last heartbeat of the youngest process of its kind.",
    "bundle_refresh_age_seconds": "Since a DAG bundle was last refreshed.",
    "oldest_parse_age_seconds": "Since the DAG was parsed that waits the longest for it.",
    "tasks": "Task instances that have not ended.",
    "oldest_waiting_seconds": "How long the task instance has waited that waits the longest.",
    "task_queued_seconds": "From queued to running, of the tasks that started in the last 15 minutes.",
    "tasks_started": "Tasks that started in the last 15 minutes, of the latest runs.",
    "silent_tasks": "Running task instances without a heartbeat for two minutes.",
}


@dataclass(frozen=True)
class TableSize:
    """A table."""

    name: str
    total_bytes: int
    rows: int


@dataclass(frozen=True)
class Live:
    """Task instances of a pool in a state.

    Attributes:
        since: when the one got there that has been there the longest; None where the state tells no time.
    """

    pool: str
    state: str
    count: int
    since: dt.datetime | None = None


@dataclass(frozen=True)
class Queued:
    """How long tasks of a pool were queued that started lately, in seconds."""

    pool: str
    started: int
    p50: float
    p99: float


@dataclass(frozen=True)
class PlatformFacts:
    """One look.

    Attributes:
        at: aware, by the database's clock.
        heartbeats: by type of job.
        refreshed: by bundle; None: never.
        oldest_parse: of all DAGs that are not stale; None: there are none.
    """

    at: dt.datetime
    database_bytes: int
    silent_tasks: int
    oldest_parse: dt.datetime | None = None
    tables: Sequence[TableSize] = ()
    heartbeats: Mapping[str, dt.datetime | None] = field(default_factory=dict)
    refreshed: Mapping[str, dt.datetime | None] = field(default_factory=dict)
    live: Sequence[Live] = ()
    queued: Sequence[Queued] = ()
    pools: Sequence[str] = ()


def measures(facts: PlatformFacts) -> Iterator[Measure]:
    """Gauges. What is unknown is left out, never zero."""
    yield Measure("database_bytes", facts.database_bytes)
    for table in facts.tables:
        yield Measure("table_bytes", table.total_bytes, {"table": table.name})
        yield Measure("table_rows", table.rows, {"table": table.name})
    for job, component in COMPONENTS.items():
        if (beat := facts.heartbeats.get(job)) is not None:
            yield Measure("heartbeat_age_seconds", _age(facts, beat), {"component": component})
    for bundle, at in facts.refreshed.items():
        if at is not None:
            yield Measure("bundle_refresh_age_seconds", _age(facts, at), {"bundle": bundle})
    if facts.oldest_parse is not None:
        yield Measure("oldest_parse_age_seconds", _age(facts, facts.oldest_parse))
    yield from _tasks(facts)
    yield Measure("silent_tasks", facts.silent_tasks)


def _tasks(facts: PlatformFacts) -> Iterator[Measure]:
    known = {(one.pool, one.state): one for one in facts.live}
    for pool in sorted({*facts.pools, *(one.pool for one in facts.live)}):
        for state in LIVE_STATES:
            live = known.get((pool, state), Live(pool, state, 0))
            yield Measure("tasks", live.count, {"pool": pool, "state": state})
            if state in ("scheduled", "queued"):
                waited = _age(facts, live.since) if live.since else 0.0
                yield Measure("oldest_waiting_seconds", waited, {"pool": pool, "state": state})
    for queued in facts.queued:
        yield Measure("tasks_started", queued.started, {"pool": queued.pool})
        for quantile, seconds in (("0.5", queued.p50), ("0.99", queued.p99)):
            yield Measure("task_queued_seconds", seconds, {"pool": queued.pool, "quantile": quantile})


def _age(facts: PlatformFacts, then: dt.datetime) -> float:
    # Another machine's clock may be ahead.
    return max(0.0, round((facts.at - then).total_seconds(), 3))
