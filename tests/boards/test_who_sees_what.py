"""Rights: nobody sees or does more than Airflow lets them with the team's DAG."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

from tests.boards.conftest import EVERYTHING, User
from tests.support.board import fill

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from tests.boards.conftest import Board

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def syncs(engine: Engine) -> dict[str, str]:
    """A sync of each team, by the team's name."""
    fill(engine, syncs=3, runs=3, days=2, now=NOW, teams=["retail", "growth", "pricing"])
    with engine.connect() as connection:
        return {row.team: row.sync for row in connection.execute(sa.text("SELECT team, sync FROM sheet_syncs"))}


def jobs(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text("SELECT * FROM jobs ORDER BY id")).mappings())


def paused(engine: Engine, sync: str) -> str | None:
    with engine.connect() as connection:
        query = sa.text("SELECT paused_by FROM sheet_syncs WHERE sync = :sync AND paused_at IS NOT NULL")
        return connection.execute(query, {"sync": sync}).scalar()


@pytest.mark.parametrize(
    ("rights", "status", "buttons"),
    [
        ({}, 404, []),
        ({"run", "edit"}, 404, []),
        ({"read"}, 200, []),
        ({"read", "run"}, 200, ["run"]),
        ({"read", "edit"}, 200, ["pause"]),
        (EVERYTHING, 200, ["run", "pause"]),
    ],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else None,
)
def test_a_right_shows_what_it_is_for_and_nothing_else(
    board: Board, engine: Engine, syncs: dict[str, str], rights: set[str], status: int, buttons: list[str]
) -> None:
    board.user = User(rights={"retail": rights, "growth": EVERYTHING})
    sync = syncs["retail"]
    assert (sync in board.get("/sheets").text) is (status == 200)
    page = board.get(f"/sheets/{sync}")
    assert page.status_code == status
    assert [name for name in ("run", "pause", "resume") if f'/{name}"' in page.text] == buttons
    run = board.post(f"/sheets/{sync}/run", {"request_id": "a" * 32})
    pause = board.post(f"/sheets/{sync}/pause")
    refused = 404 if status == 404 else 403
    assert run.status_code == (303 if "run" in buttons else refused)
    assert pause.status_code == (303 if "pause" in buttons else refused)
    assert len(jobs(engine)) == ("run" in buttons)
    assert paused(engine, sync) == ("asha" if "pause" in buttons else None)


def test_other_teams_are_not_even_counted_offered_or_found(board: Board, syncs: dict[str, str]) -> None:
    board.user = User(rights={"retail": {"read"}})
    page = board.get("/sheets").text
    assert syncs["retail"] in page
    assert "growth" not in page
    assert "All <b>1</b>" in page
    for asked in ("/sheets?team=growth", f"/sheets?q={syncs['growth']}"):
        answer = board.get(asked).text
        assert "Nothing matches" in answer
        assert "All <b>0</b>" in answer
    hidden, absent = board.get(f"/sheets/{syncs['growth']}"), board.get("/sheets/no_such_sync")
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.text.replace(syncs["growth"], "no_such_sync") == absent.text


def test_a_user_without_any_team_is_told_why_the_list_is_empty(board: Board, syncs: dict[str, str]) -> None:
    board.user = User()
    assert "There are no syncs that you may see" in board.get("/sheets").text


def test_nobody_gets_a_login_and_no_data(board: Board, engine: Engine, syncs: dict[str, str]) -> None:
    board.user = None
    page = board.get("/sheets?q=x", headers={"Sec-Fetch-Dest": "document"})
    assert page.status_code == 302
    assert page.headers["location"] == "/api/v2/auth/login?next=%2Fdrivetrain%2Fsheets%3Fq%3Dx"
    for path in ("/sheets", f"/sheets/{syncs['retail']}"):
        for headers in ({"Sec-Fetch-Dest": "iframe"}, {}):
            answer = board.get(path, headers=headers)
            assert answer.status_code == 401
            assert "data-open" not in answer.text
            assert "Runs" not in answer.text
    for action in ("run", "pause", "resume"):
        assert board.post(f"/sheets/{syncs['retail']}/{action}", {"request_id": "a" * 32}).status_code == 401
    assert jobs(engine) == []


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "http://airflow.example"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://airflow.example"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "http://airflow.example.evil.example"}, False),
        ({"Origin": "https://airflow.example"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
        ({"Authorization": "Bearer whatever"}, False),
    ],
    ids=str,
)
def test_only_our_own_pages_change_anything(
    board: Board, engine: Engine, syncs: dict[str, str], headers: dict[str, str], allowed: bool
) -> None:
    sync = syncs["retail"]
    assert board.post(f"/sheets/{sync}/pause", headers=headers).status_code == (303 if allowed else 403)
    assert board.post(f"/sheets/{sync}/run", {"request_id": "b" * 32}, headers).status_code == (303 if allowed else 403)
    assert (paused(engine, sync), len(jobs(engine))) == (("asha", 1) if allowed else (None, 0))
    assert board.get(f"/sheets/{sync}/pause").status_code == 405, "a link changes nothing"


@pytest.mark.parametrize(
    ("role", "sees", "runs", "pauses"),
    [
        (None, False, False, False),
        ("VIEWER", True, False, False),
        ("USER", True, True, True),
        ("ADMIN", True, True, True),
    ],
)
def test_the_simple_auth_managers_roles_mean_what_they_mean_for_dags(
    board: Board, syncs: dict[str, str], role: str | None, sees: bool, runs: bool, pauses: bool
) -> None:
    board.boards.dependency_overrides[get_auth_manager] = SimpleAuthManager
    board.user = SimpleAuthManagerUser(username="asha", role=role)  # type: ignore[assignment]
    sync = syncs["pricing"]
    assert (sync in board.get("/sheets").text) is sees
    page = board.get(f"/sheets/{sync}").text
    assert ((f"/{sync}/run" in page), (f"/{sync}/pause" in page)) == (runs, pauses)
