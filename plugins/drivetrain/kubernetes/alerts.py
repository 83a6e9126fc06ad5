"""What to tell of pods that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from drivetrain.alerts.alert import PLATFORM, Alert, Kind, Severity, one_line
from drivetrain.kubernetes.failures import PodFailure

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

# One node that went away is everyday life on spot nodes, and the task is tried again.
OFTEN = 3


@dataclass(frozen=True)
class PodEvent:
    """A pod that failed, as the executor wrote it into Airflow's audit log.

    Attributes:
        line: see PodFailure.line.
    """

    dag_id: str
    task_id: str
    run_id: str
    at: dt.datetime
    line: str


def pod_alerts(events: Iterable[PodEvent], team_of: Mapping[str, str]) -> tuple[Alert, ...]:
    """One alert for each task and class: at once where no retry helps, else from OFTEN on.

    Args:
        events: of the time that is looked at, in any order.
        team_of: teams by DAG; the others' are the platform's.
    """
    found: dict[tuple[str, str, str], list[tuple[PodEvent, PodFailure]]] = {}
    for event in events:
        failure = PodFailure.parse(event.line)
        if failure is not None:
            found.setdefault((event.dag_id, event.task_id, failure.kind.value), []).append((event, failure))
    alerts = []
    for (dag_id, task_id, kind), seen in sorted(found.items()):
        event, failure = max(seen, key=lambda one: one[0].at)
        if failure.retriable and len(seen) < OFTEN:
            continue
        times = f" ({len(seen)} times)" if len(seen) > 1 else ""
        dag, run, task = (quote(part, safe="") for part in (dag_id, event.run_id, task_id))
        alerts.append(
            Alert(
                kind=Kind.POD,
                subject=f"{dag_id}/{task_id}/{kind}",
                severity=Severity.WARNING if failure.retriable else Severity.CRITICAL,
                team=team_of.get(dag_id, PLATFORM),
                line=one_line(f"task {dag_id}.{task_id}: {failure.what}{times}"),
                fix=failure.fix,
                page=f"/dags/{dag}/runs/{run}/tasks/{task}",
                runbook=f"pods.md#{kind.replace('_', '-')}",
                since=min(one.at for one, _ in seen),
            )
        )
    return tuple(alerts)
