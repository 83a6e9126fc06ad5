"""Two DAGs with half a year of runs in Airflow's own tables, and how to look at what is left."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from drivetrain.cleanup.retention import Batches, Retention
from tests.support.airflow_history import DAY, NOON, add_runs, insert

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

GENTLE = Retention(batches=Batches(rest=0, most_rows=100), latest_runs=2)
OLD = NOON - 100 * DAY


def counts(engine: Engine) -> Counter[str]:
    """Rows of every table that has any."""
    with engine.connect() as connection:
        query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        names = connection.execute(sa.text(query)).scalars().all()
        return +Counter(
            {name: connection.execute(sa.text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in names}
        )


def run_ids(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text("SELECT run_id FROM dag_run ORDER BY 1")).scalars())


def execute(engine: Engine, statement: str, **given: Any) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement), given)


def everywhere(connection: Connection) -> None:
    """A row in each table that belongs to runs, for one run of 100 days ago."""
    add_runs(connection, "dag_id = 'dag_0'", 1, until=OLD, run_id="'full'", tasks=2)
    task = "task_instance i JOIN dag_run r ON r.dag_id = i.dag_id AND r.run_id = i.run_id WHERE r.run_id = 'full'"
    key = {"dag_id": "i.dag_id", "task_id": "i.task_id", "run_id": "i.run_id", "map_index": "i.map_index"}
    insert(connection, "task_instance_history", task, **key, task_instance_id="i.id", try_number="1")
    for table in ("task_instance_note", "hitl_detail"):
        insert(connection, table, task, ti_id="i.id")
    insert(connection, "hitl_detail_history", task, ti_history_id="i.id")
    insert(connection, "task_reschedule", f"generate_series(1, 300), {task}", ti_id="i.id")
    insert(connection, "task_map", task, **key, length="1")
    run = "dag_run r WHERE r.run_id = 'full'"
    insert(connection, "task_state_store", run, dag_run_id="r.id", key="'k'", dag_id="r.dag_id", run_id="r.run_id")
    insert(connection, "asset", name="'cars'", uri="'cars'")
    insert(connection, "asset_event", "asset a", asset_id="a.id", timestamp=f"'{OLD.isoformat()}'::timestamptz")
    insert(connection, "dagrun_asset_event", f"asset_event e, {run}", dag_run_id="r.id", event_id="e.id")
    insert(connection, "asset_partition_dag_run", run, created_dag_run_id="r.id", target_dag_id="r.dag_id")
    insert(connection, "callback", state="'scheduled'", created_at=f"'{OLD.isoformat()}'::timestamptz")
    insert(connection, "deadline", f"callback c, {run}", dagrun_id="r.id", callback_id="c.id")
    insert(connection, "dag_run_note", run, dag_run_id="r.id")
