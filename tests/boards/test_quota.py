"""The page of Google's quota, over a real Valkey."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

from drivetrain.quota.limits import Limits
from drivetrain.quota.port import Kind, Priority
from hooks.sheets_quota import RedisQuota, redis_client
from tests.boards.conftest import User
from tests.support.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.boards.conftest import Board

ONE, TWO = "sync-1@project.iam.gserviceaccount.com", "sync-2@project.iam.gserviceaccount.com"
PATHS = ("/quota", "/quota/live", "/quota/usage")


@pytest.fixture
def valkey(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Valkey]:
    with Valkey(tmp_path) as server:
        connection = {"conn_type": "redis", "host": "127.0.0.1", "port": server.port}
        monkeypatch.setenv("AIRFLOW_CONN_REDIS_DEFAULT", json.dumps(connection))
        yield server


def quota_of(valkey: Valkey, **options: Any) -> RedisQuota:
    client = redis_client(host="127.0.0.1", port=valkey.port, timeout_seconds=5)
    return RedisQuota(client, Limits(), **options)


def interrupted(_: float) -> None:
    raise InterruptedError


@pytest.fixture
def quota(valkey: Valkey) -> RedisQuota:
    return quota_of(valkey)


@pytest.fixture
def fleet(board: Board) -> Board:
    board.user = User(rights={"sheets_worker": {"read"}})
    return board


def used(board: Board) -> dict[tuple[str, str], dict[str, Any]]:
    found = board.get("/quota/usage").json()["usages"]
    return {(each["account"], each["kind"]): each for each in found}


def test_calls_are_shown_by_project_and_account_against_their_limits(fleet: Board, quota: RedisQuota) -> None:
    for _ in range(3):
        quota.take(Kind.READ, ONE)
    quota.take(Kind.READ, TWO)
    held = quota.hold({Kind.READ: 1, Kind.WRITE: 2}, ONE, keep=True)
    assert held.use(Kind.WRITE), "what is kept counts once it is used"
    found = used(fleet)
    now = {key: (each["calls"][-1], each["normal"], each["limit"]) for key, each in found.items()}
    assert now == {
        ("", "read"): (4, 240, 300), ("", "write"): (1, 240, 300),
        (ONE, "read"): (3, 48, 60), (ONE, "write"): (1, 48, 60),
        (TWO, "read"): (1, 48, 60), (TWO, "write"): (0, 48, 60),
    }  # fmt: skip
    page = fleet.get("/quota").text
    assert page.index("project.iam.gserviceaccount.com</b>") < page.index(ONE) < page.index(TWO)
    assert "reads: 3 of 60 in the last minute" in page
    assert 'data-live="/drivetrain/quota/live"' in page
    live = fleet.get("/quota/live").text
    assert "reads: 3 of 60 in the last minute" in live
    assert "<html" not in live


def test_the_reserve_refusals_pauses_and_who_waits_are_shown(fleet: Board, valkey: Valkey, quota: RedisQuota) -> None:
    for _ in range(50):
        quota.take(Kind.WRITE, ONE, priority=Priority.HIGH)
    quota.refused(Kind.WRITE, TWO, retry_after_seconds=30)
    page = fleet.get("/quota").text
    for said in (">reserve<", "paused 2", "slowed to 50%", "1 refused"):
        assert said in page, said
    assert used(fleet)[TWO, "write"]["refused"] == 1
    with pytest.raises(InterruptedError):
        quota_of(valkey, sleep=interrupted).take(Kind.WRITE, ONE)
    assert used(fleet)[ONE, "write"]["waiting"] == 1
    assert used(fleet)[ONE, "write"]["calls"][-1] == 50, "a call that waits was not made"
    assert "1 waiting" in fleet.get("/quota/live").text


def test_without_redis_the_page_says_so_and_comes_back_by_itself(
    fleet: Board, valkey: Valkey, quota: RedisQuota
) -> None:
    quota.take(Kind.READ, ONE)
    valkey.kill()
    for path in ("/quota", "/quota/live"):
        answer = fleet.get(path)
        assert answer.status_code == 200, "the page goes on asking"
        assert "connection redis_default: Redis does not answer" in answer.text
        assert "Calls go on, each process with its safe share" in answer.text
    program = fleet.get("/quota/usage")
    assert program.status_code == 503
    assert "Redis does not answer" in program.json()["detail"]
    valkey.start()
    assert "No calls within the last two hours" in fleet.get("/quota/live").text


def test_without_the_connection_nothing_is_counted(fleet: Board) -> None:
    assert "There is no connection <code>redis_default</code>" in fleet.get("/quota").text
    assert fleet.get("/quota/usage").json()["usages"] is None


def test_an_account_is_text_whatever_it_holds(fleet: Board, quota: RedisQuota) -> None:
    evil = "<script>alert(1)</script>&\"'@project"
    quota.take(Kind.READ, evil)
    page = fleet.get("/quota").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_who_may_not_read_the_workers_dag_sees_none_of_it(board: Board, quota: RedisQuota) -> None:
    quota.take(Kind.READ, ONE)
    for path in PATHS:
        board.user = User(rights={"retail": {"read", "run", "edit"}})
        answer = board.get(path)
        assert answer.status_code == 403
        assert ONE not in answer.text
        board.user = None
        assert board.get(path).status_code == 401


def test_the_list_links_to_it_for_whoever_may_see_it(board: Board, engine: Any) -> None:
    link = 'href="/drivetrain/quota"'
    assert link not in board.get("/sheets").text
    board.user = User(rights={"sheets_worker": {"read"}})
    assert link in board.get("/sheets").text
    board.boards.dependency_overrides[get_auth_manager] = SimpleAuthManager
    board.user = SimpleAuthManagerUser(username="asha", role="VIEWER")  # type: ignore[assignment]
    assert link in board.get("/sheets").text
