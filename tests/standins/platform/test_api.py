from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from standins.platform import runs
from standins.platform.api import AirflowApi
from standins.supervisor.errors import SupervisorError


class FakeAirflow(httpx.BaseTransport):
    """Answers as Airflow's REST API does: tokens that can run out, pages, two DAGs whose runs take two polls."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.password = "secret"
        self.tokens = 0
        self.accepted: set[str] = set()
        self.polls = 0
        self.triggered: list[Any] = []
        self.returned: Any = {"rows": 7}
        self.others: list[dict[str, Any]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        path = request.url.path
        if path == "/auth/token":
            if body["password"] != self.password:
                return httpx.Response(401, json={"detail": "Invalid credentials"})
            self.tokens += 1
            self.accepted = {f"Bearer token-{self.tokens}"}
            return httpx.Response(201, json={"access_token": f"token-{self.tokens}"})
        if request.headers.get("Authorization") not in self.accepted:
            return httpx.Response(401, json={"detail": "Invalid JWT token"})
        self.log.append(f"{request.method} {path}")
        return self._answer(path.removeprefix("/api/v2/"), request, body)

    def _answer(self, path: str, request: httpx.Request, body: Any) -> httpx.Response:
        names = [f"sheets_sync_{team}" for team in ("bi", "lending")]
        if path == "dags":
            offset = int(request.url.params["offset"])
            page = [{"dag_id": name} for name in names[offset : offset + 1]]
            return httpx.Response(200, json={"dags": page, "total_entries": 2})
        if path == "dags/~/dagRuns/list":
            self.polls += 1
            state = "success" if self.polls > 1 else "queued" if self.others else "running"
            found = [{"dag_id": name, "dag_run_id": "r1", "state": state} for name in names] + self.others
            return httpx.Response(200, json={"dag_runs": found, "total_entries": len(found)})
        if path == "dags/~/dagRuns/~/taskInstances/list":
            state = "success" if self.polls > 1 else None
            found = [
                {
                    "dag_id": name,
                    "dag_run_id": "r1",
                    "task_id": "cars",
                    "task_display_name": "Cars",
                    "state": state,
                    "duration": 1.5 if state else None,
                    "start_date": None,
                    "try_number": 1,
                }
                for name in names
            ]
            return httpx.Response(200, json={"task_instances": found, "total_entries": 2})
        if path.endswith("xcomEntries/return_value"):
            return httpx.Response(200, json={"value": self.returned})
        if path == "dags/a/dagRuns":
            self.triggered.append(body)
        if path == "nothing":
            return httpx.Response(404, json={"detail": "no such thing"})
        return httpx.Response(200, json={})


@pytest.fixture
def airflow() -> FakeAirflow:
    return FakeAirflow()


@pytest.fixture
def api(airflow: FakeAirflow) -> AirflowApi:
    api = AirflowApi("http://airflow", "admin", "secret")
    api._transport = airflow
    return api


def test_a_token_is_asked_for_once_and_again_when_it_has_run_out(api: AirflowApi, airflow: FakeAirflow) -> None:
    assert api.get("dags/x").is_success
    assert api.get("dags/x").is_success
    assert airflow.tokens == 1
    airflow.accepted.clear()
    assert api.get("dags/x").is_success
    assert airflow.tokens == 2


def test_a_refused_login_is_told_and_not_repeated(api: AirflowApi, airflow: FakeAirflow) -> None:
    airflow.password = "another"
    with pytest.raises(SupervisorError, match=r"Airflow refused the login \(401\)"):
        api.get("dags")


def test_an_error_is_told_with_method_path_and_answer(api: AirflowApi) -> None:
    with pytest.raises(SupervisorError, match=r"Airflow answered 404 to GET /api/v2/nothing: .*no such thing"):
        api.read("nothing")


def test_a_listing_is_read_page_by_page(api: AirflowApi) -> None:
    assert runs.tagged_dags(api) == ["sheets_sync_bi", "sheets_sync_lending"]


def test_a_run_is_triggered_before_its_dag_wakes_up_and_counts_as_of_now(api: AirflowApi, airflow: FakeAirflow) -> None:
    before = datetime.now(UTC)
    runs.trigger(api, ["a"])
    assert airflow.log == ["POST /api/v2/dags/a/dagRuns", "PATCH /api/v2/dags/a"]
    assert before <= datetime.fromisoformat(airflow.triggered[0]["run_after"]) <= datetime.now(UTC)


def test_runs_are_followed_to_their_end_and_their_summaries_read_once(api: AirflowApi, airflow: FakeAirflow) -> None:
    shown: list[runs.Snapshot] = []
    end = runs.follow(api, ["sheets_sync_bi", "sheets_sync_lending"], "r1", shown.append, poll_seconds=0)
    assert [row.state for row in shown[0].rows] == ["waiting", "waiting"]
    assert end.finished
    assert [(row.team, row.summary) for row in end.rows] == [("bi", {"rows": 7}), ("lending", {"rows": 7})]
    assert sum(line.endswith("return_value") for line in airflow.log) == 2


def test_a_task_that_tells_of_several_things_has_a_row_for_each(api: AirflowApi, airflow: FakeAirflow) -> None:
    airflow.returned = {"sold": {"outcome": "written", "rows": 7}, "lost": {"outcome": "failed", "error": "no tab"}}
    shown: list[runs.Snapshot] = []
    end = runs.follow(api, ["sheets_sync_bi"], "r1", shown.append, poll_seconds=0)
    assert [row.name for row in shown[0].rows] == ["Cars", "Cars"]
    rows = [row for row in end.rows if row.dag_id == "sheets_sync_bi"]
    assert [(row.task_id, row.name, row.state, row.seconds) for row in rows] == [
        ("cars", "lost", "failed", 1.5),
        ("cars", "sold", "success", 0.0),
    ]
    assert runs.error_line(api, rows[0]) == "no tab"


def test_a_run_that_waits_for_another_of_its_dag_says_for_which(api: AirflowApi, airflow: FakeAirflow) -> None:
    airflow.others = [{"dag_id": "sheets_sync_bi", "dag_run_id": "scheduled", "state": "running"}]
    shown: list[runs.Snapshot] = []
    runs.follow(api, ["sheets_sync_bi"], "r1", shown.append, poll_seconds=0)
    assert [snapshot.behind for snapshot in shown] == [{"sheets_sync_bi": "scheduled"}, {}]
