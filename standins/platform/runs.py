"""Triggers DAG runs and follows their tasks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from standins.platform.api import AirflowApi

TAG = "sheet-sync"
FINISHED = frozenset({"success", "failed"})
TASK_FINISHED = frozenset({"success", "failed", "upstream_failed", "skipped", "removed"})


@dataclass(frozen=True)
class TaskRow:
    """One task of a followed run, or one of several things that the task has told of.

    Attributes:
        name: the thing's name, such as a sync's; the task's for people where it is one thing, or has not told yet.
        state: Airflow's word for it; `waiting` where it has none yet.
        seconds: how long the task has run, or did; of several rows of a task the first has it.
        summary: what the task returned of it, once it ended.
    """

    dag_id: str
    run_id: str
    task_id: str
    name: str
    state: str
    try_number: int
    seconds: float
    summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def team(self) -> str:
        """The DAG's name without what all of them share."""
        return self.dag_id.removeprefix("sheets_sync_")


@dataclass(frozen=True)
class Snapshot:
    """Where the followed runs stand.

    Attributes:
        states: DAG id -> state of its run.
        rows: tasks, and what they told.
        behind: DAG id -> the run of that DAG that has to end before ours begins.
    """

    states: Mapping[str, str]
    rows: Sequence[TaskRow]
    behind: Mapping[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return all(state in FINISHED for state in self.states.values())

    @property
    def failed(self) -> list[TaskRow]:
        """What failed for good by itself."""
        return [row for row in self.rows if row.state == "failed"]

    @property
    def failed_dags(self) -> list[str]:
        """DAGs whose run failed."""
        return [dag_id for dag_id, state in self.states.items() if state == "failed"]


def tagged_dags(api: AirflowApi, tag: str = TAG) -> list[str]:
    """Ids of the DAGs that carry the tag."""
    return [dag["dag_id"] for dag in api.items("dags", "dags", tags=tag, order_by="dag_id")]


def trigger(api: AirflowApi, dag_ids: Sequence[str]) -> str:
    """Trigger one run of each DAG, then unpause it; returns the run id, the same for all.

    A DAG that wakes up may be due. Its scheduled run and ours are about the same interval, since ours counts as of now,
    so whichever comes second finds nothing left to do.
    """
    now = datetime.now(UTC)
    run_id = f"demo__{now:%Y-%m-%dT%H:%M:%S.%f}"
    for dag_id in dag_ids:
        body = {"dag_run_id": run_id, "logical_date": None, "run_after": now.isoformat()}
        api.write("POST", f"dags/{dag_id}/dagRuns", body)
        api.write("PATCH", f"dags/{dag_id}", {"is_paused": False})
    return run_id


def follow(
    api: AirflowApi,
    dag_ids: Sequence[str],
    run_id: str,
    show: Callable[[Snapshot], None],
    poll_seconds: float = 0.7,
) -> Snapshot:
    """Ask until every run has finished; `show` is called after each answer."""
    told: dict[tuple[str, str, int], Mapping[str, Any]] = {}
    while True:
        # The runs first: a run that has finished by then has all its tasks in the second answer.
        runs = list(api.batch("dags/~/dagRuns/list", "dag_runs", {"dag_ids": list(dag_ids)}))
        states = {run["dag_id"]: run["state"] for run in runs if run["dag_run_id"] == run_id}
        behind = {
            run["dag_id"]: run["dag_run_id"]
            for run in runs
            if run["state"] == "running" and states.get(run["dag_id"]) == "queued"
        }
        found = api.batch(
            "dags/~/dagRuns/~/taskInstances/list",
            "task_instances",
            {"dag_ids": list(dag_ids), "dag_run_ids": [run_id]},
        )
        tasks = sorted(found, key=lambda task: (task["dag_id"], task["task_display_name"]))
        snapshot = Snapshot(states, [row for task in tasks for row in _rows(api, task, told)], behind)
        show(snapshot)
        if snapshot.finished:
            return snapshot
        time.sleep(poll_seconds)


def _rows(
    api: AirflowApi, task: dict[str, Any], told: dict[tuple[str, str, int], Mapping[str, Any]]
) -> Iterator[TaskRow]:
    """A task's rows: one for each thing of which it returned a dict, else one."""
    place_in_map = task.get("map_index", -1)
    key = (task["dag_id"], task["task_id"], place_in_map)
    state = task["state"] or "waiting"
    if state in ("success", "failed") and key not in told:
        told[key] = _returned(api, task)
    seconds = task["duration"] or 0.0
    if state == "running" and task["start_date"]:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(task["start_date"])).total_seconds()
    name = task["task_display_name"] + (f" {place_in_map}" if place_in_map >= 0 else "")
    row = TaskRow(key[0], task["dag_run_id"], key[1], name, state, task["try_number"], seconds)
    returned = told.get(key, {})
    if not returned or not all(isinstance(value, dict) for value in returned.values()):
        yield replace(row, summary=returned)
        return
    for place, (name, summary) in enumerate(sorted(returned.items())):
        own = "failed" if summary.get("outcome") == "failed" else "success"
        yield replace(row, name=name, state=own, seconds=0.0 if place else seconds, summary=summary)


def _returned(api: AirflowApi, task: dict[str, Any]) -> Mapping[str, Any]:
    path = (
        f"dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/xcomEntries/return_value"
    )
    response = api.get(path, params={"map_index": task.get("map_index", -1)})
    value = response.json()["value"] if response.is_success else None
    return value if isinstance(value, dict) else {}


def error_line(api: AirflowApi, row: TaskRow) -> str:
    """Why something failed: its task's word for it, or the line of the task's log that tells."""
    if error := row.summary.get("error"):
        return str(error)
    path = f"dags/{row.dag_id}/dagRuns/{row.run_id}/taskInstances/{row.task_id}/logs/{max(row.try_number, 1)}"
    response = api.get(path, headers={"Accept": "application/json"})
    content = response.json().get("content", []) if response.is_success else []
    events = [event for event in content if isinstance(event, dict)]
    # A structured log names the exception; the outermost is the last of the list's first entry.
    for event in reversed(events):
        for detail in event.get("error_detail") or []:
            return f"{detail.get('exc_type', 'Error')}: {detail.get('exc_value', '')}".strip()
    errors = [event["event"] for event in events if event.get("level") in ("error", "critical")]
    return str(errors[-1]).splitlines()[-1] if errors else "its log names no error"
