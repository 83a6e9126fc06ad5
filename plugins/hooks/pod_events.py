"""Pods that failed, as hooks.pod_executor wrote them into Airflow's audit log, by Airflow's REST API."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from urllib.parse import quote

from drivetrain.dags.parsed import TEAM_TAG
from drivetrain.errors import RequestRejectedError
from drivetrain.kubernetes.alerts import PodEvent
from hooks.airflow_api import AirflowApi

if TYPE_CHECKING:
    from collections.abc import Iterable

EVENT = "pod failed"


class PodEventsApi(AirflowApi):
    """The user needs to read the audit log and DAGs."""

    def pod_events(self, since: dt.datetime) -> list[PodEvent]:
        """Of all DAGs, from a time on. Raises as AirflowApi."""
        items = self._items("eventLogs", "event_logs", event=EVENT, after=since.isoformat())
        return [
            PodEvent(
                item["dag_id"],
                item["task_id"],
                item["run_id"] or "",
                dt.datetime.fromisoformat(item["when"]),
                item["extra"] or "",
            )
            for item in items
            if item["dag_id"] and item["task_id"]
        ]

    def teams(self, dag_ids: Iterable[str]) -> dict[str, str]:
        """Teams by DAG, as the tag `team:` says; DAGs that are gone have none."""
        found = {}
        for dag_id in dag_ids:
            try:
                tags = self._read(f"dags/{quote(dag_id, safe='')}", {})["tags"]
            except RequestRejectedError:
                continue
            teams = [tag["name"].removeprefix(TEAM_TAG) for tag in tags if tag["name"].startswith(TEAM_TAG)]
            if teams:
                found[dag_id] = teams[0]
        return found
