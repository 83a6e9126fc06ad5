# ruff: noqa: S608 - made of constants of this file alone; every value is a parameter
"""Airflow's tables in the order in which rows may go: children before parents.

The columns and the foreign keys are those of Airflow 3.3. A test compares this list with the schema that is installed,
so that an upgrade which adds a table fails there and not at night.

Not here, and so never touched: `dag` (Airflow marks DAGs that are gone as stale, and a processor that is down for long
would look the same), `trigger` (deleting one deletes the task that waits for it; the triggerer removes what nobody
waits for), `import_error`, `dag_warning`, `revoked_token` and `task_state_store` of young runs (Airflow clears them
itself), `backfill`, and what people and Git own: connections, variables, pools, users.
"""

from __future__ import annotations

from dataclasses import dataclass

FINISHED = ("success", "failed")
# States in which a task instance may still run, or be run. One of them in a run that ended: somebody cleared a task.
ALIVE = (
    "scheduled",
    "queued",
    "running",
    "restarting",
    "up_for_retry",
    "up_for_reschedule",
    "deferred",
    "awaiting_input",
)

_RUNS = "SELECT r.dag_id, r.run_id FROM dag_run r WHERE r.id = ANY(:runs)"
_TASKS = "JOIN dag_run r ON r.dag_id = i.dag_id AND r.run_id = i.run_id WHERE r.id = ANY(:runs)"
_TASK_IDS = f"SELECT i.id FROM task_instance i {_TASKS}"
_TASK_KEYS = f"SELECT i.dag_id, i.task_id, i.run_id, i.map_index FROM task_instance i {_TASKS}"
_TRIES = f"SELECT i.task_instance_id FROM task_instance_history i {_TASKS}"
_KEY = "(t.dag_id, t.task_id, t.run_id, t.map_index)"


@dataclass(frozen=True)
class Part:
    """A table with rows that belong to DAG runs.

    Attributes:
        table: its name.
        rows: SQL: which rows `t` belong to the runs with the ids :runs, by an index of the table.
    """

    table: str
    rows: str


RUN_PARTS = (
    Part("hitl_detail_history", f"t.ti_history_id IN ({_TRIES})"),
    Part("task_instance_history", f"(t.dag_id, t.run_id) IN ({_RUNS})"),
    Part("hitl_detail", f"t.ti_id IN ({_TASK_IDS})"),
    Part("task_instance_note", f"t.ti_id IN ({_TASK_IDS})"),
    Part("task_reschedule", f"t.ti_id IN ({_TASK_IDS})"),
    Part("rendered_task_instance_fields", f"{_KEY} IN ({_TASK_KEYS})"),
    Part("task_map", f"{_KEY} IN ({_TASK_KEYS})"),
    Part("xcom", "t.dag_run_id = ANY(:runs)"),
    Part("task_instance", f"(t.dag_id, t.run_id) IN ({_RUNS})"),
    Part("task_state_store", "t.dag_run_id = ANY(:runs)"),
    Part("dagrun_asset_event", "t.dag_run_id = ANY(:runs)"),
    Part("asset_partition_dag_run", "t.created_dag_run_id = ANY(:runs)"),
    Part("deadline", "t.dagrun_id = ANY(:runs)"),
    Part("dag_run_note", "t.dag_run_id = ANY(:runs)"),
    Part("dag_run", "t.id = ANY(:runs)"),
)


@dataclass(frozen=True)
class Aged:
    """A table with rows that go by their own age.

    Attributes:
        table: its name.
        order: columns of an index, in whose order the table is walked a window at a time.
        old: SQL: which rows `t` may go, given :before and, for dag_version, :latest.
        window: SQL: which rows are worth a look; lets the walk end early where the order is the time.
        parts: (table, column) of rows that go with them.
        is_archived: whether rows are copied to the archive. Never what holds secrets.
    """

    table: str
    order: tuple[str, ...]
    old: str
    window: str = "true"
    parts: tuple[tuple[str, str], ...] = ()
    is_archived: bool = False


AGED = (
    Aged("log", ("dttm", "id"), "t.dttm < :before", window="t.dttm < :before", is_archived=True),
    Aged(
        "partitioned_asset_key_log",
        ("id",),
        "t.created_at < :before AND NOT EXISTS "
        "(SELECT 1 FROM asset_partition_dag_run p WHERE p.id = t.asset_partition_dag_run_id)",
    ),
    Aged(
        "asset_event",
        ("id",),
        "t.timestamp < :before "
        # its asset's newest stays: the UI shows it
        "AND EXISTS (SELECT 1 FROM asset_event n WHERE n.asset_id = t.asset_id AND n.timestamp > t.timestamp) "
        # a run that it made is still there, or one is about to be made
        "AND NOT EXISTS (SELECT 1 FROM dagrun_asset_event d WHERE d.event_id = t.id) "
        "AND NOT EXISTS (SELECT 1 FROM asset_dag_run_queue q WHERE q.asset_id = t.asset_id) "
        "AND t.id NOT IN (SELECT p.asset_event_id FROM partitioned_asset_key_log p)",
        is_archived=True,
    ),
    Aged(
        "callback",
        ("id",),
        # A deadline that was not missed has a callback that waits for ever once the run, and so the deadline, is gone.
        "t.created_at < :before AND (t.state IN ('success', 'failed') OR (t.state = 'scheduled' "
        "AND NOT EXISTS (SELECT 1 FROM deadline d WHERE d.callback_id = t.id)))",
    ),
    Aged("job", ("id",), "t.latest_heartbeat < :before"),
    Aged("session", ("id",), "t.expiry < :before"),
    Aged(
        "connection_test_request",
        ("id",),
        "t.updated_at < :before AND t.state IN ('success', 'failed')",
    ),
)

DAG_VERSIONS = Aged(
    "dag_version",
    ("dag_id", "version_number"),
    "t.created_at < :before AND t.version_number < (SELECT v.version_number FROM dag_version v "
    "WHERE v.dag_id = t.dag_id ORDER BY v.version_number DESC OFFSET :latest - 1 LIMIT 1) "
    # The first refuses the delete, the second would lose the version that it shows.
    "AND NOT EXISTS (SELECT 1 FROM task_instance i WHERE i.dag_version_id = t.id) "
    "AND NOT EXISTS (SELECT 1 FROM dag_run r WHERE r.created_dag_version_id = t.id) "
    "AND NOT EXISTS (SELECT 1 FROM task_instance_history h WHERE h.dag_id = t.dag_id AND h.dag_version_id = t.id)",
    parts=(("serialized_dag", "dag_version_id"), ("dag_code", "dag_version_id")),
)
