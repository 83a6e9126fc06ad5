"""How Airflow finds the boards."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.api_fastapi.core_api.datamodels.plugins import PluginResponse
from airflow.api_fastapi.core_api.security import get_user
from airflow.plugins_manager import AirflowPlugin
from fastapi import FastAPI
from fastapi.testclient import TestClient

import boards
from boards.plugin import PREFIX, BoardsPlugin
from tests.boards.conftest import User

if TYPE_CHECKING:
    from tests.boards.conftest import Board

HERE = Path(boards.__file__).parent


def test_the_entry_point_is_the_plugin() -> None:
    (point,) = [point for point in entry_points(group="airflow.plugins") if point.name == "drivetrain_boards"]
    assert point.load() is BoardsPlugin
    assert issubclass(BoardsPlugin, AirflowPlugin)


def test_airflow_can_show_its_navigation_entries_and_mount_its_application() -> None:
    plugin = BoardsPlugin()
    (app,) = plugin.fastapi_apps
    assert app["url_prefix"] == PREFIX
    views = plugin.external_views
    assert [view["href"] for view in views] == ["/drivetrain/sheets", "/drivetrain/features"]
    shown = {name: [] for name in PluginResponse.model_fields} | {"name": plugin.name, "source": "here"}
    read = PluginResponse.model_validate(shown | {"external_views": views}).external_views
    assert [view.name for view in read] == ["Sheet syncs", "Features"]
    for view in views:
        assert (HERE / "static" / Path(view["icon"]).name).is_file()
        assert (HERE / "static" / Path(view["icon_dark_mode"]).name).is_file()


def test_an_airflow_below_a_path_is_linked_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://data.example/airflow/")
    places = [view["href"] for view in BoardsPlugin().external_views]
    assert places == ["/airflow/drivetrain/sheets", "/airflow/drivetrain/features"]


def test_a_process_that_serves_no_pages_loads_no_pages() -> None:
    loaded = "[name for name in sys.modules if name.startswith('boards')]"
    code = f"import boards.plugin, sys; boards.plugin.BoardsPlugin(); print({loaded})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "['boards', 'boards.plugin']"


def test_nothing_comes_from_elsewhere() -> None:
    for file in [*HERE.rglob("*.html"), *HERE.rglob("*.css"), *HERE.rglob("*.js")]:
        assert "http" not in file.read_text().replace("http-equiv", ""), file


def test_pages_of_an_airflow_below_a_path_stay_there(board: Board) -> None:
    airflow = FastAPI(root_path="/airflow")
    airflow.mount(PREFIX, board.boards)
    client = TestClient(airflow, follow_redirects=False)
    path = "/airflow/drivetrain/sheets"
    answer = client.get(f"{path}?q=x", headers={"Sec-Fetch-Dest": "document"})
    expected = "/airflow/api/v2/auth/login?next=%2Fairflow%2Fdrivetrain%2Fsheets%3Fq%3Dx"
    assert answer.headers["location"] == expected
    board.boards.dependency_overrides[get_user] = lambda: User(rights={})
    page = client.get(path).text
    assert set(re.findall(r'(?:href|src|action)="(/[a-z]+/[a-z]+)', page)) == {"/airflow/drivetrain"}
