"""The health check that containers run, against a server that answers as Airflow does."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.docker.files import REPOSITORY

HEALTH = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "unhealthy"},
    "dag_processor": {"status": "healthy"},
    "triggerer": {"status": None},
}


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        known = {"/api/v2/monitor/health": json.dumps(HEALTH), "/healthz": "ok"}
        self.send_response(200 if self.path in known else 503)
        self.end_headers()
        self.wfile.write(known.get(self.path, "").encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def check(*arguments: str) -> tuple[int, str]:
    script = str(REPOSITORY / "k8s" / "compose" / "health.py")
    result = subprocess.run(
        [sys.executable, "-I", "-S", script, *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    return result.returncode, result.stderr.strip()


@pytest.mark.parametrize("what", ["api-server", "dag-processor", "/healthz"])
def test_a_part_that_is_well_ends_with_code_0_and_says_nothing(address, what):
    assert check(what, address) == (0, "")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("scheduler", "scheduler: Airflow calls it unhealthy"),
        ("triggerer", "triggerer: Airflow calls it not running"),
        ("/elsewhere", "answered 503"),
        ("webserver", "KeyError 'webserver'"),
    ],
)
def test_a_part_that_is_not_ends_with_code_1_and_one_line(address, what, message):
    code, said = check(what, address)
    assert code == 1
    assert message in said
    assert "\n" not in said


def test_no_server_at_all_is_one_line_too():
    code, said = check("api-server", "127.0.0.1:9")
    assert code == 1
    assert "ConnectionRefusedError" in said
