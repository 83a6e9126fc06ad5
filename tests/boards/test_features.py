"""The board of features."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pytest

from drivetrain.state.feature_views import PostgresFeatureViews
from tests.boards.conftest import User
from tests.support.feature_board import PROJECT, REFUSAL, fill_view, spec_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from tests.boards.conftest import Board

NOW = dt.datetime.now(dt.UTC)
MINE = ("fresh", "stale", "odd")


@pytest.fixture
def board_of_views(board: Board, engine: Engine) -> Board:
    """One that is fresh, one that is late, one whose last run was refused, and one of somebody else."""
    fill_view(engine, spec_of("fresh"), NOW)
    fill_view(engine, spec_of("stale", freshness="1h", lands=False), NOW, age=dt.timedelta(hours=3))
    fill_view(engine, spec_of("odd"), NOW, refused=True)
    fill_view(engine, spec_of("theirs", team="lending"), NOW)
    board.user = User(rights={f"features_{view}": {"read"} for view in MINE})
    return board


def shown(page: str) -> list[str]:
    return re.findall(r'href="/drivetrain/features/(\w+)"', page)


def test_late_views_come_first_then_refused_ones_and_each_says_how_old_it_is(board_of_views: Board) -> None:
    page = board_of_views.get("/features").text
    assert shown(page) == ["stale", "odd", "fresh"]
    assert "All <b>3</b>" in page
    assert "Late <b>1</b>" in page
    assert REFUSAL in page
    assert "3 h" in page.split("stale</a>")[1]
    assert "11 of the last 12 runs" not in page
    assert "12 of the last 12 runs went well" in page


def test_a_view_is_as_visible_as_its_dag(board_of_views: Board) -> None:
    page = board_of_views.get("/features").text
    assert "theirs" not in page
    assert "lending" not in page
    assert board_of_views.get("/features/theirs").status_code == 404
    assert board_of_views.get("/features/fresh").status_code == 200
    board_of_views.user = User()
    assert board_of_views.get("/features/fresh").status_code == 404
    assert "There are no feature views that you may see" in board_of_views.get("/features").text
    board_of_views.user = None
    assert board_of_views.get("/features").status_code == 401


@pytest.mark.parametrize(
    ("query", "views"),
    [
        ("standing=late", ["stale"]),
        ("standing=refused", ["odd"]),
        ("standing=nonsense&page=-3", ["stale", "odd", "fresh"]),
        ("q=FRE", ["fresh"]),
        ("q=retail@&team=retail", ["stale", "odd", "fresh"]),
        ("team=lending", []),
        ("page=2", []),
        ("q=%00%27", []),
    ],
)
def test_filters_leave_what_was_asked_for(board_of_views: Board, query: str, views: list[str]) -> None:
    answer = board_of_views.get(f"/features?{query}")
    assert (answer.status_code, shown(answer.text)) == (200, views)


def test_a_views_page_has_its_runs_files_loads_and_audits_and_takes_no_text_for_markup(board_of_views: Board) -> None:
    page = board_of_views.get("/features/odd").text
    assert page.count("<tr data-row>") == 13
    assert "1 loaded, 1 set aside" in page
    assert "&lt;b&gt;price&lt;/b&gt;: the file has no such column" in page
    assert "price 1" in page
    assert "gs://landing/features/odd/" in page
    other = board_of_views.get("/features/stale").text
    assert ("Loads" in page, "Loads" in other) == (False, True)
    assert "Files" not in other.split("<h2>")[2]
    assert "9 of its 10 rows are rejected (at most 1.0%)" in other
    assert "car_id: is missing" in other
    assert "city &lt;i&gt;Pune&lt;/i&gt;" in other


def test_a_view_that_never_ran_counts_from_when_it_was_first_seen(board: Board, engine: Engine) -> None:
    views = PostgresFeatureViews(engine, PROJECT)
    views.register([spec_of("new")], NOW - dt.timedelta(hours=5))
    views.register([spec_of("new", freshness="2h")], NOW)
    board.user = User(rights={"features_new": {"read"}})
    page = board.get("/features").text
    assert "never" in page
    assert 'class="badge late"' in page


def test_a_view_without_a_spec_leaves_the_board_and_comes_back_with_it(board_of_views: Board, engine: Engine) -> None:
    views = PostgresFeatureViews(engine, PROJECT)
    views.register([spec_of("fresh")], NOW, only_these=True)
    assert shown(board_of_views.get("/features").text) == ["fresh"]
    views.register([spec_of("odd")], NOW)
    assert shown(board_of_views.get("/features").text) == ["odd", "fresh"]


def test_a_page_has_fifty_views_and_the_next_one_the_others(board: Board, engine: Engine) -> None:
    views = PostgresFeatureViews(engine, PROJECT)
    names = [f"view_{number:02}" for number in range(60)]
    views.register([spec_of(name) for name in names], NOW)
    board.user = User(rights={f"features_{name}": {"read"} for name in names})
    first, second = (shown(board.get(f"/features?page={page}").text) for page in (1, 2))
    assert (len(first), len(second)) == (50, 10)
    assert sorted(first + second) == names
