"""What is read of Airflow's audit log, from a server that answers as Airflow's API does."""

from __future__ import annotations

import datetime as dt
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from drivetrain.errors import AccessDeniedError
from drivetrain.kubernetes.alerts import PodEvent
from hooks.airflow_api import Login
from hooks.pod_events import PodEventsApi

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
LINE = "[oom_killed] pod a: container base was killed. Fix: give it more (a retry can't help)"


def row(number: int, **more: str | None) -> dict[str, str | None]:
    return {
        "dag_id": "sheets_load_retail",
        "task_id": f"task_{number}",
        "run_id": "manual",
        "when": "2026-11-26T12:00:00Z",
        "extra": LINE,
        **more,
    }


class Airflow(BaseHTTPRequestHandler):
    """Pages of two; a DAG that is there and one that is not."""

    rows = (row(0), row(1), row(2), row(3, dag_id=None))
    asked: list[dict[str, list[str]]]
    status = 200

    def do_POST(self) -> None:
        self._say(201, {"access_token": "t"})

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        if where.path == "/api/v2/eventLogs":
            query = parse_qs(where.query)
            self.asked.append(query)
            start = int(query["offset"][0])
            self._say(self.status, {"event_logs": self.rows[start : start + 2], "total_entries": len(self.rows)})
        elif where.path == "/api/v2/dags/sheets_load_retail":
            self._say(200, {"tags": [{"name": "sheet-load"}, {"name": "team:retail"}]})
        else:
            self._say(404, {"detail": "no such DAG"})

    def _say(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def airflow() -> Iterator[tuple[type[Airflow], PodEventsApi]]:
    handler = type("Handler", (Airflow,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with PodEventsApi(Login(f"http://127.0.0.1:{server.server_port}", "user", "password")) as api:
        yield handler, api
    server.shutdown()
    server.server_close()


def test_all_pages_are_read_and_events_of_no_task_are_left_out(airflow: tuple[type[Airflow], PodEventsApi]) -> None:
    handler, api = airflow
    events = api.pod_events(NOON)
    assert events == [PodEvent("sheets_load_retail", f"task_{n}", "manual", NOON, LINE) for n in range(3)]
    assert [query["event"] for query in handler.asked] == [["pod failed"]] * 2
    assert {query["after"][0] for query in handler.asked} == {NOON.isoformat()}


def test_a_dags_team_is_its_tag_and_a_dag_that_is_gone_has_none(airflow: tuple[type[Airflow], PodEventsApi]) -> None:
    _, api = airflow
    assert api.teams(["sheets_load_retail", "gone"]) == {"sheets_load_retail": "retail"}


def test_a_user_who_may_not_read_the_log_is_told_so(airflow: tuple[type[Airflow], PodEventsApi]) -> None:
    handler, api = airflow
    handler.status = 403
    with pytest.raises(AccessDeniedError, match="give its role the right"):
        api.pod_events(NOON)
