"""The few reads of Airflow's REST API, from a server of our own that answers as Airflow does."""

from __future__ import annotations

import datetime as dt
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from drivetrain.errors import AccessDeniedError, CredentialsError, FatalError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)


class Airflow(BaseHTTPRequestHandler):
    """Answers by `status`, else with versions, one a minute back from noon."""

    status: ClassVar[dict[str, list[int]]] = {}
    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({"access_token": "a-token"})

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.asked.append(path)
        if path.endswith("importErrors"):
            self.answer({"import_errors": [{"filename": "dags/a.py", "stack_trace": "no"}], "total_entries": 1})
            return
        offset, limit = int(query["offset"][0]), int(query["limit"][0])
        made = [(NOON - dt.timedelta(minutes=number)).isoformat() for number in range(250)]
        versions = [
            {"dag_id": "one", "version_number": 250 - number, "created_at": at, "bundle_version": None}
            for number, at in enumerate(made)
        ][offset : offset + limit]
        self.answer({"dag_versions": versions, "total_entries": len(made)})

    def answer(self, body: Any) -> None:
        statuses = self.status.get(urlsplit(self.path).path, [])
        status = statuses.pop(0) if statuses else 200
        data = json.dumps(body if status < 400 else {"detail": "no"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))


@pytest.fixture
def url() -> Iterator[str]:
    Airflow.status, Airflow.asked = {}, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Airflow) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def api(url: str, password: str = "right") -> Any:
    from hooks.airflow_api import AirflowApi, Login

    return AirflowApi(Login(url, "ada", password))


def test_versions_are_read_newest_first_and_no_further_than_asked_for(url: str) -> None:
    with api(url) as airflow:
        versions = list(airflow.versions_since(NOON - dt.timedelta(minutes=120)))
        assert [versions[0].number, versions[-1].number, len(versions)] == [250, 130, 121]
        assert len(Airflow.asked) == 2, "pages"
        assert airflow.import_errors() == {"dags/a.py": "no"}


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [("/auth/token", 401, CredentialsError), ("/api/v2/importErrors", 403, AccessDeniedError)],
)
def test_a_refusal_names_the_user_and_is_not_tried_again(url: str, path: str, status: int, error: type) -> None:
    Airflow.status[path] = [status]
    with api(url) as airflow, pytest.raises(error, match="user ada"):
        airflow.import_errors()


def test_a_blink_is_tried_again_and_an_airflow_that_is_away_is_said_so(url: str) -> None:
    Airflow.status["/api/v2/importErrors"] = [503]
    with api(url) as airflow:
        assert airflow.import_errors() == {"dags/a.py": "no"}
    with api("http://127.0.0.1:9") as airflow, pytest.raises(UnavailableError, match="ConnectError"):
        airflow.import_errors()


def test_a_login_shows_no_password_and_needs_all_of_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    from hooks.airflow_api import Login

    assert "right" not in repr(Login("http://x", "ada", "right"))
    for name in ("AIRFLOW_URL", "AIRFLOW_USER", "AIRFLOW_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIRFLOW_URL", "http://x")
    with pytest.raises(FatalError, match="AIRFLOW_USER, AIRFLOW_PASSWORD: not set"):
        Login.from_environment()
