"""Files and messages that begin runs: whether anybody waits for them yet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from standins.supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from standins.platform.api import AirflowApi

_POLL_SECONDS = 0.5


def wait_for_watcher(api: AirflowApi, dag_id: str, asset: str, timeout_seconds: float = 60.0) -> None:
    """Return once the triggerer waits for an asset's events.

    Airflow begins with it when it reads the file of a DAG that is not paused, so it is asked to read it.

    Raises:
        SupervisorError: it did not in time.
    """
    (dag,) = (dag for dag in api.items("dags", "dags") if dag["dag_id"] == dag_id)
    deadline = time.monotonic() + timeout_seconds
    while True:
        found = [each for each in api.items("assets", "assets") if each["name"] == asset]
        if found and found[0]["watchers"]:
            return
        if time.monotonic() > deadline:
            raise SupervisorError(f"Nobody waited for {asset!r} within {timeout_seconds:g} s. Is {dag_id} paused?")
        api.put(f"parseDagFile/{dag['file_token']}")
        time.sleep(_POLL_SECONDS)
