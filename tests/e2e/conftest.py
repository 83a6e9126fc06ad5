from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import sqlalchemy as sa

from standins.platform import runs
from standins.platform.connections import connections
from standins.platform.secrets import ADMIN, Secrets
from standins.platform.testing import LocalPlatform
from tests.support.browser import CHROMIUM, Tab, browser_tab
from tests.support.postgres import database_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
makes_pictures = pytest.mark.skipif(
    os.environ.get("DRIVETRAIN_WRITE_DOCS") != "1", reason="pictures are made on request"
)
PICTURES = Path(__file__).parents[2] / "docs" / "img"


@pytest.fixture(scope="session")
def platform() -> Iterator[LocalPlatform]:
    """The whole platform, as `make up` starts it, on ports and in a folder of its own."""
    with LocalPlatform() as running:
        running.wait_for_version(running.push())
        yield running


def token(platform: LocalPlatform, name: str, password: str) -> str:
    """A user's, for the API or as a browser's cookie."""
    answer = httpx.post(
        f"{platform.airflow_url}/auth/token", json={"username": name, "password": password}, trust_env=False
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["access_token"])


@pytest.fixture
def admin(platform: LocalPlatform) -> str:
    return token(platform, ADMIN, Secrets.of(platform.layout.secrets_file).admin_password)


@pytest.fixture
def tab(platform: LocalPlatform, admin: str, tmp_path: Path) -> Iterator[Tab]:
    """A browser in which the administrator is logged in."""
    with browser_tab(tmp_path / "browser") as opened:
        cookie = {"name": "_token", "value": admin, "url": platform.airflow_url, "httpOnly": True, "sameSite": "Lax"}
        opened.call("Network.setCookie", **cookie)
        yield opened


def state_of(platform: LocalPlatform) -> Engine:
    """The platform's own state; to be disposed of."""
    found = connections(platform.layout, Secrets.of(platform.layout.secrets_file))
    return sa.create_engine(database_url(found["drivetrain_state"]))


def in_theme(tab: Tab, platform: LocalPlatform, theme: str) -> None:
    """Let pages be light or dark from now on."""
    tab.open(f"{platform.airflow_url}/drivetrain/static/boards.css")
    tab.wait("document.body !== null")
    tab.run(f"localStorage.setItem('theme', '{theme}')")


def run_dag(platform: LocalPlatform, dag_id: str, conf: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Trigger a DAG over REST, follow it to its end; state and outcome of each sync or load that it ran."""
    api = platform.api
    api.write("PATCH", f"dags/{dag_id}", {"is_paused": False})
    run = api.write("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf or {}})
    end = runs.follow(api, [dag_id], run["dag_run_id"], lambda _: None)
    return {
        row.name: {
            "task_id": row.task_id,
            "state": row.state,
            "run_id": run["dag_run_id"],
            "error": runs.error_line(api, row) if row.state == "failed" else "",
            **row.summary,
        }
        for row in end.rows
    }
